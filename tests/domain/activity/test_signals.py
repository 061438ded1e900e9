from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from domain.activity.models import EventKind
from domain.activity.signals import SignalFacts, listen, record_signals, stop_listening
from domain.base import doorbells
from domain.base.clock import now
from domain.base.database import fetch, fetchrow
from domain.identity.accounts import Session
from tests.domain.activity.rows import (
    ChangedMindError,
    add_sequence,
    add_subscriber,
    count,
    do_and_roll_back,
)

Rung = list[tuple[str, dict[str, str]]]


@pytest.fixture
async def rung(database: str) -> AsyncIterator[Rung]:
    heard: Rung = []

    async def hear(name: str, ids: dict[str, str]) -> None:
        heard.append((name, ids))

    doorbells.connect(hear)
    yield heard
    doorbells.connect(None)


async def facts(workspace_id: UUID, *keys: str) -> SignalFacts:
    at = now()
    people = [await add_subscriber(workspace_id, f"{key or 'x'}@example.com") for key in keys]
    return SignalFacts(keys, people, ['{"plan": "pro"}'] * len(keys), [at] * len(keys))


async def test_nothing_is_written_when_no_one_listens(session: Session, rung: Rung) -> None:
    given = await facts(session.workspace_id, "order")
    assert await record_signals(session.workspace_id, EventKind.CUSTOM, given) == 0
    assert (await count("signal"), rung) == (0, [])


async def test_a_sequence_hears_what_it_listens_for_and_is_rung_once(
    session: Session, rung: Rung
) -> None:
    workspace_id = session.workspace_id
    sequence_id = await add_sequence(workspace_id)
    await listen(workspace_id, sequence_id, [(EventKind.CUSTOM, "order")])
    given = await facts(workspace_id, "order", "refund")
    assert await record_signals(workspace_id, EventKind.CUSTOM, given) == 1
    row = await fetchrow("SELECT * FROM signal")
    assert row is not None
    assert (row["sequence_id"], row["subscriber_id"], row["kind"], row["key"]) == (
        sequence_id,
        given.subscriber_ids[0],
        "custom",
        "order",
    )
    assert (row["properties"], row["occurred_at"]) == ('{"plan": "pro"}', given.occurred_at[0])
    assert (row["id"].version, row["id"].variant) == (7, "specified in RFC 4122")
    assert rung == [("sequences.admit", {"workspace_id": str(workspace_id)})]


async def test_the_same_key_of_another_kind_is_not_heard(session: Session, rung: Rung) -> None:
    sequence_id = await add_sequence(session.workspace_id)
    await listen(session.workspace_id, sequence_id, [(EventKind.TAG_ADDED, "order")])
    given = await facts(session.workspace_id, "order")
    assert await record_signals(session.workspace_id, EventKind.CUSTOM, given) == 0


async def test_a_fact_told_twice_makes_one_signal_for_each_listener(
    session: Session, rung: Rung
) -> None:
    workspace_id = session.workspace_id
    for name in ("Welcome", "Win back"):
        sequence_id = await add_sequence(workspace_id, name)
        await listen(workspace_id, sequence_id, [(EventKind.SUBSCRIBED, "")])
    given = await facts(workspace_id, "")
    assert await record_signals(workspace_id, EventKind.SUBSCRIBED, given) == 2
    assert await record_signals(workspace_id, EventKind.SUBSCRIBED, given) == 0
    assert (await count("signal"), len(rung)) == (2, 1)


async def test_signals_of_a_rolled_back_transaction_ring_no_one(
    session: Session, rung: Rung
) -> None:
    sequence_id = await add_sequence(session.workspace_id)
    await listen(session.workspace_id, sequence_id, [(EventKind.CUSTOM, "order")])
    given = await facts(session.workspace_id, "order")
    with pytest.raises(ChangedMindError):
        await do_and_roll_back(record_signals(session.workspace_id, EventKind.CUSTOM, given))
    assert (await count("signal"), rung) == (0, [])


async def test_listening_anew_replaces_what_was_listened_for(session: Session) -> None:
    workspace_id = session.workspace_id
    sequence_id = await add_sequence(workspace_id)
    await listen(workspace_id, sequence_id, [(EventKind.CUSTOM, "a"), (EventKind.CUSTOM, "b")])
    kept = await fetchrow("SELECT id FROM listener WHERE key = 'b'")
    await listen(workspace_id, sequence_id, [(EventKind.CUSTOM, "b"), (EventKind.TAG_ADDED, "a")])
    rows = await fetch("SELECT id, kind, key FROM listener ORDER BY kind")
    assert [(row["kind"], row["key"]) for row in rows] == [("custom", "b"), ("tag_added", "a")]
    assert kept is not None
    assert rows[0]["id"] == kept["id"]


async def test_a_sequence_that_stopped_listening_hears_nothing_new(
    session: Session, rung: Rung
) -> None:
    workspace_id = session.workspace_id
    sequence_id = await add_sequence(workspace_id)
    await listen(workspace_id, sequence_id, [(EventKind.CUSTOM, "order")])
    await stop_listening(workspace_id, sequence_id)
    given = await facts(workspace_id, "order")
    assert await record_signals(workspace_id, EventKind.CUSTOM, given) == 0
