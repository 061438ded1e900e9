"""Subscribers from a CSV file, as a job: asked for with the file, done by any worker."""

import re
from collections.abc import AsyncIterable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from domain.audience.addresses import normalise_email
from domain.audience.attribute_types import read_text, read_time, read_value
from domain.audience.columns import Column, ColumnMapping, Target
from domain.audience.csv_rows import Row
from domain.audience.header_names import SUBSCRIBER_HEADERS
from domain.audience.import_plans import FilePlan, PeekedFile, kept_filename, plan_file
from domain.audience.import_runs import Fault, Reading, Steps, run_file_job
from domain.audience.profile import read_locale, read_name, read_tags, read_timezone
from domain.audience.upserts import Person, upsert_people
from domain.base.database import transaction
from domain.base.errors import DomainError, InvalidInputError
from domain.base.job_files import append_file
from domain.base.jobs import ClaimedJob, Clock, Values, create_job
from domain.base.shapes import encode

IMPORT_SUBSCRIBERS: Final = "import_subscribers"
EARLIEST_CREATED: Final = datetime(1990, 1, 1, tzinfo=UTC)

_TAG_SEPARATORS: Final = re.compile("[;,|]")
_CLOCK_SKEW: Final = timedelta(days=1)

Setter = Callable[[Person, str], None]


async def start_import(
    workspace_id: UUID,
    chunks: AsyncIterable[bytes],
    now: datetime,
    *,
    filename: str = "",
    mapping: Sequence[ColumnMapping] = (),
) -> UUID:
    """Keep a CSV file and ask for its import; the job's id.

    What can be told from the file's first megabyte is: raises a `DomainError` when it is no CSV in
    UTF-8, has no column of e-mail addresses, or `mapping` does not fit it.
    """
    file = PeekedFile(chunks)
    await file.peek()
    plan = plan_file(
        file.head,
        is_whole=file.is_whole,
        told=mapping,
        names=SUBSCRIBER_HEADERS,
        required=(Target.EMAIL,),
    )
    async with transaction():
        given = {"filename": kept_filename(filename), "plan": encode(plan)}
        job_id = await create_job(workspace_id, IMPORT_SUBSCRIBERS, given, now)
        await append_file(workspace_id, job_id, file.chunks(), now)
    return job_id


async def run_import(job: ClaimedJob, clock: Clock) -> Values:
    """The runner of `IMPORT_SUBSCRIBERS`; counts `created` and `updated` besides rows."""
    return await run_file_job(job, clock, Steps(read=read_people, land=_land))


async def _land(
    job: ClaimedJob, batch: tuple[int, list[Person]], now: datetime
) -> Reading[dict[str, int]]:
    valid, people = batch
    created = len(await upsert_people(job.workspace_id, people, now))
    # A row whose address came earlier in the file updates what that one made.
    return Reading({"created": created, "updated": valid - created}, [])


def read_people(
    plan: FilePlan, rows: Sequence[Row], now: datetime
) -> Reading[tuple[int, list[Person]]]:
    """The people of these rows, each once, and how many rows tell of them.

    Of several rows with one address the later ones count as news on the earlier ones.
    """
    setters = [(column.index, column.name, _setter(column, now)) for column in plan.columns]
    people: dict[str, Person] = {}
    faults: list[Fault] = []
    for row in rows:
        found = _read_person(row, setters, plan.width)
        if isinstance(found, Fault):
            faults.append(found)
        elif found.email in people:
            people[found.email].learn(found)
        else:
            people[found.email] = found
    return Reading((len(rows) - len(faults), list(people.values())), faults)


def _read_person(
    row: Row, setters: Sequence[tuple[int, str, Setter]], width: int
) -> Person | Fault:
    fault = row_fault(row, width)
    if fault is not None:
        return fault
    person = Person(email="")
    given = len(row.fields)
    for index, name, put in setters:
        text = row.fields[index].strip() if index < given else ""
        try:
            put(person, text)
        except DomainError as error:
            return Fault(row.line, name, error.message)
    return person


def row_fault(row: Row, width: int) -> Fault | None:
    """What is wrong with the row as such. Missing last values count as empty ones."""
    if row.fault is not None:
        return Fault(row.line, None, row.fault)
    if len(row.fields) > width and any(map(str.strip, row.fields[width:])):
        reason = f"The row has {len(row.fields)} values, and there are {width} columns."
        return Fault(row.line, None, reason)
    return None


def _setter(column: Column, now: datetime) -> Setter:
    """Puts a trimmed text where its column goes; an empty one only where one is required."""
    match column.target:
        case Target.ATTRIBUTE:
            return partial(_put_attribute, column)
        case Target.CREATED_AT:
            return partial(_put_created_at, now)
        case _:
            return _SETTERS[column.target]


def _put_email(person: Person, text: str) -> None:
    person.email = normalise_email(text)


def _put_first_name(person: Person, text: str) -> None:
    person.first_name = read_name(text, "first_name")


def _put_last_name(person: Person, text: str) -> None:
    person.last_name = read_name(text, "last_name")


def _put_timezone(person: Person, text: str) -> None:
    if text:
        person.timezone = read_timezone(text)


def _put_locale(person: Person, text: str) -> None:
    if text:
        person.locale = read_locale(text)


def _put_tags(person: Person, text: str) -> None:
    if text:
        person.tags = read_tags(_TAG_SEPARATORS.split(text))


def _put_created_at(now: datetime, person: Person, text: str) -> None:
    if not text:
        return
    try:
        at = read_time(text)
    except ValueError:
        raise InvalidInputError(f"{text[:40]!r} is not a time in ISO 8601.") from None
    if not EARLIEST_CREATED <= at <= now + _CLOCK_SKEW:
        raise InvalidInputError("The time must lie between 1990 and now.")
    person.created_at = min(at, now)


def _put_attribute(column: Column, person: Person, text: str) -> None:
    if text:
        person.attributes[column.key] = read_attribute(column, text)


def read_attribute(column: Column, text: str) -> object:
    """The value in the column's type.

    What does not fit a detected type stays text: the guess was ours. What does not fit a told type
    raises `InvalidInputError`, and so does text that is too long.
    """
    try:
        return read_value(column.type, text)
    except ValueError:
        if column.is_strict:
            raise InvalidInputError(f"{text[:40]!r} is not of type {column.type.value}.") from None
    return read_text(text)


_SETTERS: Final[dict[Target, Setter]] = {
    Target.EMAIL: _put_email,
    Target.FIRST_NAME: _put_first_name,
    Target.LAST_NAME: _put_last_name,
    Target.TIMEZONE: _put_timezone,
    Target.LOCALE: _put_locale,
    Target.TAGS: _put_tags,
}
