"""Who listens for which facts, and the facts on their way to them.

A sequence says what it wants to hear; whoever records such a fact calls `record_signals` in the
same transaction. When no one listens nothing is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.activity.models import EventKind
from domain.base import clock, doorbells
from domain.base.database import execute, transaction
from domain.base.ids import new_id

ADMIT = "sequences.admit"


@dataclass(frozen=True, slots=True)
class SignalFacts:
    """Facts of one kind as columns of equal length.

    `keys` are tags for `tag_added`, names for `custom`, and empty for `subscribed`; `properties`
    are JSON objects as text, which a sequence keeps as the trigger of the enrollment.
    """

    keys: Sequence[str]
    subscriber_ids: Sequence[UUID]
    properties: Sequence[str]
    occurred_at: Sequence[datetime]


async def listen(
    workspace_id: UUID, sequence_id: UUID, wanted: Sequence[tuple[EventKind, str]]
) -> None:
    """From now on the sequence hears exactly of these kinds and keys."""
    at = clock.now()
    kinds = [kind.value for kind, _ in wanted]
    keys = [key for _, key in wanted]
    async with transaction():
        await execute(
            """DELETE FROM listener WHERE workspace_id = $1 AND sequence_id = $2
               AND (kind, key) NOT IN (SELECT * FROM unnest($3::text[], $4::text[]))""",
            workspace_id,
            sequence_id,
            kinds,
            keys,
        )
        await execute(
            """INSERT INTO listener (id, workspace_id, sequence_id, kind, key, created_at)
               SELECT l.id, $1, $2, l.kind, l.key, $6
               FROM unnest($3::uuid[], $4::text[], $5::text[]) AS l (id, kind, key)
               ON CONFLICT DO NOTHING""",
            workspace_id,
            sequence_id,
            [new_id(at) for _ in wanted],
            kinds,
            keys,
            at,
        )


async def stop_listening(workspace_id: UUID, sequence_id: UUID) -> None:
    """The sequence hears of nothing new; what is already on its way stays for it to take."""
    await execute(
        "DELETE FROM listener WHERE workspace_id = $1 AND sequence_id = $2",
        workspace_id,
        sequence_id,
    )


# The id is the fact's time and a hash of the fact and its hearer, so that a fact told twice before
# it is heard makes one signal. Bits 48 to 51 say version 7, bits 64 and 65 the RFC's variant.
_RECORD = """
INSERT INTO signal (id, workspace_id, sequence_id, subscriber_id, kind, key, properties,
                    occurred_at)
SELECT (lpad(to_hex(floor(extract(epoch FROM occurred_at) * 1000)::bigint), 12, '0')
        || '7' || substr(digest, 1, 3) || '8' || substr(digest, 4, 15))::uuid,
       $1, sequence_id, subscriber_id, $2, key, properties, occurred_at
FROM (
    SELECT f.*, l.sequence_id,
           md5(concat_ws('|', l.sequence_id, f.subscriber_id, $2::text, length(f.key), f.key,
                         f.occurred_at AT TIME ZONE 'UTC', f.properties)) AS digest
    FROM unnest($3::text[], $4::uuid[], $5::jsonb[], $6::timestamptz[])
         AS f (key, subscriber_id, properties, occurred_at)
    JOIN listener l ON l.workspace_id = $1 AND l.kind = $2 AND l.key = f.key
) heard
ON CONFLICT DO NOTHING
"""


async def record_signals(workspace_id: UUID, kind: EventKind, facts: SignalFacts) -> int:
    """Pass facts on to the sequences that listen; how many signals were written.

    Call it in the transaction that records the facts, for facts that are new. The subscribers must
    exist in the workspace. Sequences are rung after commit, and only when something was written.
    """
    if not facts.keys:
        return 0
    written = await execute(
        _RECORD,
        workspace_id,
        kind.value,
        list(facts.keys),
        list(facts.subscriber_ids),
        list(facts.properties),
        list(facts.occurred_at),
    )
    if written:
        await doorbells.ring(ADMIT, workspace_id=workspace_id)
    return written
