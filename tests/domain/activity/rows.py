"""Rows that the tests of activity stand on."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from uuid import UUID

from domain.base.clock import now
from domain.base.database import execute, fetch, fetchval, to_json, transaction
from domain.base.ids import new_id


async def add_subscriber(workspace_id: UUID, email: str) -> UUID:
    at = now()
    identifier = new_id(at)
    await execute(
        """INSERT INTO subscriber (id, workspace_id, email, status, created_at, updated_at)
           VALUES ($1, $2, $3, 'subscribed', $4, $4)""",
        identifier,
        workspace_id,
        email,
        at,
    )
    return identifier


async def add_sequence(workspace_id: UUID, name: str = "Welcome") -> UUID:
    at = now()
    identifier = new_id(at)
    await execute(
        """INSERT INTO sequence (id, workspace_id, name, status, draft, draft_revision,
                                 created_at, updated_at)
           VALUES ($1, $2, $3, 'active', '{}', 1, $4, $4)""",
        identifier,
        workspace_id,
        name,
        at,
    )
    return identifier


async def add_revision(workspace_id: UUID, links: list[str]) -> UUID:
    at = now()
    template_id, identifier = new_id(at), new_id(at)
    await execute(
        """INSERT INTO template (id, workspace_id, name, created_at, updated_at)
           VALUES ($1, $2, 'Hello', $3, $3)""",
        template_id,
        workspace_id,
        at,
    )
    await execute(
        """INSERT INTO template_revision (id, workspace_id, template_id, number, subject, body,
                                          format, compiled, links, variables, created_at)
           VALUES ($1, $2, $3, 1, 'Hello', '<p>Hello</p>', 'html', '{}', $4, '{}', $5)""",
        identifier,
        workspace_id,
        template_id,
        links,
        at,
    )
    return identifier


async def add_messages(
    workspace_id: UUID,
    subscriber_id: UUID,
    revision_id: UUID,
    sequence_id: UUID | None = None,
    count: int = 1,
) -> list[UUID]:
    """Sent messages of the step `hello`."""
    at = now()
    identifiers = [new_id(at) for _ in range(count)]
    await execute(
        """INSERT INTO message (id, workspace_id, subscriber_id, sequence_id, step_key, visit,
                                revision_id, status, send_after, queued_at, sent_at)
           SELECT id, $2, $3, $4, 'hello', 1, $5, 'sent', $6, $6, $6
           FROM unnest($1::uuid[]) AS id""",
        identifiers,
        workspace_id,
        subscriber_id,
        sequence_id,
        revision_id,
        at,
    )
    return identifiers


async def add_enrollment(message_id: UUID, trigger: dict[str, object]) -> None:
    """Make the message one of an enrollment that `trigger` started."""
    at = now()
    version_id, enrollment_id = new_id(at), new_id(at)
    await execute(
        """INSERT INTO sequence_version (id, workspace_id, sequence_id, number, definition,
                                         published_at)
           SELECT $2, workspace_id, sequence_id, 1, '{}', $3 FROM message WHERE id = $1""",
        message_id,
        version_id,
        at,
    )
    await execute(
        """INSERT INTO enrollment (id, workspace_id, sequence_id, version_id, subscriber_id,
                                   status, trigger, enrolled_at)
           SELECT $2, workspace_id, sequence_id, $3, subscriber_id, 'active', $4, $5
           FROM message WHERE id = $1""",
        message_id,
        enrollment_id,
        version_id,
        to_json(trigger),
        at,
    )
    await execute("UPDATE message SET enrollment_id = $2 WHERE id = $1", message_id, enrollment_id)


async def events_of(subscriber_id: UUID) -> list[tuple[str, str, str]]:
    """Kind, name and actor of each event, oldest first."""
    rows = await fetch(
        "SELECT kind, name, actor FROM event WHERE subscriber_id = $1 ORDER BY id", subscriber_id
    )
    return [(row["kind"], row["name"], row["actor"]) for row in rows]


async def count(table: str) -> int:
    found = await fetchval(f"SELECT count(*) FROM {table}")
    assert isinstance(found, int)
    return found


def days_ago(days: float) -> datetime:
    return now() - timedelta(days=days)


class ChangedMindError(Exception):
    pass


async def do_and_roll_back(deed: Awaitable[object]) -> None:
    """Await `deed` in a transaction that then fails by ChangedMindError."""
    async with transaction():
        await deed
        raise ChangedMindError
