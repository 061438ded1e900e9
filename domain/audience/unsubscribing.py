"""People who leave: their status, and their address on the list of those not mailed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.activity.hits import Hit, record_hits
from domain.activity.models import Actor, EventKind
from domain.activity.tokens import MessageReference
from domain.audience.models import SubscriberStatus
from domain.base.database import execute, fetch, fetchrow, transaction
from domain.base.ids import fact_id


async def unsubscribe(workspace_id: UUID, subscriber_ids: Sequence[UUID], now: datetime) -> int:
    """Mail these people no more; how many of them were subscribed until now.

    Who has bounced or complained stays so. The address is suppressed in any case.
    """
    async with transaction():
        rows = await fetch(
            """SELECT id, email FROM subscriber WHERE workspace_id = $1 AND id = ANY($2::uuid[])
               ORDER BY email FOR NO KEY UPDATE""",
            workspace_id,
            list(subscriber_ids),
        )
        await execute(
            """INSERT INTO suppression (id, workspace_id, email, reason, created_at)
               SELECT s.id, $1, s.email, 'unsubscribed', $4
               FROM unnest($2::uuid[], $3::text[]) AS s (id, email)
               ON CONFLICT DO NOTHING""",
            workspace_id,
            [fact_id(now, workspace_id, row["email"]) for row in rows],
            [row["email"] for row in rows],
            now,
        )
        return await execute(
            """UPDATE subscriber SET status = 'unsubscribed', unsubscribed_at = $3, updated_at = $3
               WHERE workspace_id = $1 AND id = ANY($2::uuid[]) AND status = 'subscribed'""",
            workspace_id,
            [row["id"] for row in rows],
            now,
        )


async def unsubscribe_by_message(message: MessageReference, now: datetime) -> bool:
    """Unsubscribe the person that a message was sent to; False when the message is gone.

    The message's first time, its event and the counters follow in the same transaction. A repeat
    changes nothing.
    """
    async with transaction():
        (found,) = await record_hits([Hit(message, EventKind.UNSUBSCRIBED, Actor.HUMAN, now)], now)
        if found is None:
            return False
        await unsubscribe(found.workspace_id, [found.subscriber_id], now)
    return True


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a message was sent to, and by which workspace."""

    email: str
    is_subscribed: bool
    workspace_name: str


async def read_recipient(message: MessageReference) -> Recipient | None:
    """None when the message is gone."""
    row = await fetchrow(
        """SELECT s.email, s.status, w.name FROM message m
           JOIN subscriber s ON s.id = m.subscriber_id AND s.workspace_id = m.workspace_id
           JOIN workspace w ON w.id = m.workspace_id
           WHERE m.id = $1 AND m.workspace_id = $2""",
        message.message_id,
        message.workspace_id,
    )
    if row is None:
        return None
    return Recipient(row["email"], row["status"] == SubscriberStatus.SUBSCRIBED, row["name"])
