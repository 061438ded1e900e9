"""Messages whose sender died: their fate is read from its journal, or called unknown."""

import logging
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from domain.base import doorbells
from domain.base.database import Record, fetch, fetchval
from domain.delivery.journal import Orphan, Step, orphans
from domain.delivery.messages import DRAIN
from domain.delivery.models import MessageStatus
from domain.delivery.outcomes import FIRST_RETRY_SECONDS, Settled, record_outcomes

logger = logging.getLogger(__name__)

_BATCH = 1000


async def recover_journals(folder: Path, now: datetime) -> int:
    """Settle what dead processes of this machine had claimed, and say how many messages that was.

    Accepted: sent. Handed over without a reply: unknown. Nothing noted: back to the queue, unless
    the machine went down as well, for then the note may have been lost.
    """
    recovered = 0
    for orphan in orphans(folder):
        rows = await fetch(
            """SELECT id, workspace_id, attempts FROM message
               WHERE status = 'sending' AND owner = $1""",
            orphan.owner,
        )
        await record_outcomes([_fate(orphan, row, now) for row in rows], orphan.owner, now)
        orphan.remove()
        recovered += len(rows)
        logger.warning("a sender of this machine died; its %d messages are settled", len(rows))
    if recovered:
        await doorbells.ring(DRAIN)
    return recovered


def _fate(orphan: Orphan, row: Record, now: datetime) -> Settled:
    identifier, workspace_id, attempt = row
    step = orphan.last_step(identifier)
    again_at: datetime | None = None
    if step is Step.ACCEPTED:
        status, reason = MessageStatus.SENT, None
    elif step is Step.HANDED_OVER or (step is None and not orphan.is_complete):
        status, reason = MessageStatus.UNKNOWN, "sender_died"
        again_at = now + timedelta(seconds=FIRST_RETRY_SECONDS)
    else:
        status, reason = MessageStatus.QUEUED, None
        again_at = now
    return Settled(identifier, workspace_id, attempt, status, reason, None, again_at, attempt)


async def recover_expired(now: datetime) -> int:
    """Settle messages whose lease has run out without a journal at hand: nobody can know them.

    They become `unknown`, or are queued again where the workspace says `resend`.
    """
    rows = await fetch(
        """SELECT owner, id, workspace_id, attempts FROM message
           WHERE status = 'sending' AND lease_until < $1 ORDER BY lease_until LIMIT $2""",
        now,
        _BATCH,
    )
    by_owner: dict[UUID, list[Settled]] = {}
    for owner, identifier, workspace_id, attempt in rows:
        by_owner.setdefault(owner, []).append(
            Settled(
                identifier,
                workspace_id,
                attempt,
                MessageStatus.UNKNOWN,
                "lease_expired",
                None,
                now + timedelta(seconds=FIRST_RETRY_SECONDS),
                attempt,
            )
        )
    for owner, settled in by_owner.items():
        await record_outcomes(settled, owner, now)
    return len(rows)


async def has_expired(now: datetime) -> bool:
    """Whether `recover_expired` would find anything."""
    return bool(
        await fetchval(
            "SELECT EXISTS (SELECT FROM message WHERE status = 'sending' AND lease_until < $1)", now
        )
    )
