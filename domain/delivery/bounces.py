"""Addresses that do not exist: told by the reply to RCPT, and never mailed again."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.base.database import execute, transaction
from domain.base.ids import fact_id

# RFC 3463: bad mailbox, bad system, bad syntax, mailbox moved, and null MX (RFC 7505). The
# others of class 5.1 speak of the sender.
_DEAD: Final = re.compile(r"\b5\.1\.(?:1|2|3|6|10)\b")


def is_dead_address(reply: str) -> bool:
    """Whether a permanent refusal says that there is no such address."""
    return _DEAD.search(reply) is not None


async def suppress_bounced(subscribers: Sequence[tuple[UUID, UUID]], now: datetime) -> None:
    """Suppress the addresses of these (workspace, subscriber) pairs as hard bounces."""
    workspaces = [workspace for workspace, _ in subscribers]
    people = [person for _, person in subscribers]
    async with transaction():
        await execute(
            """INSERT INTO suppression (id, workspace_id, email, reason, created_at)
               SELECT o.id, s.workspace_id, s.email, 'hard_bounce', $4
               FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS o (id, workspace_id, person)
               JOIN subscriber s ON s.id = o.person AND s.workspace_id = o.workspace_id
               ON CONFLICT DO NOTHING""",
            [fact_id(now, workspace, person) for workspace, person in subscribers],
            workspaces,
            people,
            now,
        )
        await execute(
            """UPDATE subscriber s SET status = 'bounced', updated_at = $3
               FROM unnest($1::uuid[], $2::uuid[]) AS o (workspace_id, person)
               WHERE s.id = o.person AND s.workspace_id = o.workspace_id
                 AND s.status = 'subscribed'""",
            workspaces,
            people,
            now,
        )
