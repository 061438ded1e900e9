from uuid import UUID

import orjson
import pytest

from domain.activity.models import EventKind
from domain.activity.signals import listen
from domain.base.database import fetch, fetchrow, fetchval
from domain.identity.accounts import Session
from schema.base.node import encode_id
from tests.api_client import Api
from tests.domain.activity.rows import add_sequence, add_subscriber, count

TRACK = """mutation (
  $events: [EventInput!]!, $create: Boolean! = false, $starts: Starts! = RECENT
) {
  trackEvents(events: $events, createSubscribers: $create, starts: $starts) {
    results { status eventId error { field message code } }
    recordedCount duplicateCount errorCount
    errors { field message code }
  }
}"""
NODE = """query ($id: ID!) { node(id: $id) { ... on Event {
  id kind name value currency properties occurredAt actor subscriberId messageId
} } }"""
AT = "1997-01-18T12:30:15.250000+00:00"


@pytest.fixture
async def anna(session: Session) -> UUID:
    return await add_subscriber(session.workspace_id, "anna@example.com")


async def test_an_order_is_recorded_and_read_back_whole(api: Api, anna: UUID) -> None:
    order = {
        "name": "order",
        "email": " Anna@EXAMPLE.com ",
        "occurredAt": AT,
        "value": "29.33",
        "currency": "USD",
        "properties": {"items": [{"sku": "CD-1"}]},
        "idempotencyKey": "17",
    }
    answer = (await api.run(TRACK, events=[order]))["trackEvents"]
    again = (await api.run(TRACK, events=[order]))["trackEvents"]
    event_id = answer["results"][0]["eventId"]
    assert answer == {
        "results": [{"status": "RECORDED", "eventId": event_id, "error": None}],
        "recordedCount": 1,
        "duplicateCount": 0,
        "errorCount": 0,
        "errors": [],
    }
    assert again["results"] == [{"status": "DUPLICATE", "eventId": event_id, "error": None}]
    assert (await api.run(NODE, id=event_id))["node"] == {
        "id": event_id,
        "kind": "CUSTOM",
        "name": "order",
        "value": "29.3300",
        "currency": "USD",
        "properties": {"items": [{"sku": "CD-1"}]},
        "occurredAt": AT,
        "actor": "HUMAN",
        "subscriberId": encode_id("Subscriber", anna),
        "messageId": None,
    }


async def test_each_event_is_answered_by_itself(api: Api, anna: UUID) -> None:
    global_id = encode_id("Subscriber", anna)
    events: list[dict[str, object]] = [
        {"name": "visit", "subscriberId": global_id},
        {"name": "visit"},
        {"name": "visit", "subscriberId": global_id, "email": "anna@example.com"},
        {"name": "visit", "email": "anna"},
        {"name": "visit", "email": "nobody@example.com"},
        {"name": "visit", "subscriberId": encode_id("Sequence", anna)},
        {"name": "visit", "subscriberId": global_id, "properties": [1]},
        {"name": "visit", "subscriberId": global_id, "occurredAt": "1980-01-01T00:00:00Z"},
    ]
    answer = (await api.run(TRACK, events=events))["trackEvents"]
    assert [
        one["error"] and (one["error"]["field"], one["error"]["code"]) for one in answer["results"]
    ] == [
        None,
        ("subscriberId", "REQUIRED"),
        ("email", "INVALID"),
        ("email", "INVALID"),
        ("email", "NOT_FOUND"),
        ("subscriberId", "NOT_FOUND"),
        ("properties", "INVALID"),
        ("occurredAt", "INVALID"),
    ]
    assert (answer["recordedCount"], answer["errorCount"]) == (1, 7)
    assert await count("event") == 1


async def test_unknown_people_are_made_when_asked_for_if_their_event_is_right(
    api: Api, session: Session
) -> None:
    events = [
        {"name": "order", "email": "New@example.com"},
        {"name": "", "email": "wrong@example.com"},
    ]
    answer = (await api.run(TRACK, events=events, create=True))["trackEvents"]
    assert [one["status"] for one in answer["results"]] == ["RECORDED", "ERROR"]
    rows = await fetch("SELECT email, status FROM subscriber")
    assert [tuple(row) for row in rows] == [("new@example.com", "subscribed")]


async def test_an_event_starts_a_sequence_that_listens_unless_told_not_to(
    api: Api, session: Session, anna: UUID
) -> None:
    sequence_id = await add_sequence(session.workspace_id)
    await listen(session.workspace_id, sequence_id, [(EventKind.CUSTOM, "order")])
    event = {"name": "order", "email": "anna@example.com", "value": "5"}
    await api.run(TRACK, events=[event], starts="NONE")
    assert await count("signal") == 0
    await api.run(TRACK, events=[event])
    row = await fetchrow("SELECT * FROM signal")
    assert row is not None
    assert (row["sequence_id"], row["subscriber_id"]) == (sequence_id, anna)
    assert orjson.loads(row["properties"])["value"] == "5"


async def test_another_workspaces_people_and_events_do_not_exist(
    api: Api, stranger: Api, anna: UUID
) -> None:
    event = {"name": "visit", "subscriberId": encode_id("Subscriber", anna)}
    mine = (await api.run(TRACK, events=[event]))["trackEvents"]["results"][0]
    theirs = (await stranger.run(TRACK, events=[event]))["trackEvents"]["results"][0]
    assert theirs["error"]["code"] == "NOT_FOUND"
    assert (await stranger.run(NODE, id=mine["eventId"]))["node"] is None
    assert await fetchval("SELECT count(*) FROM event") == 1


async def test_a_thousand_events_are_taken_at_once_and_no_more(api: Api, anna: UUID) -> None:
    event = {"name": "visit", "email": "anna@example.com"}
    answer = (await api.run(TRACK, events=[event] * 1_000))["trackEvents"]
    assert (answer["recordedCount"], await count("event")) == (1_000, 1_000)
    refused = (await api.run(TRACK, events=[event] * 1_001))["trackEvents"]
    assert [(one["field"], one["code"]) for one in refused["errors"]] == [
        ("events", "LIMIT_EXCEEDED")
    ]
    assert await count("event") == 1_000


async def test_telling_events_needs_a_sign_in(api: Api, anna: UUID) -> None:
    (error,) = await api.as_nobody().errors(TRACK, events=[])
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
