"""Messages that are no longer wanted before anybody took them to be sent."""

from datetime import datetime
from uuid import UUID

from domain.activity.rollups import RollupRow, add_to_rollups
from domain.base.database import fetch, transaction

_SKIP = """
WITH skipped AS (
    UPDATE message SET status = 'skipped', reason = $3, skipped_at = $4
    WHERE workspace_id = $1 AND sequence_id = $2 AND status = 'queued'
    RETURNING step_key
)
SELECT step_key, count(*) AS count FROM skipped GROUP BY 1
"""


async def skip_queued(workspace_id: UUID, sequence_id: UUID, reason: str, now: datetime) -> int:
    """Skip whatever a sequence has in the queue; how many messages that were.

    What is being sent at this moment is sent.
    """
    async with transaction():
        rows = await fetch(_SKIP, workspace_id, sequence_id, reason, now)
        await add_to_rollups(
            [
                RollupRow(workspace_id, sequence_id, row["step_key"], now, skipped=row["count"])
                for row in rows
            ]
        )
    return sum(row["count"] for row in rows)
