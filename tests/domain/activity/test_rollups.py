from datetime import timedelta

import pytest

from domain.activity.rollups import RollupRow, add_to_rollups, read_stats
from domain.base.clock import now
from domain.base.database import fetch
from domain.identity.accounts import Session
from tests.domain.activity.rows import (
    ChangedMindError,
    add_messages,
    add_revision,
    add_sequence,
    add_subscriber,
    do_and_roll_back,
)


async def test_counters_of_one_step_and_hour_add_up_in_one_row(session: Session) -> None:
    sequence_id = await add_sequence(session.workspace_id)
    at = now().replace(minute=10)
    here = (session.workspace_id, sequence_id)
    await add_to_rollups(
        [
            RollupRow(*here, "hello", at, queued=5, sent=2),
            RollupRow(*here, "hello", at + timedelta(minutes=40), sent=1),
            RollupRow(*here, "hello", at + timedelta(minutes=60), opened=1),
            RollupRow(*here, "again", at, queued=1),
        ]
    )
    await add_to_rollups([RollupRow(*here, "hello", at, sent=-1, unknown=1)])
    rows = await fetch(
        """SELECT step_key, hour, queued, sent, unknown, opened FROM message_rollup
           ORDER BY hour, step_key"""
    )
    hour = at.replace(minute=0, second=0, microsecond=0)
    assert [tuple(row) for row in rows] == [
        ("again", hour, 1, 0, 0, 0),
        ("hello", hour, 5, 2, 1, 0),
        ("hello", hour + timedelta(hours=1), 0, 0, 0, 1),
    ]


async def test_counters_of_a_rolled_back_transaction_do_not_count(session: Session) -> None:
    sequence_id = await add_sequence(session.workspace_id)
    row = RollupRow(session.workspace_id, sequence_id, "hello", now(), sent=1)
    await add_to_rollups([row])
    with pytest.raises(ChangedMindError):
        await do_and_roll_back(add_to_rollups([row]))
    found = await read_stats([(session.workspace_id, sequence_id)])
    assert found[sequence_id].sent == 1


async def test_statistics_of_several_sequences_come_in_one_read(session: Session) -> None:
    workspace_id = session.workspace_id
    first, second, silent = [await add_sequence(workspace_id, name) for name in "abc"]
    await add_to_rollups(
        [
            RollupRow(workspace_id, first, "hello", now(), queued=3, sent=2, failed=1),
            RollupRow(workspace_id, first, "hello", now() - timedelta(hours=30), sent=4, clicked=1),
            RollupRow(workspace_id, second, "hello", now(), skipped=1, delivered=1),
        ]
    )
    found = await read_stats([(workspace_id, one) for one in (first, second, silent)])
    assert (found[first].queued, found[first].sent, found[first].clicked) == (3, 6, 1)
    assert (found[first].delivered, found[second].delivered) == (None, 1)
    assert (found[silent].queued, found[silent].sent_per_second) == (0, 0.0)


async def test_a_sequence_of_another_workspace_has_no_statistics(session: Session) -> None:
    sequence_id = await add_sequence(session.workspace_id)
    assert await read_stats([(sequence_id, sequence_id)]) == {}


async def test_without_redis_the_rate_counts_messages_of_the_last_ten_seconds(
    session: Session,
) -> None:
    workspace_id = session.workspace_id
    sequence_id = await add_sequence(workspace_id)
    subscriber_id = await add_subscriber(workspace_id, "a@example.com")
    revision_id = await add_revision(workspace_id, [])
    await add_messages(workspace_id, subscriber_id, revision_id, sequence_id, count=30)
    found = await read_stats([(workspace_id, sequence_id)])
    assert found[sequence_id].sent_per_second == 3.0
