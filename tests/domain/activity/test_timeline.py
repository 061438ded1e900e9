from datetime import timedelta
from uuid import UUID, uuid4

from domain.activity.events import NewEvent, record_events
from domain.activity.hits import Hit, record_hits
from domain.activity.models import Actor, EventKind
from domain.activity.timeline import (
    read_events,
    read_events_of_messages,
    read_events_of_subscribers,
)
from domain.activity.tokens import MessageReference
from domain.base.clock import now
from domain.base.pages import PageRequest
from domain.identity.accounts import Session
from tests.domain.activity.rows import add_messages, add_revision, add_sequence, add_subscriber


async def tell(workspace_id: UUID, subscriber_id: UUID, *names: str) -> list[UUID]:
    """Events a minute apart, oldest first."""
    at = now() - timedelta(hours=1)
    events = [
        NewEvent(subscriber_id, name, at + timedelta(minutes=number))
        for number, name in enumerate(names)
    ]
    results = await record_events(workspace_id, events, now())
    return [one.event_id for one in results if one.event_id is not None]


async def test_each_subscriber_gets_a_page_of_their_own_newest_first(session: Session) -> None:
    workspace_id = session.workspace_id
    anna, bert, carl = [await add_subscriber(workspace_id, f"{n}@example.com") for n in "abc"]
    annas = await tell(workspace_id, anna, "a1", "a2", "a3")
    await tell(workspace_id, bert, "b1")
    pages = await read_events_of_subscribers(workspace_id, [anna, bert, carl], PageRequest(2))
    found = {
        key: ([row["name"] for row in page.rows], page.has_next_page) for key, page in pages.items()
    }
    assert found == {anna: (["a3", "a2"], True), bert: (["b1"], False), carl: ([], False)}
    rest = await read_events_of_subscribers(workspace_id, [anna], PageRequest(2, annas[1]))
    assert [row["id"] for row in rest[anna].rows] == [annas[0]]


async def test_events_of_another_workspace_are_not_read(session: Session) -> None:
    anna = await add_subscriber(session.workspace_id, "a@example.com")
    (event_id,) = await tell(session.workspace_id, anna, "visit")
    assert await read_events(uuid4(), [event_id]) == {}
    pages = await read_events_of_subscribers(uuid4(), [anna], PageRequest(10))
    assert list(pages[anna].rows) == []
    assert list(await read_events(session.workspace_id, [event_id])) == [event_id]


async def test_what_happened_to_each_message_is_told_apart(session: Session) -> None:
    workspace_id = session.workspace_id
    anna = await add_subscriber(workspace_id, "a@example.com")
    revision_id = await add_revision(workspace_id, ["https://example.com"])
    sequence_id = await add_sequence(workspace_id)
    first, second = await add_messages(workspace_id, anna, revision_id, sequence_id, count=2)
    reference = MessageReference(first, workspace_id)
    at = now()
    hits = [
        Hit(reference, EventKind.CLICKED, Actor.HUMAN, at, 1),
        Hit(reference, EventKind.OPENED, Actor.PROXY, at - timedelta(minutes=2)),
    ]
    await record_hits(hits, at)
    await tell(workspace_id, anna, "visit")
    found = await read_events_of_messages(workspace_id, [first, second], [anna, anna])
    assert [(row["kind"], row["actor"]) for row in found[first]] == [
        ("opened", "proxy"),
        ("clicked", "human"),
    ]
    assert found[second] == []


async def test_what_happened_to_a_message_within_a_minute_is_in_order(session: Session) -> None:
    workspace_id = session.workspace_id
    anna = await add_subscriber(workspace_id, "a@example.com")
    revision_id = await add_revision(workspace_id, [f"https://example.com/{n}" for n in range(9)])
    sequence_id = await add_sequence(workspace_id)
    (message_id,) = await add_messages(workspace_id, anna, revision_id, sequence_id, count=1)
    reference = MessageReference(message_id, workspace_id)
    minute = now().replace(second=0, microsecond=0)
    for number in range(1, 10):
        at = minute + timedelta(seconds=number)
        await record_hits([Hit(reference, EventKind.CLICKED, Actor.HUMAN, at, number)], at)
    found = await read_events_of_messages(workspace_id, [message_id], [anna])
    assert [row["properties"] for row in found[message_id]] == [
        f'{{"link": {number}}}' for number in range(1, 10)
    ]
