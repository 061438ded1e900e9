"""Hourly counters of messages by step, kept in the transaction that records the fact."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from domain.activity import live
from domain.base import clock
from domain.base.database import execute, fetch
from domain.base.ids import fact_id


class RollupRow(NamedTuple):
    """What happened to messages of one step; `at` is when it was recorded."""

    workspace_id: UUID
    sequence_id: UUID
    step_key: str
    at: datetime
    queued: int = 0
    sent: int = 0
    skipped: int = 0
    failed: int = 0
    unknown: int = 0
    delivered: int = 0
    bounced: int = 0
    opened: int = 0
    machine_opened: int = 0
    clicked: int = 0
    unsubscribed: int = 0


COUNTERS: Final = RollupRow._fields[4:]
_SENT: Final = COUNTERS.index("sent")

_ADD = f"""
INSERT INTO message_rollup (id, workspace_id, sequence_id, step_key, hour, {", ".join(COUNTERS)})
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[],
                     {", ".join(f"${number}::bigint[]" for number in range(6, 6 + len(COUNTERS)))})
ON CONFLICT (id, workspace_id) DO UPDATE
SET {", ".join(f"{name} = message_rollup.{name} + excluded.{name}" for name in COUNTERS)}
"""


async def add_to_rollups(rows: Sequence[RollupRow]) -> None:
    """Add to the counters in one statement, and tell watchers after commit.

    Call it inside the transaction that records the facts, as its last write, so that the counters'
    rows are locked for the shortest time. Rows of one hour and step are added up first.
    """
    sums: dict[tuple[UUID, UUID, UUID, str, datetime], list[int]] = {}
    for row in rows:
        hour = row.at.replace(minute=0, second=0, microsecond=0)
        identifier = fact_id(hour, row.sequence_id, row.step_key)
        key = (identifier, row.workspace_id, row.sequence_id, row.step_key, hour)
        found = sums.get(key)
        counts = row[4:]
        sums[key] = (
            list(counts) if found is None else [a + b for a, b in zip(found, counts, strict=True)]
        )
    if not sums:
        return
    # Two transactions that touch the same rows lock them in the same order.
    ordered = sorted(sums)
    await execute(
        _ADD,
        *(list(column) for column in zip(*ordered, strict=True)),
        *(list(column) for column in zip(*(sums[key] for key in ordered), strict=True)),
    )
    sent: dict[tuple[UUID, UUID], int] = {}
    for key in ordered:
        sequence = (key[1], key[2])
        sent[sequence] = sent.get(sequence, 0) + sums[key][_SENT]
    for (workspace_id, sequence_id), count in sent.items():
        await live.notify(workspace_id, sequence_id, sent=count)


@dataclass(frozen=True, slots=True)
class SendStats:
    """All messages of one sequence so far.

    `delivered` is None as long as no provider has reported any delivery.
    `sent_per_second` is the mean over the ten seconds before `as_of`.
    """

    workspace_id: UUID
    sequence_id: UUID
    queued: int
    sent: int
    skipped: int
    failed: int
    unknown: int
    delivered: int | None
    bounced: int
    opened: int
    machine_opened: int
    clicked: int
    unsubscribed: int
    sent_per_second: float
    as_of: datetime = field(compare=False)


_READ = f"""
SELECT s.workspace_id, s.id,
       {", ".join(f"coalesce(r.{name}, 0)::bigint AS {name}" for name in COUNTERS)}
FROM unnest($1::uuid[], $2::uuid[]) AS wanted (workspace_id, sequence_id)
JOIN sequence s ON s.id = wanted.sequence_id AND s.workspace_id = wanted.workspace_id
LEFT JOIN LATERAL (
    SELECT {", ".join(f"sum({name}) AS {name}" for name in COUNTERS)}
    FROM message_rollup WHERE sequence_id = s.id AND workspace_id = s.workspace_id
) r ON true
"""

# Without Redis the rate is counted from the messages themselves: a scan of the sequence's part of
# an index, which is why Redis's counters are asked first.
_COUNT_SENT = """
SELECT w.sequence_id, (
    SELECT count(*) FROM message m
    WHERE m.sequence_id = w.sequence_id AND m.workspace_id = w.workspace_id
      AND m.sent_at > $3::timestamptz - make_interval(secs => $4) AND m.sent_at <= $3
) AS sent
FROM unnest($1::uuid[], $2::uuid[]) AS w (workspace_id, sequence_id)
"""


async def read_stats(wanted: Sequence[tuple[UUID, UUID]]) -> dict[UUID, SendStats]:
    """Statistics by sequence id for pairs of workspace and sequence, in one read.

    Sequences that do not exist in their workspace are left out. The rate comes from Redis's
    counters of the last seconds, or from `message.sent_at` when Redis does not answer.
    """
    if not wanted:
        return {}
    at = clock.now()
    pairs = ([workspace for workspace, _ in wanted], [sequence for _, sequence in wanted])
    rows = await fetch(_READ, *pairs)
    lately = await live.sent_lately(pairs[1], at)
    if lately is None:
        counted = await fetch(_COUNT_SENT, *pairs, at, live.RATE_WINDOW_SECONDS)
        sent = {row["sequence_id"]: row["sent"] for row in counted}
    else:
        sent = dict(zip(pairs[1], lately, strict=True))
    return {
        row["id"]: SendStats(
            workspace_id=row["workspace_id"],
            sequence_id=row["id"],
            queued=row["queued"],
            sent=row["sent"],
            skipped=row["skipped"],
            failed=row["failed"],
            unknown=row["unknown"],
            delivered=row["delivered"] or None,
            bounced=row["bounced"],
            opened=row["opened"],
            machine_opened=row["machine_opened"],
            clicked=row["clicked"],
            unsubscribed=row["unsubscribed"],
            sent_per_second=sent[row["id"]] / live.RATE_WINDOW_SECONDS,
            as_of=at,
        )
        for row in rows
    }
