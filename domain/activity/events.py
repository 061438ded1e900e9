"""What subscribers did, told by callers: checked one by one, written all at once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

import orjson

from domain.activity.models import Actor, EventKind
from domain.activity.signals import SignalFacts, record_signals
from domain.base.database import fetch, transaction
from domain.base.errors import DomainError, InvalidInputError, NotFoundError, RequiredError
from domain.base.ids import fact_id, new_id
from domain.base.partitions import ensure_months

NAME_MAX_LENGTH: Final = 100
KEY_MAX_LENGTH: Final = 200
PROPERTIES_MAX_BYTES: Final = 32 * 1024
PROPERTIES_MAX_DEPTH: Final = 8
EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
_CLOCK_SKEW: Final = timedelta(days=1)
_RECENT: Final = timedelta(days=1)
_VALUE_BOUND: Final = Decimal(10) ** 14
_VALUE_DECIMALS: Final = 4

_NAME = re.compile(r"\w(?:[\w .:/-]*\w)?")
_CURRENCY = re.compile(r"[A-Z]{3}")
# jsonb cannot hold the character NUL; an escaped backslash before `u0000` is another matter.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Starts(StrEnum):
    """Which new facts may start sequences that listen: none, those of the last day, all."""

    NONE = "none"
    RECENT = "recent"
    ALL = "all"


class EventStatus(StrEnum):
    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One fact as it was told. `subscriber` is an id, or an e-mail address in its kept form.

    Telling it again does nothing when `idempotency_key` and `occurred_at` are the same.
    """

    subscriber: UUID | str
    name: str
    occurred_at: datetime | None = None
    value: Decimal | None = None
    currency: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class EventResult:
    """What became of one fact; `event_id` is None exactly when there is an error."""

    status: EventStatus
    event_id: UUID | None = None
    error: DomainError | None = None


class EventRow(NamedTuple):
    """A row of `event` in the order of its columns; `properties` is JSON text."""

    id: UUID
    workspace_id: UUID
    subscriber_id: UUID
    message_id: UUID | None
    kind: EventKind
    name: str
    value: Decimal | None
    currency: str | None
    properties: str
    occurred_at: datetime
    recorded_at: datetime
    actor: Actor


_APPEND = f"""
INSERT INTO event ({", ".join(EventRow._fields)})
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],
                     $7::numeric[], $8::text[], $9::jsonb[], $10::timestamptz[],
                     $11::timestamptz[], $12::text[])
ON CONFLICT DO NOTHING
RETURNING id
"""


async def append_events(rows: Sequence[EventRow]) -> set[UUID]:
    """Write events in one statement; the ids of those that were not there before.

    Their months must have been made by `ensure_months`, their subscribers must exist.
    """
    if not rows:
        return set()
    # Two transactions that tell the same facts wait for each other in the same order.
    ordered = sorted(rows, key=lambda row: row.id)
    written = await fetch(_APPEND, *(list(column) for column in zip(*ordered, strict=True)))
    return {row["id"] for row in written}


async def record_events(
    workspace_id: UUID,
    events: Sequence[NewEvent],
    now: datetime,
    *,
    source: str = "api",
    starts: Starts = Starts.RECENT,
) -> list[EventResult]:
    """Record facts about subscribers; one result for each, in their order.

    A fact that is wrong, or whose subscriber is unknown, does not keep the others from being
    recorded. `source` tells apart idempotency keys of different origins.
    """
    checked = [_checked(event, now) for event in events]
    valid = [(event, item) for event, item in zip(events, checked, strict=True) if _is_valid(item)]
    await ensure_months("event", [event.occurred_at or now for event, _ in valid])
    async with transaction():
        known = await _known_subscribers(workspace_id, [event.subscriber for event, _ in valid])
        rows = [
            _row(workspace_id, known.get(event.subscriber), event, item, source, now)
            for event, item in zip(events, checked, strict=True)
        ]
        new = await append_events([row for row in rows if isinstance(row, EventRow)])
        await _pass_on(workspace_id, rows, new, starts, now)
    results = []
    for row in rows:
        if isinstance(row, DomainError):
            results.append(EventResult(EventStatus.ERROR, error=row))
        else:
            # The second of two equal facts in one call is a repeat like any other.
            is_new = row.id in new
            new.discard(row.id)
            status = EventStatus.RECORDED if is_new else EventStatus.DUPLICATE
            results.append(EventResult(status, event_id=row.id))
    return results


def _is_valid(item: str | DomainError) -> bool:
    return isinstance(item, str)


def _row(
    workspace_id: UUID,
    subscriber_id: UUID | None,
    event: NewEvent,
    properties: str | DomainError,
    source: str,
    now: datetime,
) -> EventRow | DomainError:
    if isinstance(properties, DomainError):
        return properties
    if subscriber_id is None:
        name = "subscriberId" if isinstance(event.subscriber, UUID) else "email"
        return NotFoundError("There is no such subscriber.", field=name)
    at = event.occurred_at or now
    key = event.idempotency_key
    return EventRow(
        id=new_id(at) if key is None else fact_id(at, workspace_id, source, key),
        workspace_id=workspace_id,
        subscriber_id=subscriber_id,
        message_id=None,
        kind=EventKind.CUSTOM,
        name=event.name,
        value=event.value,
        currency=event.currency,
        properties=properties,
        occurred_at=at,
        recorded_at=now,
        actor=Actor.HUMAN,
    )


async def _known_subscribers(
    workspace_id: UUID, wanted: Sequence[UUID | str]
) -> dict[UUID | str, UUID]:
    # The share lock keeps a subscriber from being deleted between this read and the event.
    rows = await fetch(
        """SELECT id, email FROM subscriber
           WHERE workspace_id = $1 AND (id = ANY($2::uuid[]) OR email = ANY($3::text[]))
           FOR KEY SHARE""",
        workspace_id,
        list({one for one in wanted if isinstance(one, UUID)}),
        list({one for one in wanted if isinstance(one, str)}),
    )
    return {key: row["id"] for row in rows for key in (row["id"], row["email"])}


async def _pass_on(
    workspace_id: UUID,
    rows: Sequence[EventRow | DomainError],
    new: set[UUID],
    starts: Starts,
    now: datetime,
) -> None:
    if starts is Starts.NONE:
        return
    heard = [
        row
        for row in rows
        if isinstance(row, EventRow)
        and row.id in new
        and (starts is Starts.ALL or row.occurred_at > now - _RECENT)
    ]
    facts = SignalFacts(
        keys=[row.name for row in heard],
        subscriber_ids=[row.subscriber_id for row in heard],
        properties=[_trigger(row) for row in heard],
        occurred_at=[row.occurred_at for row in heard],
    )
    await record_signals(workspace_id, EventKind.CUSTOM, facts)


def _trigger(row: EventRow) -> str:
    """What a started enrollment keeps of the event that started it."""
    return orjson.dumps(
        {
            "event_id": str(row.id),
            "value": None if row.value is None else str(row.value),
            "currency": row.currency,
            "properties": orjson.Fragment(row.properties),
        }
    ).decode()


def problem_of(event: NewEvent, now: datetime) -> DomainError | None:
    """What is wrong with an event, whoever its subscriber is; None when nothing is."""
    found = _checked(event, now)
    return found if isinstance(found, DomainError) else None


def _checked(event: NewEvent, now: datetime) -> str | DomainError:
    """The properties as JSON text, or what is wrong with the event."""
    try:
        _check_name(event.name)
        _check_time(event, now)
        _check_value(event.value, event.currency)
        return _properties_text(event.properties)
    except DomainError as error:
        return error


def _check_name(name: str) -> None:
    if len(name) > NAME_MAX_LENGTH or not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"An event's name is 1 to {NAME_MAX_LENGTH} letters, digits, blanks and _ . : / -, "
            "and begins and ends with a letter or digit.",
            field="name",
        )


def _check_time(event: NewEvent, now: datetime) -> None:
    at, key = event.occurred_at, event.idempotency_key
    if key is not None:
        if not 0 < len(key) <= KEY_MAX_LENGTH or not key.isprintable():
            raise InvalidInputError(
                f"An idempotency key is 1 to {KEY_MAX_LENGTH} printable characters.",
                field="idempotencyKey",
            )
        if at is None:
            raise RequiredError(
                "An idempotency key needs the time of the event: a repeat is known by both.",
                field="occurredAt",
            )
    if at is None:
        return
    if at.tzinfo is None:
        raise InvalidInputError("The time needs its offset from UTC.", field="occurredAt")
    if not EARLIEST <= at <= now + _CLOCK_SKEW:
        raise InvalidInputError("The time must lie between 1990 and tomorrow.", field="occurredAt")


def _check_value(value: Decimal | None, currency: str | None) -> None:
    if value is not None:
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int) or value.copy_abs() >= _VALUE_BOUND:
            raise InvalidInputError("A value is a number below 10^14.", field="value")
        if value != value.quantize(Decimal(1).scaleb(-_VALUE_DECIMALS)):
            raise InvalidInputError(
                f"A value has at most {_VALUE_DECIMALS} decimals.", field="value"
            )
    if currency is not None:
        if not _CURRENCY.fullmatch(currency):
            raise InvalidInputError(
                "A currency is three capital letters, such as EUR (ISO 4217).", field="currency"
            )
        if value is None:
            raise RequiredError("A currency needs a value.", field="value")


def _properties_text(properties: Mapping[str, object]) -> str:
    _check_depth(properties)
    try:
        text = orjson.dumps(properties)
    except TypeError as error:
        raise InvalidInputError(
            f"The properties are no JSON: {error}", field="properties"
        ) from None
    if len(text) > PROPERTIES_MAX_BYTES:
        raise InvalidInputError(
            f"The properties are larger than {PROPERTIES_MAX_BYTES} bytes.", field="properties"
        )
    if _NUL.search(text):
        raise InvalidInputError("The properties hold a NUL character.", field="properties")
    return text.decode()


def _check_depth(properties: Mapping[str, object]) -> None:
    level: list[object] = [properties]
    for _ in range(PROPERTIES_MAX_DEPTH):
        level = [inner for value in level for inner in _members(value)]
        if not level:
            return
    raise InvalidInputError(
        f"The properties are nested deeper than {PROPERTIES_MAX_DEPTH} levels.", field="properties"
    )


def _members(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
