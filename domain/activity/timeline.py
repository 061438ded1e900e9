"""Reads of recorded events."""

from collections.abc import Sequence
from uuid import UUID

from domain.base.database import Record, fetch
from domain.base.pages import Page, PageRequest, page_of

_COLUMNS = """id, workspace_id, subscriber_id, message_id, kind, name, value, currency, properties,
              occurred_at, recorded_at, actor"""


async def read_events(workspace_id: UUID, event_ids: Sequence[UUID]) -> dict[UUID, Record]:
    """Events by id."""
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM event WHERE workspace_id = $1 AND id = ANY($2::uuid[])",
        workspace_id,
        list(event_ids),
    )
    return {row["id"]: row for row in rows}


async def read_events_of_subscribers(
    workspace_id: UUID, subscriber_ids: Sequence[UUID], request: PageRequest
) -> dict[UUID, Page]:
    """A page of each subscriber's events, newest first, in one read."""
    rows = await fetch(
        f"""SELECT e.* FROM unnest($2::uuid[]) AS wanted (id)
            CROSS JOIN LATERAL (
                SELECT {_COLUMNS} FROM event
                WHERE workspace_id = $1 AND subscriber_id = wanted.id
                  AND ($3::uuid IS NULL OR id < $3)
                ORDER BY id DESC LIMIT $4
            ) e
            ORDER BY e.id DESC""",
        workspace_id,
        list(subscriber_ids),
        request.after,
        request.first + 1,
    )
    found: dict[UUID, list[Record]] = {identifier: [] for identifier in subscriber_ids}
    for row in rows:
        found[row["subscriber_id"]].append(row)
    return {identifier: page_of(events, request) for identifier, events in found.items()}


async def read_events_of_messages(
    workspace_id: UUID, message_ids: Sequence[UUID], subscriber_ids: Sequence[UUID]
) -> dict[UUID, list[Record]]:
    """What happened to each message, oldest first, in one read.

    `subscriber_ids` are those of the messages: events are found by their subscriber.
    """
    rows = await fetch(
        f"""SELECT {_COLUMNS} FROM event
            WHERE workspace_id = $1 AND subscriber_id = ANY($3::uuid[])
              AND message_id = ANY($2::uuid[])
            ORDER BY occurred_at, id""",
        workspace_id,
        list(message_ids),
        list(set(subscriber_ids)),
    )
    found: dict[UUID, list[Record]] = {identifier: [] for identifier in message_ids}
    for row in rows:
        found[row["message_id"]].append(row)
    return found
