from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import orjson
import pytest

from domain.activity.events import EventStatus, NewEvent, Starts, record_events
from domain.activity.models import EventKind
from domain.activity.signals import listen
from domain.base.clock import now
from domain.base.database import fetchrow, fetchval
from domain.base.errors import ErrorCode
from domain.identity.accounts import Session
from tests.domain.activity.rows import add_sequence, add_subscriber, count, days_ago

RECORDED, DUPLICATE, ERROR = EventStatus.RECORDED, EventStatus.DUPLICATE, EventStatus.ERROR


@pytest.fixture
async def anna(session: Session) -> UUID:
    return await add_subscriber(session.workspace_id, "anna@example.com")


async def test_an_event_keeps_all_that_was_told(session: Session, anna: UUID) -> None:
    at = datetime(1997, 1, 18, 12, 30, 15, 250_000, UTC)
    event = NewEvent(
        anna,
        "order placed",
        at,
        Decimal("29.3300"),
        "USD",
        {"items": [{"sku": "CD-1", "count": 2}]},
        "order-17",
    )
    told = now()
    (result,) = await record_events(session.workspace_id, [event], told)
    row = await fetchrow("SELECT * FROM event")
    assert row is not None
    assert (result.status, result.event_id) == (RECORDED, row["id"])
    assert (row["subscriber_id"], row["kind"], row["name"]) == (anna, "custom", "order placed")
    assert (row["value"], row["currency"]) == (Decimal("29.33"), "USD")
    assert orjson.loads(row["properties"]) == {"items": [{"sku": "CD-1", "count": 2}]}
    assert (row["occurred_at"], row["recorded_at"], row["actor"]) == (at, told, "human")
    assert await fetchval("SELECT tableoid::regclass::text FROM event") == "event_1997_01"


async def test_an_event_told_twice_is_recorded_once(session: Session, anna: UUID) -> None:
    event = NewEvent(anna, "order", days_ago(3), idempotency_key="order-17")
    told = now()
    first = await record_events(session.workspace_id, [event, event], told)
    again = await record_events(session.workspace_id, [event], told + timedelta(hours=1))
    assert [one.status for one in (*first, *again)] == [RECORDED, DUPLICATE, DUPLICATE]
    assert len({one.event_id for one in (*first, *again)}) == 1
    assert await count("event") == 1


async def test_the_same_key_of_another_source_is_another_event(
    session: Session, anna: UUID
) -> None:
    event = NewEvent(anna, "order", days_ago(3), idempotency_key="17")
    await record_events(session.workspace_id, [event], now(), source="shop")
    (result,) = await record_events(session.workspace_id, [event], now(), source="till")
    assert (result.status, await count("event")) == (RECORDED, 2)


async def test_events_without_a_key_are_all_recorded(session: Session, anna: UUID) -> None:
    event = NewEvent(anna, "visit", days_ago(1))
    results = await record_events(session.workspace_id, [event, event], now())
    assert ([one.status for one in results], await count("event")) == ([RECORDED] * 2, 2)


async def test_a_subscriber_is_found_by_address(session: Session, anna: UUID) -> None:
    (result,) = await record_events(
        session.workspace_id, [NewEvent("anna@example.com", "visit")], now()
    )
    assert result.status is RECORDED
    assert await fetchval("SELECT subscriber_id FROM event") == anna


async def test_one_wrong_event_does_not_keep_the_others_out(session: Session, anna: UUID) -> None:
    results = await record_events(
        session.workspace_id,
        [
            NewEvent(anna, "visit"),
            NewEvent("nobody@example.com", "visit"),
            NewEvent(session.user_id, "visit"),
            NewEvent(anna, ""),
            NewEvent(anna, "order"),
        ],
        now(),
    )
    assert [one.status for one in results] == [RECORDED, ERROR, ERROR, ERROR, RECORDED]
    assert [one.error and (one.error.field, one.error.code) for one in results] == [
        None,
        ("email", ErrorCode.NOT_FOUND),
        ("subscriberId", ErrorCode.NOT_FOUND),
        ("name", ErrorCode.INVALID),
        None,
    ]
    assert await count("event") == 2


async def test_a_subscriber_of_another_workspace_is_no_subscriber(
    session: Session, anna: UUID
) -> None:
    other = await fetchval("SELECT id FROM workspace WHERE id <> $1", session.workspace_id)
    assert isinstance(other, UUID)
    (result,) = await record_events(other, [NewEvent(anna, "visit")], now())
    assert result.error is not None
    assert (result.error.code, await count("event")) == (ErrorCode.NOT_FOUND, 0)


def deep(levels: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(levels - 1):
        value = {"in": value}
    return value


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": "x" * 101}, "name", ErrorCode.INVALID),
        ({"name": " order"}, "name", ErrorCode.INVALID),
        ({"name": "a\nb"}, "name", ErrorCode.INVALID),
        ({"name": "a\x00b"}, "name", ErrorCode.INVALID),
        ({"name": "\ud800"}, "name", ErrorCode.INVALID),
        ({"occurred_at": datetime(1989, 12, 31, tzinfo=UTC)}, "occurredAt", ErrorCode.INVALID),
        ({"occurred_at": days_ago(-1.5)}, "occurredAt", ErrorCode.INVALID),
        ({"occurred_at": datetime(2020, 1, 1)}, "occurredAt", ErrorCode.INVALID),  # noqa: DTZ001  what is refused
        ({"idempotency_key": "17"}, "occurredAt", ErrorCode.REQUIRED),
        ({"idempotency_key": ""}, "idempotencyKey", ErrorCode.INVALID),
        ({"idempotency_key": "x" * 201}, "idempotencyKey", ErrorCode.INVALID),
        ({"value": Decimal("NaN")}, "value", ErrorCode.INVALID),
        ({"value": Decimal("-Infinity")}, "value", ErrorCode.INVALID),
        ({"value": Decimal("1e14")}, "value", ErrorCode.INVALID),
        ({"value": Decimal("1e999999")}, "value", ErrorCode.INVALID),
        ({"value": Decimal("1e-999999")}, "value", ErrorCode.INVALID),
        ({"value": Decimal("0.00001")}, "value", ErrorCode.INVALID),
        ({"value": Decimal(1), "currency": "eur"}, "currency", ErrorCode.INVALID),
        ({"value": Decimal(1), "currency": "EURO"}, "currency", ErrorCode.INVALID),
        ({"currency": "EUR"}, "value", ErrorCode.REQUIRED),
        ({"properties": {"text": "x" * 32_768}}, "properties", ErrorCode.INVALID),
        ({"properties": {"text": "\x00"}}, "properties", ErrorCode.INVALID),
        ({"properties": {"\x00": 1}}, "properties", ErrorCode.INVALID),
        ({"properties": {"text": "\ud800"}}, "properties", ErrorCode.INVALID),
        ({"properties": {"number": 2**64}}, "properties", ErrorCode.INVALID),
        ({"properties": deep(9)}, "properties", ErrorCode.INVALID),
        ({"properties": deep(50_000)}, "properties", ErrorCode.INVALID),
    ],
)
async def test_wrong_input_is_named(
    session: Session, anna: UUID, changes: dict[str, object], field: str, code: ErrorCode
) -> None:
    given: dict[str, object] = {"subscriber": anna, "name": "order", **changes}
    (result,) = await record_events(session.workspace_id, [NewEvent(**given)], now())  # type: ignore[arg-type]
    assert result.error is not None
    assert (result.error.field, result.error.code) == (field, code)
    assert await count("event") == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Käufe / Laden:Nr. 7-a_b"},
        {"occurred_at": datetime(1990, 1, 1, tzinfo=UTC)},
        {"occurred_at": days_ago(-0.5)},
        {"value": Decimal("-99999999999999.9999"), "currency": "JPY"},
        {"value": Decimal("1e5")},
        {"properties": deep(8)},
        {"properties": {"path": "C:\\u0000", "number": 2**63}},
    ],
)
async def test_the_edges_of_what_is_allowed_are_recorded(
    session: Session, anna: UUID, changes: dict[str, object]
) -> None:
    given: dict[str, object] = {"subscriber": anna, "name": "order", **changes}
    (result,) = await record_events(session.workspace_id, [NewEvent(**given)], now())  # type: ignore[arg-type]
    assert (result.status, await count("event")) == (RECORDED, 1)


@pytest.mark.parametrize(
    ("starts", "heard"), [(Starts.NONE, []), (Starts.RECENT, ["new"]), (Starts.ALL, ["old", "new"])]
)
async def test_only_the_events_asked_for_start_sequences(
    session: Session, anna: UUID, starts: Starts, heard: list[str]
) -> None:
    sequence_id = await add_sequence(session.workspace_id)
    await listen(session.workspace_id, sequence_id, [(EventKind.CUSTOM, "order")])
    events = [
        NewEvent(anna, "order", days_ago(1.1), properties={"age": "old"}, idempotency_key="1"),
        NewEvent(anna, "order", days_ago(0.9), properties={"age": "new"}, idempotency_key="2"),
        NewEvent(anna, "visit", days_ago(0.9)),
    ]
    await record_events(session.workspace_id, events, now(), starts=starts)
    await record_events(session.workspace_id, events, now(), starts=starts)
    found = await fetchval(
        """SELECT coalesce(array_agg(properties #>> '{properties,age}' ORDER BY id), '{}')
           FROM signal"""
    )
    assert found == heard


async def test_a_sequence_that_is_started_knows_the_event(session: Session, anna: UUID) -> None:
    sequence_id = await add_sequence(session.workspace_id)
    await listen(session.workspace_id, sequence_id, [(EventKind.CUSTOM, "order")])
    event = NewEvent(anna, "order", value=Decimal("9.50"), currency="EUR", properties={"a": [1]})
    (result,) = await record_events(session.workspace_id, [event], now())
    assert orjson.loads(str(await fetchval("SELECT properties FROM signal"))) == {
        "event_id": str(result.event_id),
        "value": "9.50",
        "currency": "EUR",
        "properties": {"a": [1]},
    }
