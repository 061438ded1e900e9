"""Sequences and their drafts: made, edited, set going, paused, put away."""

from collections.abc import Sequence as Rows
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from domain.activity.models import EventKind
from domain.activity.signals import listen, stop_listening
from domain.base import doorbells
from domain.base.database import Record, execute, fetch, fetchrow, fetchval, to_json, transaction
from domain.base.errors import (
    ConflictError,
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
)
from domain.base.ids import new_id
from domain.base.pages import Page, PageRequest, page_of
from domain.base.shapes import Json
from domain.delivery.cancelling import skip_queued
from domain.delivery.messages import hold, release_hold
from domain.identity.accounts import checked_name
from domain.sequences.definition import (
    Definition,
    EventHappened,
    Manual,
    Subscribed,
    TagAdded,
    Trigger,
)
from domain.sequences.models import SequenceStatus
from domain.sequences.people import people_changed

ADVANCE: Final = "sequences.advance"
MAX_DRAFT_CHARACTERS: Final = 500_000

# jsonb goes out as text; `draft` is a definition's JSON.
COLUMNS: Final = """id, workspace_id, name, status, draft::text AS draft, draft_revision,
    active_version_id, created_at, updated_at"""
GONE: Final = "There is no such sequence."


# The key of the advisory lock under which the status of a sequence `w` changes.
CHANGING: Final = "hashtextextended(w.workspace_id::text || w.id, 0)"


async def create_sequence(
    workspace_id: UUID, name: str, definition: Definition, now: datetime
) -> Record:
    """A new sequence with its draft.

    Raises RequiredError, InvalidInputError, LimitExceededError.
    """
    row = await fetchrow(
        f"""INSERT INTO sequence (id, workspace_id, name, status, draft, draft_revision,
              created_at, updated_at)
            VALUES ($1, $2, $3, 'draft', $4::jsonb, 1, $5, $5) RETURNING {COLUMNS}""",
        new_id(now),
        workspace_id,
        checked_name(name, "name"),
        _draft_text(definition),
        now,
    )
    return _there(row)


async def update_draft(
    workspace_id: UUID,
    sequence_id: UUID,
    *,
    expected_revision: int,
    now: datetime,
    name: str | None = None,
    definition: Definition | None = None,
) -> Record:
    """Change what is given of name and draft, if nobody else has since `expected_revision`.

    An edit that is repeated word for word, because its answer was lost, succeeds again. Raises
    NotFoundError, ConflictError, RequiredError, InvalidInputError, LimitExceededError.
    """
    text = None if definition is None else _draft_text(definition)
    new_name = None if name is None else checked_name(name, "name")
    row = await fetchrow(
        f"""UPDATE sequence SET draft_revision = draft_revision + 1, updated_at = $4,
              name = coalesce($5, name), draft = coalesce($6::jsonb, draft)
            WHERE id = $1 AND workspace_id = $2 AND draft_revision = $3 AND status <> 'archived'
            RETURNING {COLUMNS}""",
        sequence_id,
        workspace_id,
        expected_revision,
        now,
        new_name,
        text,
    )
    if row is not None:
        return row
    row = _there(await find_sequence(workspace_id, sequence_id))
    if row["status"] == "archived":
        raise ConflictError("This sequence is archived.", field="id")
    is_repeat = (
        row["draft_revision"] == expected_revision + 1
        and (new_name is None or row["name"] == new_name)
        and (text is None or orjson.loads(row["draft"]) == orjson.loads(text))
    )
    if is_repeat:
        return row
    message = f"The draft is at revision {row['draft_revision']} by now: load it again."
    raise ConflictError(message, field="revision")


async def activate(workspace_id: UUID, sequence_id: UUID, now: datetime) -> Record:
    """Let people in and go on, from now. Raises NotFoundError, ConflictError."""
    async with transaction():
        row = await _change_status(workspace_id, sequence_id, "active", ("draft", "paused"), now)
        if row["active_version_id"] is None:
            raise ConflictError("Publish the sequence before it is activated.", field="id")
        await listen_for(workspace_id, sequence_id, row["active_version_id"])
        await release_hold(workspace_id, sequence_id)
        await doorbells.ring(ADVANCE)
    return row


async def pause(workspace_id: UUID, sequence_id: UUID, now: datetime) -> Record:
    """Once this returns nobody is let in or moves on, and what is queued stays queued.

    People keep their places. Raises NotFoundError, ConflictError.
    """
    async with transaction():
        # This waits for the batch that is being advanced, which holds the row shared.
        row = await _change_status(workspace_id, sequence_id, "paused", ("active",), now)
        await stop_listening(workspace_id, sequence_id)
        await hold(workspace_id, sequence_id, now)
    return row


async def archive(workspace_id: UUID, sequence_id: UUID, now: datetime) -> Record:
    """End it for good: everybody leaves, and what is queued is skipped. Raises NotFoundError."""
    async with transaction():
        wanted = ("draft", "active", "paused")
        row = await _change_status(workspace_id, sequence_id, "archived", wanted, now)
        await stop_listening(workspace_id, sequence_id)
        await execute(
            "DELETE FROM signal WHERE workspace_id = $1 AND sequence_id = $2",
            workspace_id,
            sequence_id,
        )
        await execute(
            """UPDATE enrollment SET status = 'exited', reason = 'sequence_archived',
                 due_at = NULL, finished_at = $3
               WHERE workspace_id = $1 AND sequence_id = $2 AND status = 'active'""",
            workspace_id,
            sequence_id,
            now,
        )
        await people_changed(workspace_id)
        await skip_queued(workspace_id, sequence_id, "sequence_archived", now)
        await release_hold(workspace_id, sequence_id)
    return row


async def _change_status(
    workspace_id: UUID, sequence_id: UUID, status: str, before: tuple[str, ...], now: datetime
) -> Record:
    """Set the status if it is one of `before`; being there already is fine."""
    await fetch(
        f"""SELECT pg_advisory_xact_lock({CHANGING})
            FROM (SELECT $1::uuid, $2::uuid) w (id, workspace_id)""",
        sequence_id,
        workspace_id,
    )
    row = await fetchrow(
        f"""UPDATE sequence SET status = $3, updated_at = $4
            WHERE id = $1 AND workspace_id = $2 AND status = ANY($5) RETURNING {COLUMNS}""",
        sequence_id,
        workspace_id,
        status,
        now,
        before,
    )
    if row is None:
        row = _there(await find_sequence(workspace_id, sequence_id))
        if row["status"] != status:
            message = f"A sequence that is {row['status']} cannot become {status}."
            raise ConflictError(message, field="id")
    return row


async def listen_for(workspace_id: UUID, sequence_id: UUID, version_id: UUID) -> None:
    """Hear of exactly the facts that the version's triggers name."""
    text = await fetchval(
        "SELECT definition::text FROM sequence_version WHERE id = $1 AND workspace_id = $2",
        version_id,
        workspace_id,
    )
    definition = Definition.from_json(orjson.loads(str(text)))
    wanted = [heard for trigger in definition.triggers if (heard := _heard_as(trigger))]
    await listen(workspace_id, sequence_id, wanted)


def _heard_as(trigger: Trigger) -> tuple[EventKind, str] | None:
    match trigger:
        case Subscribed():
            return EventKind.SUBSCRIBED, ""
        case TagAdded():
            return EventKind.TAG_ADDED, trigger.tag
        case EventHappened():
            return EventKind.CUSTOM, trigger.name
        case Manual():
            return None


async def find_sequence(workspace_id: UUID, sequence_id: UUID) -> Record | None:
    return await fetchrow(
        f"SELECT {COLUMNS} FROM sequence WHERE id = $1 AND workspace_id = $2",
        sequence_id,
        workspace_id,
    )


async def read_sequences(workspace_id: UUID, ids: Rows[UUID]) -> dict[UUID, Record]:
    """Sequences by id."""
    rows = await fetch(
        f"SELECT {COLUMNS} FROM sequence WHERE id = ANY($1::uuid[]) AND workspace_id = $2",
        list(set(ids)),
        workspace_id,
    )
    return {row["id"]: row for row in rows}


async def list_sequences(
    workspace_id: UUID, request: PageRequest, status: SequenceStatus | None = None
) -> Page:
    """Newest first; only those of the status, when given."""
    wanted = None if status is None else status.value

    async def count() -> int:
        found = await fetchval(
            """SELECT count(*) FROM sequence
               WHERE workspace_id = $1 AND ($2::text IS NULL OR status = $2)""",
            workspace_id,
            wanted,
        )
        return int(str(found))

    rows = await fetch(
        f"""SELECT {COLUMNS} FROM sequence
            WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2)
              AND ($3::text IS NULL OR status = $3)
            ORDER BY id DESC LIMIT $4""",
        workspace_id,
        request.after,
        wanted,
        request.first + 1,
    )
    return page_of(rows, request, count)


def draft_of(row: Record) -> Definition:
    return Definition.from_json(orjson.loads(row["draft"]))


def _there(row: Record | None) -> Record:
    if row is None:
        raise NotFoundError(GONE, field="id")
    return row


def _draft_text(definition: Definition) -> str:
    found = definition.to_json()
    if _has_nul(found):
        raise InvalidInputError("Text cannot hold the character NUL.", field="definition")
    text = to_json(found)
    if len(text) > MAX_DRAFT_CHARACTERS:
        message = f"A draft has at most {MAX_DRAFT_CHARACTERS:,} characters, written as JSON."
        raise LimitExceededError(message, field="draft")
    # Whatever is kept can be read again: this refuses what is nested too deep for that.
    Definition.from_json(orjson.loads(text))
    return text


def _has_nul(value: Json) -> bool:
    if isinstance(value, dict):
        return any(_has_nul(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_nul(item) for item in value)
    return isinstance(value, str) and "\0" in value
