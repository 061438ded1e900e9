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


async def suppress_bounced(addresses: Sequence[tuple[UUID, str]], now: datetime) -> None:
    """Suppress these (workspace, address) pairs as hard bounces, and who still has the address."""
    # Two transactions that tell of the same addresses wait for each other in the same order.
    ordered = sorted(set(addresses))
    workspaces = [workspace for workspace, _ in ordered]
    emails = [email for _, email in ordered]
    async with transaction():
        await execute(
            """INSERT INTO suppression (id, workspace_id, email, reason, created_at)
               SELECT o.id, o.workspace_id, o.email, 'hard_bounce', $4
               FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS o (id, workspace_id, email)
               ON CONFLICT DO NOTHING""",
            [fact_id(now, workspace, email) for workspace, email in ordered],
            workspaces,
            emails,
            now,
        )
        await execute(
            """UPDATE subscriber s SET status = 'bounced', updated_at = $3
               FROM unnest($1::uuid[], $2::text[]) AS o (workspace_id, email)
               WHERE s.workspace_id = o.workspace_id AND s.email = o.email
                 AND s.status = 'subscribed'""",
            workspaces,
            emails,
            now,
        )
