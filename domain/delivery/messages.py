"""Messages as they come into being: one row a step visit, however often it is asked for."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.activity.rollups import RollupRow, add_to_rollups
from domain.base import doorbells
from domain.base.database import fetch, transaction
from domain.base.ids import fact_id
from domain.base.partitions import ensure_months

DRAIN = "delivery.drain"


class NewMessage(NamedTuple):
    """What a step visit asks to be sent; `id` is `message_id` of the visit.

    `send_after` is when it may go at the earliest, `deadline_at` when it is no longer wanted.
    """

    id: UUID
    workspace_id: UUID
    subscriber_id: UUID
    enrollment_id: UUID
    sequence_id: UUID
    version_id: UUID
    step_key: str
    visit: int
    revision_id: UUID
    send_after: datetime
    deadline_at: datetime | None = None


def message_id(due_at: datetime, enrollment_id: UUID, visit: int) -> UUID:
    """The one id of the message of a step visit; `due_at` is when the visit was due."""
    return fact_id(due_at, enrollment_id, visit)


async def prepare_months(due_times: Sequence[datetime]) -> None:
    """Make the partitions for messages due at these times, before the transaction begins."""
    await ensure_months("message", due_times)


_INSERT = f"""
WITH inserted AS (
    INSERT INTO message ({", ".join(NewMessage._fields)}, status, queued_at)
    SELECT *, 'queued', $12::timestamptz FROM unnest(
        $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[],
        $8::int[], $9::uuid[], $10::timestamptz[], $11::timestamptz[])
    ON CONFLICT DO NOTHING
    RETURNING workspace_id, sequence_id, step_key
)
SELECT workspace_id, sequence_id, step_key, count(*) AS count FROM inserted GROUP BY 1, 2, 3
"""


async def insert_messages(messages: Sequence[NewMessage], now: datetime) -> int:
    """Queue messages in one statement and say how many are new; known ids are left as they are.

    Counts them and rings delivery after commit. Inside the engine's transaction it belongs at the
    end, because it locks the hour's counters.
    """
    if not messages:
        return 0
    async with transaction():
        groups = await fetch(_INSERT, *map(list, zip(*messages, strict=True)), now)
        await add_to_rollups(
            [
                RollupRow(row["workspace_id"], row["sequence_id"], row["step_key"], now,
                          queued=row["count"])
                for row in groups
            ]
        )  # fmt: skip
        if groups:
            await doorbells.ring(DRAIN)
    return sum(row["count"] for row in groups)


async def hold(workspace_id: UUID, sequence_id: UUID, now: datetime) -> None:
    """Keep a sequence's queued messages queued from now on; what is being sent goes on."""
    await fetch(
        """INSERT INTO delivery_hold (id, workspace_id, source_id, created_at)
           VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING""",
        fact_id(now, workspace_id, sequence_id),
        workspace_id,
        sequence_id,
        now,
    )


async def release_hold(workspace_id: UUID, sequence_id: UUID) -> None:
    """Let a sequence's messages go again."""
    async with transaction():
        await fetch(
            "DELETE FROM delivery_hold WHERE workspace_id = $1 AND source_id = $2",
            workspace_id,
            sequence_id,
        )
        await doorbells.ring(DRAIN)
