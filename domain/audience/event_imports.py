"""Past events, such as orders, from a CSV file, as a job."""

import hashlib
from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Final
from uuid import UUID

import orjson

from domain.activity.events import EventStatus, NewEvent, Starts, problem_of
from domain.audience.addresses import normalise_email
from domain.audience.attribute_types import read_time
from domain.audience.columns import Column, ColumnMapping, Target
from domain.audience.csv_rows import Row
from domain.audience.header_names import EVENT_HEADERS
from domain.audience.import_plans import FilePlan, PeekedFile, kept_filename, plan_file
from domain.audience.import_runs import Fault, Reading, Steps, run_file_job
from domain.audience.imports import read_attribute, row_fault
from domain.audience.tracked import track_events
from domain.base.database import transaction
from domain.base.errors import DomainError, InvalidInputError, RequiredError
from domain.base.job_files import append_file
from domain.base.jobs import ClaimedJob, Clock, Values, create_job
from domain.base.partitions import ensure_months
from domain.base.shapes import decode, encode

IMPORT_EVENTS: Final = "import_events"
SOURCE: Final = "import"

_TARGET_BY_FIELD: Final = {
    "email": Target.EMAIL,
    "subscriberId": Target.EMAIL,
    "name": Target.NAME,
    "occurredAt": Target.OCCURRED_AT,
    "value": Target.VALUE,
    "currency": Target.CURRENCY,
    "idempotencyKey": Target.KEY,
}


@dataclass(slots=True)
class _Draft:
    line: int
    email: str = ""
    name: str = ""
    occurred_at: datetime | None = None
    value: Decimal | None = None
    currency: str | None = None
    key: str | None = None
    properties: dict[str, object] = field(default_factory=dict)


Setter = Callable[[_Draft, str], None]
_Batch = list[tuple[int, NewEvent]]


async def start_event_import(
    workspace_id: UUID,
    chunks: AsyncIterable[bytes],
    now: datetime,
    *,
    filename: str = "",
    mapping: Sequence[ColumnMapping] = (),
    name: str | None = None,
    creates_subscribers: bool = False,
    starts: Starts = Starts.NONE,
) -> UUID:
    """Keep a CSV file of events and ask for its import; the job's id.

    `name` names the events of a file without a column for it. Columns that are no part of an event
    become its properties. A row told again is known by its time and its key or, without a key, by
    all of its content: the same file again does nothing, and equal rows are one event.

    Raises a `DomainError` as `start_import` does.
    """
    if name is not None:
        problem = problem_of(NewEvent(subscriber="", name=name), now)
        if problem is not None:
            raise problem
    file = PeekedFile(chunks)
    await file.peek()
    plan = plan_file(
        file.head,
        is_whole=file.is_whole,
        told=mapping,
        names=EVENT_HEADERS,
        required=(Target.EMAIL, Target.OCCURRED_AT, *(() if name else (Target.NAME,))),
    )
    given = {
        "filename": kept_filename(filename),
        "plan": encode(plan),
        "name": name,
        "creates_subscribers": creates_subscribers,
        "starts": starts.value,
    }
    async with transaction():
        job_id = await create_job(workspace_id, IMPORT_EVENTS, given, now)
        await append_file(workspace_id, job_id, file.chunks(), now)
    return job_id


async def run_event_import(job: ClaimedJob, clock: Clock) -> Values:
    """The runner of `IMPORT_EVENTS`; counts `recorded` and `duplicates` besides rows."""
    name = job.input["name"]
    read = partial(_read_events, str(name) if name else "")
    return await run_file_job(job, clock, Steps(read=read, land=_land, prepare=_make_months))


async def _make_months(batch: _Batch) -> None:
    await ensure_months("event", [event.occurred_at for _, event in batch if event.occurred_at])


async def _land(job: ClaimedJob, batch: _Batch, now: datetime) -> Reading[dict[str, int]]:
    results = await track_events(
        job.workspace_id,
        [event for _, event in batch],
        now,
        creates_subscribers=bool(job.input["creates_subscribers"]),
        starts=Starts(str(job.input["starts"])),
        source=SOURCE,
    )
    titles = {column.target: column.name for column in decode(FilePlan, job.input["plan"]).columns}
    counts = {"recorded": 0, "duplicates": 0}
    faults = []
    for (line, _), result in zip(batch, results, strict=True):
        if result.error is not None:
            column = titles.get(_TARGET_BY_FIELD.get(result.error.field or "", Target.IGNORE))
            faults.append(Fault(line, column, result.error.message))
        elif result.status is EventStatus.RECORDED:
            counts["recorded"] += 1
        else:
            counts["duplicates"] += 1
    return Reading(counts, faults)


def _read_events(name: str, plan: FilePlan, rows: Sequence[Row], _now: datetime) -> Reading[_Batch]:
    setters = [(column.index, column.name, _setter(column)) for column in plan.columns]
    batch: _Batch = []
    faults: list[Fault] = []
    for row in rows:
        found = _read_event(row, setters, plan.width, name)
        if isinstance(found, Fault):
            faults.append(found)
        else:
            batch.append((row.line, found))
    return Reading(batch, faults)


def _read_event(
    row: Row, setters: Sequence[tuple[int, str, Setter]], width: int, name: str
) -> NewEvent | Fault:
    fault = row_fault(row, width)
    if fault is not None:
        return fault
    draft = _Draft(row.line, name=name)
    for index, title, put in setters:
        text = row.fields[index].strip() if index < len(row.fields) else ""
        try:
            put(draft, text)
        except DomainError as error:
            return Fault(row.line, title, error.message)
    return NewEvent(
        subscriber=draft.email,
        name=draft.name,
        occurred_at=draft.occurred_at,
        # Shops export a currency on each row, also where there is no value.
        value=draft.value,
        currency=None if draft.value is None else draft.currency,
        properties=draft.properties,
        idempotency_key=_natural_key(draft),
    )


def _natural_key(draft: _Draft) -> str:
    """The key told, within its name and person; without one a digest of all that was told."""
    told = [draft.email, draft.name, draft.key]
    if draft.key is None:
        value = None if draft.value is None else str(draft.value.normalize())
        told += [value, draft.currency, orjson.dumps(draft.properties).decode()]
    return hashlib.blake2b(orjson.dumps(told), digest_size=16).hexdigest()


def _setter(column: Column) -> Setter:
    if column.target is Target.ATTRIBUTE:
        return partial(_put_property, column)
    return _SETTERS[column.target]


def _put_email(draft: _Draft, text: str) -> None:
    draft.email = normalise_email(text)


def _put_name(draft: _Draft, text: str) -> None:
    draft.name = text or draft.name


def _put_occurred_at(draft: _Draft, text: str) -> None:
    if not text:
        raise RequiredError("The time is missing.")
    try:
        draft.occurred_at = read_time(text)
    except ValueError:
        raise InvalidInputError(f"{text[:40]!r} is not a time in ISO 8601.") from None


def _put_value(draft: _Draft, text: str) -> None:
    if not text:
        return
    try:
        draft.value = Decimal(text)
    except InvalidOperation:
        raise InvalidInputError(f"{text[:40]!r} is not a number.") from None


def _put_currency(draft: _Draft, text: str) -> None:
    draft.currency = text.upper() or None


def _put_key(draft: _Draft, text: str) -> None:
    draft.key = text or None


def _put_property(column: Column, draft: _Draft, text: str) -> None:
    if text:
        draft.properties[column.key] = read_attribute(column, text)


_SETTERS: Final[dict[Target, Setter]] = {
    Target.EMAIL: _put_email,
    Target.NAME: _put_name,
    Target.OCCURRED_AT: _put_occurred_at,
    Target.VALUE: _put_value,
    Target.CURRENCY: _put_currency,
    Target.KEY: _put_key,
}
