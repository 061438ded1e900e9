"""The audit log: who changed what gives power or lets data out, in a chain that shows tampering.

Each entry's hash covers the entry before it, and the chain's head (how many entries, the last
hash) stands apart. So an entry that was changed, taken out, put in, moved or cut off the end is
found by `audit_proof`. Whoever may rewrite all of it could forge a whole new chain: against that,
keep the head that `dripgraph verify-audit` prints somewhere else.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import orjson

from domain.base.database import execute, fetch, fetchrow, to_json, transaction
from domain.base.ids import new_id
from domain.base.pages import Page, PageRequest, page_of
from domain.identity.viewer import Viewer

Details = Mapping[str, str | int | Sequence[str] | None]

BEGINNING = bytes(32)
"""What the first entry names as the hash before it."""


class AuditAction(StrEnum):
    """What can be in the log."""

    MEMBER_ADDED = "member_added"
    ROLE_CHANGED = "role_changed"
    API_KEY_CREATED = "api_key_created"
    API_KEY_REVOKED = "api_key_revoked"
    SEQUENCE_PUBLISHED = "sequence_published"
    DATA_EXPORTED = "data_exported"


class Actor(NamedTuple):
    """Who did it: a person, an API key, or neither (a signed link, the command line)."""

    user_id: UUID | None = None
    api_key_id: UUID | None = None

    @classmethod
    def of(cls, viewer: Viewer | None) -> "Actor":
        return cls() if viewer is None else cls(viewer.user_id, viewer.api_key_id)


class Target(NamedTuple):
    """What it was done to: a type of the API and an id."""

    type: str
    id: UUID


class Entry(NamedTuple):
    """An entry as it is hashed. `number` counts from 1 in its workspace."""

    number: int
    id: UUID
    workspace_id: UUID
    action: str
    actor: Actor
    target: Target
    details: Mapping[str, object]
    at: datetime


COLUMNS = """id, workspace_id, number, action, actor_user_id, actor_api_key_id, target_type,
    target_id, details, at, previous_hash, hash"""


def hash_of(entry: Entry, previous_hash: bytes) -> bytes:
    """SHA-256 of the hash before and the entry as JSON with sorted keys and times in UTC."""
    told = orjson.dumps(
        [
            entry.number,
            entry.id,
            entry.workspace_id,
            entry.action,
            entry.actor.user_id,
            entry.actor.api_key_id,
            entry.target.type,
            entry.target.id,
            entry.details,
            entry.at.astimezone(UTC),
        ],
        # The driver's UUID is a class of its own.
        default=str,
        option=orjson.OPT_SORT_KEYS,
    )
    return hashlib.sha256(previous_hash + told).digest()


async def record(
    workspace_id: UUID,
    action: AuditAction,
    *,
    actor: Actor,
    target: Target,
    now: datetime,
    details: Details | None = None,
) -> None:
    """Add an entry, in the transaction that makes the change; both come true or neither.

    The chain's row is locked from here to the commit, so that entries of a workspace follow each
    other: record last.
    """
    async with transaction():
        head = await fetchrow(
            """INSERT INTO audit_chain AS c (id, workspace_id, entries, hash)
               VALUES ($1, $1, 0, $2)
               ON CONFLICT (id, workspace_id) DO UPDATE SET entries = c.entries
               RETURNING entries, hash""",
            workspace_id,
            BEGINNING,
        )
        if head is None:
            message = "an upsert answered no row"
            raise RuntimeError(message)
        entry = Entry(
            head["entries"] + 1,
            new_id(now),
            workspace_id,
            action.value,
            actor,
            target,
            details or {},
            now,
        )
        await execute(
            f"""WITH entry AS (
                  INSERT INTO audit_entry ({COLUMNS})
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                )
                UPDATE audit_chain SET entries = $3, hash = $12
                WHERE id = $2 AND workspace_id = $2""",
            entry.id,
            workspace_id,
            entry.number,
            entry.action,
            actor.user_id,
            actor.api_key_id,
            target.type,
            target.id,
            to_json(entry.details),
            now,
            head["hash"],
            hash_of(entry, head["hash"]),
        )


async def list_entries(workspace_id: UUID, request: PageRequest) -> Page:
    """A page of the log, newest first: by number, since several may be of one millisecond."""
    rows = await fetch(
        f"""SELECT {COLUMNS} FROM audit_entry
            WHERE workspace_id = $1 AND ($2::uuid IS NULL OR number <
              (SELECT number FROM audit_entry WHERE id = $2 AND workspace_id = $1))
            ORDER BY number DESC LIMIT $3""",
        workspace_id,
        request.after,
        request.first + 1,
    )
    return page_of(rows, request)
