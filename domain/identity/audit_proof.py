"""Proving that the audit log is as it was written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import orjson

from domain.base.database import Record, fetch, fetchrow
from domain.identity.audit import BEGINNING, COLUMNS, Actor, Entry, Target, hash_of

_READ_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Proof:
    """Of one workspace's chain: its head, and the first link that does not hold, if any."""

    workspace_id: UUID
    entries: int
    head: bytes
    broken: str | None


async def prove(workspace_id: UUID) -> Proof:
    """Walk the chain of a workspace from its first entry to its head."""
    head = await fetchrow(
        "SELECT entries, hash FROM audit_chain WHERE id = $1 AND workspace_id = $1", workspace_id
    )
    entries, stated = (0, BEGINNING) if head is None else (head["entries"], head["hash"])
    number, previous = 0, BEGINNING
    while rows := await fetch(
        f"""SELECT {COLUMNS} FROM audit_entry WHERE workspace_id = $1 AND number > $2
            ORDER BY number, id LIMIT {_READ_AT_ONCE}""",
        workspace_id,
        number,
    ):
        for row in rows:
            fault = _fault(row, number + 1, previous)
            if fault is None and row["number"] > entries:
                fault = f"entry {row['number']} ({row['id']}) was added behind the chain's end"
            if fault is not None:
                return Proof(workspace_id, entries, stated, fault)
            number, previous = row["number"], row["hash"]
    if number != entries:
        return Proof(workspace_id, entries, stated, f"entry {number + 1} is missing")
    if previous != stated:
        return Proof(workspace_id, entries, stated, f"the head is not the hash of entry {number}")
    return Proof(workspace_id, entries, stated, None)


async def prove_all() -> Sequence[Proof]:
    """The proofs of all workspaces that have a log or should have one."""
    rows = await fetch(
        """SELECT workspace_id FROM audit_chain UNION SELECT workspace_id FROM audit_entry
           ORDER BY workspace_id"""
    )
    return [await prove(row["workspace_id"]) for row in rows]


def _fault(row: Record, expected: int, previous: bytes) -> str | None:
    name = f"entry {row['number']} ({row['id']})"
    if row["number"] > expected:
        return f"entry {expected} is missing"
    if row["number"] < expected:
        return f"{name} is there twice"
    if row["previous_hash"] != previous:
        return f"{name} does not follow the entry before it"
    if row["hash"] != hash_of(_entry(row), previous):
        return f"{name} is not what was written"
    return None


def _entry(row: Record) -> Entry:
    details: Mapping[str, object] = orjson.loads(row["details"])
    return Entry(
        row["number"],
        row["id"],
        row["workspace_id"],
        row["action"],
        Actor(row["actor_user_id"], row["actor_api_key_id"]),
        Target(row["target_type"], row["target_id"]),
        details,
        row["at"],
    )
