import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from domain.activity.hits import Hit, record_hits
from domain.activity.ingest import HitIngest, IngestUnavailableError
from domain.activity.models import Actor, EventKind
from domain.activity.rollups import COUNTERS
from domain.activity.tokens import MessageReference
from domain.base.clock import now
from domain.base.database import execute, fetchrow, fetchval
from domain.identity.accounts import Session
from tests.domain.activity.rows import (
    add_messages,
    add_revision,
    add_sequence,
    add_subscriber,
    count,
    events_of,
)

OPENED, CLICKED, UNSUBSCRIBED = EventKind.OPENED, EventKind.CLICKED, EventKind.UNSUBSCRIBED
HUMAN, PROXY, SCANNER = Actor.HUMAN, Actor.PROXY, Actor.SCANNER
AT = now().replace(second=30, microsecond=0)


class Mailing:
    """Ten messages to one person."""

    def __init__(self, workspace_id: UUID, subscriber_id: UUID, messages: list[UUID]) -> None:
        self.workspace_id = workspace_id
        self.subscriber_id = subscriber_id
        self.references = [MessageReference(one, workspace_id) for one in messages]

    def hit(self, kind: EventKind, actor: Actor = HUMAN, at: datetime = AT, number: int = 0) -> Hit:
        link = 1 if kind is CLICKED else None
        return Hit(self.references[number], kind, actor, at, link)


@pytest.fixture
async def mailing(session: Session) -> Mailing:
    workspace_id = session.workspace_id
    subscriber_id = await add_subscriber(workspace_id, "anna@example.com")
    sequence_id = await add_sequence(workspace_id)
    revision_id = await add_revision(
        workspace_id, ["https://example.com/{{ subscriber.id }}", "https://example.com/shop"]
    )
    messages = await add_messages(workspace_id, subscriber_id, revision_id, sequence_id, count=10)
    return Mailing(workspace_id, subscriber_id, messages)


@pytest.fixture
async def ingest(database: str) -> AsyncIterator[HitIngest]:
    made = HitIngest()
    await made.start()
    yield made
    await made.stop()


async def counted() -> dict[str, int]:
    """The counters that are not zero, over all hours."""
    sums = ", ".join(f"sum({name})::bigint AS {name}" for name in COUNTERS)
    row = await fetchrow(f"SELECT {sums} FROM message_rollup")
    assert row is not None
    return {name: number for name, number in row.items() if number}


async def firsts(message: MessageReference) -> dict[str, datetime]:
    row = await fetchrow(
        """SELECT opened_at, machine_opened_at, clicked_at, unsubscribed_at FROM message
           WHERE id = $1""",
        message.message_id,
    )
    assert row is not None
    return {name: at for name, at in row.items() if at is not None}


async def test_an_open_is_a_first_time_an_event_and_a_count(mailing: Mailing) -> None:
    (found,) = await record_hits([mailing.hit(OPENED)], AT)
    assert found is not None
    assert (found.subscriber_id, found.link) == (mailing.subscriber_id, None)
    assert await firsts(mailing.references[0]) == {"opened_at": AT}
    assert await events_of(mailing.subscriber_id) == [("opened", "opened", "human")]
    assert await counted() == {"opened": 1}


async def test_later_opens_of_a_message_are_events_but_do_not_count(mailing: Mailing) -> None:
    later = AT + timedelta(minutes=5)
    await record_hits([mailing.hit(OPENED)], AT)
    await record_hits([mailing.hit(OPENED, at=later)], later)
    assert await firsts(mailing.references[0]) == {"opened_at": AT}
    assert await counted() == {"opened": 1}
    assert await count("event") == 2


async def test_a_storm_on_one_message_within_a_minute_is_one_event(mailing: Mailing) -> None:
    storm = [mailing.hit(OPENED, at=AT + timedelta(milliseconds=n)) for n in range(500)]
    await record_hits(storm, AT)
    await record_hits(storm, AT)
    assert (await counted(), await count("event")) == ({"opened": 1}, 1)
    assert await firsts(mailing.references[0]) == {"opened_at": AT}


async def test_of_hits_that_come_together_the_earliest_is_the_first_time(
    mailing: Mailing,
) -> None:
    early = AT - timedelta(minutes=3)
    await record_hits([mailing.hit(OPENED), mailing.hit(OPENED, at=early)], AT)
    assert await firsts(mailing.references[0]) == {"opened_at": early}


@pytest.mark.parametrize(
    ("kind", "actor", "expected"),
    [
        (OPENED, PROXY, {"machine_opened": 1}),
        (OPENED, SCANNER, {"machine_opened": 1}),
        (CLICKED, HUMAN, {"clicked": 1}),
        (CLICKED, SCANNER, {}),
        (CLICKED, PROXY, {}),
        (UNSUBSCRIBED, HUMAN, {"unsubscribed": 1}),
    ],
)
async def test_machines_are_counted_apart(
    mailing: Mailing, kind: EventKind, actor: Actor, expected: dict[str, int]
) -> None:
    await record_hits([mailing.hit(kind, actor)], AT)
    assert await counted() == expected
    assert await events_of(mailing.subscriber_id) == [(kind.value, kind.value, actor.value)]


async def test_a_click_knows_its_link_as_the_template_has_it(mailing: Mailing) -> None:
    reference = mailing.references[0]
    hits = [Hit(reference, CLICKED, HUMAN, AT, number) for number in (1, 2, 3, 0, -1)]
    found = await record_hits(hits, AT)
    assert [one and one.link for one in found] == [
        "https://example.com/{{ subscriber.id }}",
        "https://example.com/shop",
        None,
        None,
        None,
    ]
    assert found[2:] == [None, None, None]
    assert (await counted(), await count("event")) == ({"clicked": 1}, 2)


async def test_a_message_that_is_gone_or_of_another_workspace_is_not_recorded(
    mailing: Mailing,
) -> None:
    foreign = MessageReference(mailing.references[0].message_id, mailing.subscriber_id)
    gone = MessageReference(mailing.subscriber_id, mailing.workspace_id)
    hits = [Hit(one, OPENED, HUMAN, AT) for one in (foreign, gone)]
    assert await record_hits(hits, AT) == [None, None]
    assert (await counted(), await count("event")) == ({}, 0)


async def test_batches_that_meet_on_the_same_messages_count_each_once(mailing: Mailing) -> None:
    forward = [mailing.hit(OPENED, number=n) for n in range(10)]
    backward = [mailing.hit(OPENED, number=n) for n in reversed(range(10))]
    await asyncio.gather(*(record_hits(one, AT) for one in [forward, backward] * 4))
    assert (await counted(), await count("event")) == ({"opened": 10}, 10)


async def test_many_requests_are_written_in_few_transactions(
    mailing: Mailing, ingest: HitIngest
) -> None:
    before = await fetchval("SELECT pg_current_xact_id()::text::bigint")
    hits = [mailing.hit(OPENED, number=n % 10) for n in range(1_000)]
    found = await asyncio.gather(*(ingest.record(hit) for hit in hits))
    after = await fetchval("SELECT pg_current_xact_id()::text::bigint")
    assert [one.message_id for one in found if one] == [h.message.message_id for h in hits]
    assert await counted() == {"opened": 10}
    assert isinstance(before, int)
    assert isinstance(after, int)
    # Two batches of 500 hits.
    assert after - before - 1 == 2


async def test_what_is_answered_is_committed(mailing: Mailing, ingest: HitIngest) -> None:
    assert await ingest.record(mailing.hit(CLICKED)) is not None
    assert await firsts(mailing.references[0]) == {"clicked_at": AT}


async def test_a_hit_beyond_what_may_wait_is_refused(mailing: Mailing) -> None:
    ingest = HitIngest(queue_limit=3)
    await ingest.start()
    waiting = [asyncio.ensure_future(ingest.record(mailing.hit(OPENED))) for _ in range(5)]
    done = await asyncio.gather(*waiting, return_exceptions=True)
    await ingest.stop()
    assert [type(one) for one in done[3:]] == [IngestUnavailableError] * 2
    assert [type(one).__name__ for one in done[:3]] == ["HitMessage"] * 3


async def test_a_failing_database_is_told_and_the_next_hit_is_recorded(
    mailing: Mailing, ingest: HitIngest
) -> None:
    await execute("ALTER TABLE event RENAME TO event_away")
    with pytest.raises(IngestUnavailableError):
        await ingest.record(mailing.hit(OPENED))
    await execute("ALTER TABLE event_away RENAME TO event")
    assert await counted() == {}
    assert await ingest.record(mailing.hit(OPENED)) is not None
    assert await counted() == {"opened": 1}


async def test_a_connection_lost_on_the_way_is_made_up_for(
    mailing: Mailing, ingest: HitIngest
) -> None:
    await execute(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid()"""
    )
    assert await ingest.record(mailing.hit(OPENED)) is not None
    assert await counted() == {"opened": 1}


async def test_stopping_writes_what_is_waiting(mailing: Mailing) -> None:
    ingest = HitIngest(batch_limit=1)
    await ingest.start()
    waiting = [asyncio.ensure_future(ingest.record(mailing.hit(OPENED, number=n))) for n in (0, 1)]
    await asyncio.sleep(0)
    await ingest.stop()
    assert [one.done() for one in waiting] == [True, True]
    assert await counted() == {"opened": 2}
    with pytest.raises(IngestUnavailableError):
        await ingest.record(mailing.hit(OPENED))
