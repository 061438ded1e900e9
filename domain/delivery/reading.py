"""Reads of messages."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from domain.base.database import Record, fetch
from domain.base.pages import Page, PageRequest, page_of
from domain.delivery.models import MessageStatus

_COLUMNS: Final = """id, workspace_id, subscriber_id, enrollment_id, sequence_id, version_id,
    step_key, visit, revision_id, status, reason, attempts, send_after, deadline_at,
    provider_reply, queued_at, sent_at, delivered_at, bounced_at, failed_at, skipped_at, opened_at,
    machine_opened_at, clicked_at, unsubscribed_at"""


async def read_messages(workspace_id: UUID, message_ids: Sequence[UUID]) -> dict[UUID, Record]:
    """Messages by id."""
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM message WHERE workspace_id = $1 AND id = ANY($2::uuid[])",
        workspace_id,
        list(message_ids),
    )
    return {row["id"]: row for row in rows}


async def read_messages_of_sequences(
    workspace_id: UUID,
    sequence_ids: Sequence[UUID],
    request: PageRequest,
    status: MessageStatus | None = None,
) -> dict[UUID, Page]:
    """A page of each sequence's messages, newest first, in one read."""
    return await _read_pages("sequence_id", workspace_id, sequence_ids, request, status)


async def read_messages_of_enrollments(
    workspace_id: UUID,
    enrollment_ids: Sequence[UUID],
    request: PageRequest,
    status: MessageStatus | None = None,
) -> dict[UUID, Page]:
    """A page of each enrollment's messages, newest first, in one read."""
    return await _read_pages("enrollment_id", workspace_id, enrollment_ids, request, status)


async def read_messages_of_subscribers(
    workspace_id: UUID,
    subscriber_ids: Sequence[UUID],
    request: PageRequest,
    status: MessageStatus | None = None,
) -> dict[UUID, Page]:
    """A page of each subscriber's messages, newest first, in one read."""
    return await _read_pages("subscriber_id", workspace_id, subscriber_ids, request, status)


async def _read_pages(
    parent: str,
    workspace_id: UUID,
    parent_ids: Sequence[UUID],
    request: PageRequest,
    status: MessageStatus | None,
) -> dict[UUID, Page]:
    rows = await fetch(
        f"""SELECT m.* FROM unnest($2::uuid[]) AS wanted (id)
            CROSS JOIN LATERAL (
                SELECT {_COLUMNS} FROM message
                WHERE workspace_id = $1 AND {parent} = wanted.id
                  AND ($3::uuid IS NULL OR id < $3) AND ($4::text IS NULL OR status = $4)
                ORDER BY id DESC LIMIT $5
            ) m
            ORDER BY m.id DESC""",
        workspace_id,
        list(set(parent_ids)),
        request.after,
        None if status is None else status.value,
        request.first + 1,
    )
    found: dict[UUID, list[Record]] = {identifier: [] for identifier in parent_ids}
    for row in rows:
        found[row[parent]].append(row)
    return {identifier: page_of(messages, request) for identifier, messages in found.items()}


async def read_held(workspace_id: UUID, sequence_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these sequences' messages are held back."""
    rows = await fetch(
        """SELECT source_id FROM delivery_hold
           WHERE workspace_id = $1 AND source_id = ANY($2::uuid[])""",
        workspace_id,
        list(set(sequence_ids)),
    )
    return {row["source_id"] for row in rows}
