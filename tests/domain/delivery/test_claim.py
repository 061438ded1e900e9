import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from domain.base.database import execute, fetchrow
from domain.delivery.claim import Claimed, claim_batch, has_due
from domain.delivery.messages import hold, insert_messages, release_hold
from tests.domain.delivery.shop import Shop, open_shop

OWNER = UUID(int=7)


async def claim(shop: Shop, *, after_seconds: float = 0, limit: int = 200) -> list[Claimed] | None:
    return await claim_batch(shop.at + timedelta(seconds=after_seconds), OWNER, limit)


async def test_a_repeated_visit_makes_one_message(shop: Shop) -> None:
    await shop.add_people(["ann@example.com", "bob@example.com"])
    assert await insert_messages([shop.message(0)], shop.at) == 1
    assert await insert_messages([shop.message(0), shop.message(1)], shop.at) == 1
    assert await insert_messages([], shop.at) == 0
    assert set((await shop.statuses()).values()) == {"queued"}
    assert len(await shop.statuses()) == 2
    assert await shop.counters() == {"queued": 2}


async def test_a_claim_takes_the_message_with_what_its_mail_needs(shop: Shop) -> None:
    await shop.add_people(["ann@example.com"])
    await execute(
        """UPDATE subscriber SET first_name = 'Ann', attributes = '{"plan": "gold"}',
           tags = '{vip,new}', timezone = 'Europe/Paris' WHERE id = $1""",
        shop.people[0],
    )
    await insert_messages([shop.message(0)], shop.at)
    assert await claim(shop) == [
        Claimed(
            message_id=shop.message(0).id,
            workspace_id=shop.workspace_id,
            enrollment_id=shop.enrollments[0],
            sequence_id=shop.sequence_id,
            step_key="hello",
            revision_id=shop.revision_id,
            attempt=1,
            queued_at=shop.at,
            deadline_at=None,
            lease_until=shop.at + timedelta(seconds=300),
            subscriber_id=shop.people[0],
            email="ann@example.com",
            first_name="Ann",
            last_name=None,
            timezone="Europe/Paris",
            locale=None,
            attributes='{"plan": "gold"}',
            tags=["vip", "new"],
        )
    ]
    row = await fetchrow("SELECT status, owner, attempts, lease_until FROM message")
    assert row is not None
    assert tuple(row) == ("sending", OWNER, 1, shop.at + timedelta(seconds=300))
    assert await claim(shop) is None


async def test_claims_at_the_same_time_share_the_queue(shop: Shop) -> None:
    ids = await shop.queue(500)
    batches = await asyncio.gather(*(claim_batch(shop.at, uuid4(), 70) for _ in range(8)))
    taken = [one.message_id for batch in batches if batch for one in batch]
    assert sorted(taken) == sorted(ids)


async def test_a_message_is_not_claimed_before_its_time(shop: Shop) -> None:
    await shop.add_people(["ann@example.com"])
    later = shop.message(0)._replace(send_after=shop.at + timedelta(hours=1))
    await insert_messages([later], shop.at)
    assert await claim(shop, after_seconds=3599) is None
    assert not await has_due(shop.at + timedelta(seconds=3599))
    assert await has_due(shop.at + timedelta(seconds=3600))
    claimed = await claim(shop, after_seconds=3600)
    assert claimed is not None
    assert len(claimed) == 1


async def test_a_long_queue_keeps_no_other_sequence_waiting(shop: Shop) -> None:
    long = await shop.queue(60)
    other = await open_shop(shop.workspace_id)
    await other.add_people(["ann@example.com"])
    late = other.message(0)._replace(send_after=shop.at + timedelta(seconds=1))
    await insert_messages([late], shop.at)
    turns = [await claim(shop, after_seconds=1, limit=1) for _ in range(60)]
    taken = [one.message_id for turn in turns if turn for one in turn]
    # By chance this fails once in 2 to the 60th runs.
    assert late.id in taken
    assert len({*taken} & {*long}) == 59


async def test_held_messages_stay_queued_until_released(shop: Shop) -> None:
    await shop.queue(1)
    await hold(shop.workspace_id, shop.sequence_id, shop.at)
    await hold(shop.workspace_id, shop.sequence_id, shop.at)
    assert await claim(shop) is None
    assert not await has_due(shop.at)
    assert list((await shop.statuses()).values()) == ["queued"]
    await release_hold(shop.workspace_id, shop.sequence_id)
    assert len(await claim(shop) or []) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE subscriber SET status = 'unsubscribed' WHERE id = $1", "unsubscribed"),
        ("UPDATE subscriber SET status = 'bounced' WHERE id = $1", "bounced"),
        ("UPDATE subscriber SET status = 'complained' WHERE id = $1", "complained"),
        (
            """INSERT INTO suppression (id, workspace_id, email, reason, created_at)
               SELECT id, workspace_id, email, 'manual', created_at
               FROM subscriber WHERE id = $1""",
            "suppressed",
        ),
    ],
)
async def test_who_must_not_be_mailed_is_skipped_with_the_reason(
    shop: Shop, change: str, reason: str
) -> None:
    ids = await shop.queue(2)
    await execute(change, shop.people[0])
    claimed = await claim(shop)
    assert claimed is not None
    assert [one.message_id for one in claimed] == [ids[1]]
    row = await fetchrow(
        """SELECT status, reason, skipped_at, owner, lease_until, attempts
           FROM message WHERE id = $1""",
        ids[0],
    )
    assert row is not None
    assert tuple(row) == ("skipped", reason, shop.at, None, None, 0)
    assert await shop.counters() == {"queued": 2, "skipped": 1}


async def test_a_suppression_of_another_workspace_stops_nobody(shop: Shop) -> None:
    await shop.queue(1)
    await execute(
        """INSERT INTO suppression (id, workspace_id, email, reason, created_at)
           SELECT $1, w.id, 'p0@example.com', 'manual', $3 FROM workspace w WHERE w.id <> $2""",
        uuid4(),
        shop.workspace_id,
        shop.at,
    )
    assert len(await claim(shop) or []) == 1


async def test_a_message_past_its_deadline_is_skipped(shop: Shop) -> None:
    await shop.add_people(["ann@example.com"])
    await insert_messages([shop.message(0, deadline=60)], shop.at)
    assert await claim(shop, after_seconds=61) == []
    row = await fetchrow("SELECT status, reason FROM message")
    assert row is not None
    assert tuple(row) == ("skipped", "too_late")
