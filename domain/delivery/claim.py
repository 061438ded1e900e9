"""Taking messages out of the queue to send them: with a lease, an owner, and a last look."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.activity.rollups import RollupRow, add_to_rollups
from domain.base.database import Record, fetch, fetchval, transaction

BATCH = 200
LEASE_SECONDS = 300


class Claimed(NamedTuple):
    """A message that is ours to send until `lease_until`, with what its mail is made of.

    `attributes` is JSON as text.
    """

    message_id: UUID
    workspace_id: UUID
    enrollment_id: UUID
    sequence_id: UUID
    step_key: str
    revision_id: UUID
    attempt: int
    queued_at: datetime
    deadline_at: datetime | None
    lease_until: datetime
    subscriber_id: UUID
    email: str
    first_name: str | None
    last_name: str | None
    timezone: str | None
    locale: str | None
    attributes: str
    tags: list[str]


# The sequences that have messages in the queue, by jumps over the index from one to the next, and
# of these the ones that are not held: a paused sequence costs one jump, however much it has queued.
_WAITING = """
waiting AS (
    (SELECT m.sequence_id, m.workspace_id FROM message m
     WHERE m.status = 'queued' ORDER BY m.sequence_id LIMIT 1)
    UNION ALL
    SELECT following.* FROM waiting, LATERAL (
        SELECT m.sequence_id, m.workspace_id FROM message m
        WHERE m.status = 'queued' AND m.sequence_id > waiting.sequence_id
        ORDER BY m.sequence_id LIMIT 1) following
), free AS (
    SELECT w.sequence_id, w.workspace_id FROM waiting w
    WHERE NOT EXISTS (
        SELECT FROM delivery_hold h
        WHERE h.workspace_id = w.workspace_id AND h.source_id = w.sequence_id)
)
"""

# Sequences have their turns by chance, so that a long queue of one keeps no other waiting; within
# one the order is that of the queue. Who must not be mailed any more is told apart in the same
# statement, so that no unsubscribe falls between the look and the claim. Rows are locked one by one
# as the limit asks for them, and those taken by others are stepped over. Of an archived sequence
# there are those that were being sent at that moment and have come back.
_CLAIM = f"""
WITH RECURSIVE {_WAITING}, due AS (
    SELECT m.id, m.workspace_id, m.subscriber_id, m.sequence_id, m.deadline_at
    FROM (SELECT * FROM free ORDER BY random()) f
    CROSS JOIN LATERAL (
        SELECT * FROM message
        WHERE status = 'queued' AND sequence_id = f.sequence_id
          AND workspace_id = f.workspace_id AND send_after <= $1
        ORDER BY send_after
        LIMIT $2
        FOR UPDATE SKIP LOCKED) m
    LIMIT $2
), looked AS (
    SELECT due.id, due.workspace_id, CASE
        WHEN s.status <> 'subscribed' THEN s.status
        WHEN x.reason IS NOT NULL THEN 'suppressed'
        WHEN due.deadline_at < $1 THEN 'too_late'
        WHEN q.status = 'archived' THEN 'sequence_archived'
      END AS reason,
      s.id AS subscriber_id, s.email, s.first_name, s.last_name, s.timezone, s.locale,
      s.attributes::text AS attributes, s.tags
    FROM due
    JOIN subscriber s ON s.id = due.subscriber_id AND s.workspace_id = due.workspace_id
    LEFT JOIN suppression x ON x.workspace_id = due.workspace_id AND x.email = s.email
    LEFT JOIN sequence q ON q.id = due.sequence_id AND q.workspace_id = due.workspace_id
)
UPDATE message m SET
    status = CASE WHEN reason_found THEN 'skipped' ELSE 'sending' END,
    reason = looked.reason,
    skipped_at = CASE WHEN reason_found THEN $1 END,
    owner = CASE WHEN reason_found THEN NULL ELSE $3::uuid END,
    lease_until = CASE WHEN reason_found THEN NULL ELSE $4::timestamptz END,
    attempts = m.attempts + CASE WHEN reason_found THEN 0 ELSE 1 END
FROM looked, LATERAL (SELECT looked.reason IS NOT NULL AS reason_found) found
WHERE m.id = looked.id AND m.workspace_id = looked.workspace_id
RETURNING m.id, m.workspace_id, m.enrollment_id, m.sequence_id, m.step_key, m.revision_id,
    m.attempts, m.queued_at, m.deadline_at, m.lease_until, looked.subscriber_id, looked.email,
    looked.first_name, looked.last_name, looked.timezone, looked.locale, looked.attributes,
    looked.tags, looked.reason
"""


async def claim_batch(
    now: datetime, owner: UUID, limit: int = BATCH, lease_seconds: int = LEASE_SECONDS
) -> list[Claimed] | None:
    """Claim up to `limit` messages that may go now, and skip those that must not go any more.

    None when the queue has nothing due; an empty list when all that was due has been skipped.
    """
    async with transaction():
        rows = await fetch(_CLAIM, now, limit, owner, now + timedelta(seconds=lease_seconds))
        skipped = [row for row in rows if row["reason"] is not None]
        if skipped:
            await add_to_rollups([_skipped(row, now) for row in skipped])
    if not rows:
        return None
    return [Claimed._make(row[:-1]) for row in rows if row["reason"] is None]


def _skipped(row: Record, now: datetime) -> RollupRow:
    return RollupRow(row["workspace_id"], row["sequence_id"], row["step_key"], now, skipped=1)


async def has_due(now: datetime) -> bool:
    """Whether `claim_batch` would find anything."""
    return bool(
        await fetchval(
            f"""WITH RECURSIVE {_WAITING}
                SELECT EXISTS (
                  SELECT FROM free f
                  CROSS JOIN LATERAL (
                    SELECT FROM message
                    WHERE status = 'queued' AND sequence_id = f.sequence_id
                      AND workspace_id = f.workspace_id AND send_after <= $1
                    LIMIT 1) m)""",
            now,
        )
    )
