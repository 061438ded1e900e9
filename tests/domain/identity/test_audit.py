"""The audit log: one chain a workspace, in which any tampering shows."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.base import database as db
from domain.base.ids import new_id
from domain.base.pages import PageRequest
from domain.identity.accounts import Session
from domain.identity.audit import BEGINNING, Actor, AuditAction, Target, list_entries, record
from domain.identity.audit_proof import prove, prove_all

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
KEY = UUID("019c0000-0000-7000-8000-000000000001")


async def note(workspace_id: UUID, number: int) -> None:
    await record(
        workspace_id,
        AuditAction.API_KEY_CREATED,
        actor=Actor(api_key_id=KEY),
        target=Target("ApiKey", KEY),
        details={"name": f"Key {number} é", "scopes": ["read"], "expires_at": None},
        now=NOW + timedelta(seconds=number),
    )


@pytest.fixture
async def log(session: Session) -> UUID:
    """The workspace of a log of five entries."""
    for number in range(1, 6):
        await note(session.workspace_id, number)
    return session.workspace_id


async def test_an_entry_is_hashed_with_the_hash_of_the_one_before(log: UUID) -> None:
    first, second = await db.fetch(
        "SELECT * FROM audit_entry WHERE workspace_id = $1 ORDER BY number LIMIT 2", log
    )
    assert first["previous_hash"] == BEGINNING
    assert second["previous_hash"] == first["hash"]
    told = [
        1, str(first["id"]), str(log), "api_key_created", None, str(KEY), "ApiKey", str(KEY),
        {"expires_at": None, "name": "Key 1 é", "scopes": ["read"]},
        "2026-03-01T12:00:01.123456+00:00",
    ]  # fmt: skip
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    assert first["hash"] == hashlib.sha256(BEGINNING + text.encode()).digest()


async def test_a_chain_that_nobody_touched_holds_up_to_its_head(log: UUID) -> None:
    proof = await prove(log)
    last = await db.fetchval(
        "SELECT hash FROM audit_entry WHERE workspace_id = $1 AND number = 5", log
    )
    assert (proof.entries, proof.head, proof.broken) == (5, last, None)


ENTRY = "audit_entry WHERE number = 3"
TAMPERING = {
    "an action": ("UPDATE audit_entry SET action = 'role_changed' WHERE number = 3", "written"),
    "an actor": ("UPDATE audit_entry SET actor_api_key_id = NULL WHERE number = 3", "written"),
    "a target": ("UPDATE audit_entry SET target_type = 'User' WHERE number = 3", "written"),
    "a detail": (
        "UPDATE audit_entry SET details = details || '{\"scopes\": []}' WHERE number = 3",
        "written",
    ),
    "a microsecond": (
        "UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE number = 3",
        "written",
    ),
    "a hash": ("UPDATE audit_entry SET hash = sha256('x') WHERE number = 3", "written"),
    "a link": ("UPDATE audit_entry SET previous_hash = hash WHERE number = 3", "follow"),
}


@pytest.mark.parametrize("part", TAMPERING)
async def test_a_changed_entry_is_named(log: UUID, part: str) -> None:
    statement, words = TAMPERING[part]
    identifier = await db.fetchval(f"SELECT id FROM {ENTRY}")
    assert await db.execute(statement) == 1
    endings = {
        "written": f"entry 3 ({identifier}) is not what was written",
        "follow": f"entry 3 ({identifier}) does not follow the entry before it",
    }
    assert (await prove(log)).broken == endings[words]


@pytest.mark.parametrize("number", [1, 3, 5])
async def test_a_deleted_entry_is_missed_wherever_it_stood(log: UUID, number: int) -> None:
    await db.execute("DELETE FROM audit_entry WHERE number = $1", number)
    assert (await prove(log)).broken == f"entry {number} is missing"


async def test_a_log_cut_off_or_emptied_is_missed(log: UUID) -> None:
    await db.execute("DELETE FROM audit_entry WHERE number > 2")
    assert (await prove(log)).broken == "entry 3 is missing"
    await db.execute("DELETE FROM audit_entry")
    assert (await prove(log)).broken == "entry 1 is missing"


async def test_entries_that_changed_places_are_found(log: UUID) -> None:
    # Numbers are unique: one makes way first.
    for number, other in ((3, 99), (4, 3), (99, 4)):
        await db.execute("UPDATE audit_entry SET number = $2 WHERE number = $1", number, other)
    moved = await db.fetchval("SELECT id FROM audit_entry WHERE number = 3")
    assert (await prove(log)).broken == f"entry 3 ({moved}) does not follow the entry before it"


async def test_an_entry_added_behind_the_end_is_found_even_with_a_sound_hash(log: UUID) -> None:
    head = await db.fetchrow("SELECT entries, hash FROM audit_chain WHERE workspace_id = $1", log)
    assert head is not None
    await note(log, 6)
    await db.execute(
        "UPDATE audit_chain SET entries = $2, hash = $3 WHERE workspace_id = $1",
        log, head["entries"], head["hash"],
    )  # fmt: skip
    added = await db.fetchval("SELECT id FROM audit_entry WHERE number = 6")
    assert (await prove(log)).broken == f"entry 6 ({added}) was added behind the chain's end"


async def test_a_head_that_was_changed_or_removed_is_found(log: UUID) -> None:
    await db.execute("UPDATE audit_chain SET hash = sha256('x')")
    assert (await prove(log)).broken == "the head is not the hash of entry 5"
    await db.execute("DELETE FROM audit_chain")
    first = await db.fetchval("SELECT id FROM audit_entry WHERE number = 1")
    (proof,) = await prove_all()
    assert proof.broken == f"entry 1 ({first}) was added behind the chain's end"


async def test_entries_moved_to_another_workspace_break_both_chains(log: UUID) -> None:
    stranger = await db.fetchval("SELECT id FROM workspace WHERE id <> $1", log)
    await db.execute("UPDATE audit_entry SET workspace_id = $1 WHERE number = 5", stranger)
    assert {proof.workspace_id: proof.broken for proof in await prove_all()} == {
        log: "entry 5 is missing",
        stranger: "entry 1 is missing",
    }


async def test_entries_recorded_at_once_follow_each_other(session: Session) -> None:
    await asyncio.gather(*(note(session.workspace_id, number) for number in range(1, 41)))
    proof = await prove(session.workspace_id)
    assert (proof.entries, proof.broken) == (40, None)


async def test_what_is_rolled_back_leaves_no_entry(log: UUID) -> None:
    async def broken_off() -> None:
        async with db.transaction():
            await note(log, 6)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken_off()
    assert (await prove(log)).entries == 5
    await note(log, 6)
    assert (await prove(log)).broken is None


async def test_an_entry_costs_two_statements(session: Session, statements: list[str]) -> None:
    await note(session.workspace_id, 1)
    assert len(statements) == 2


async def test_pages_are_newest_first_even_within_a_millisecond(session: Session) -> None:
    for _ in range(7):
        await note(session.workspace_id, 1)
    seen: list[int] = []
    request = PageRequest(3)
    while True:
        page = await list_entries(session.workspace_id, request)
        seen += [row["number"] for row in page.rows]
        if not page.has_next_page:
            break
        request = PageRequest(3, page.rows[-1]["id"])
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    foreign = await list_entries(session.workspace_id, PageRequest(3, new_id(NOW)))
    assert list(foreign.rows) == []
