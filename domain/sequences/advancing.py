"""Moving people on: claim who is due, load the facts, let the engine decide, write it all back."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from domain.audience.conditions.evaluation import evaluate
from domain.audience.conditions.tree import Condition
from domain.base.database import Record, connection, execute, fetch, fetchval, transaction
from domain.base.partitions import ensure_months
from domain.delivery.messages import NewMessage, insert_messages, prepare_months
from domain.sequences.definition import Definition
from domain.sequences.engine import (
    ArmKey,
    Decisions,
    Facts,
    Person,
    State,
    Visit,
    arms_ahead,
    decide,
)
from domain.sequences.sequences import CHANGING
from domain.sequences.versions import load_definitions

logger = logging.getLogger(__name__)

ADVANCE_BATCH: Final = 1000
DRAIN_SECONDS: Final = 20.0
_DAYS_IN_A_SHORT_MONTH: Final = timedelta(days=28)


class Advanced(NamedTuple):
    """What one batch came to: enrollments moved, steps visited, messages queued."""

    enrollments: int = 0
    steps: int = 0
    messages: int = 0


_OLDEST = """
SELECT min(e.due_at) FROM sequence q CROSS JOIN LATERAL (
    SELECT due_at FROM enrollment
    WHERE sequence_id = q.id AND workspace_id = q.workspace_id
      AND status = 'active' AND due_at <= $1
    ORDER BY due_at LIMIT 1) e
WHERE q.status = 'active'
"""

# The sequences are taken in an order that differs each time, so that a large one cannot keep the
# others waiting; rows are locked one by one as the limit asks for them.
_CLAIM = """
SELECT e.id, e.workspace_id, e.sequence_id, e.version_id, e.subscriber_id, e.step_key, e.visit,
       e.due_at
FROM (SELECT id, workspace_id FROM sequence
      WHERE status = 'active' AND id <> ALL($4::uuid[]) AND ($5::uuid IS NULL OR id = $5)
      ORDER BY hashtext($3 || id::text)) q
CROSS JOIN LATERAL (
    SELECT * FROM enrollment
    WHERE sequence_id = q.id AND workspace_id = q.workspace_id
      AND status = 'active' AND due_at <= $1
    ORDER BY due_at LIMIT $2
    FOR UPDATE SKIP LOCKED) e
LIMIT $2
"""

# Held shared until the batch commits: whoever pauses a sequence waits for it, and finds nothing
# moving afterwards. One that is being changed this moment is left for the next batch, and so is
# one that somebody waits to change: the advisory lock queues fairly, which locks of rows do not.
_STILL_ACTIVE = f"""
SELECT q.id
FROM (SELECT w.id, w.workspace_id FROM unnest($1::uuid[], $2::uuid[]) AS w (id, workspace_id)
      WHERE pg_try_advisory_xact_lock_shared({CHANGING})) w
JOIN sequence q ON q.id = w.id AND q.workspace_id = w.workspace_id
WHERE q.status = 'active'
FOR SHARE OF q SKIP LOCKED
"""

_PEOPLE = """
SELECT s.id, s.status, s.timezone, x.id IS NOT NULL AS is_suppressed
FROM unnest($1::uuid[], $2::uuid[]) AS w (id, workspace_id)
JOIN subscriber s ON s.id = w.id AND s.workspace_id = w.workspace_id
LEFT JOIN suppression x ON x.workspace_id = s.workspace_id AND x.email = s.email
"""

_MOVE = """
UPDATE enrollment e SET status = m.status, reason = m.reason, step_key = m.step_key,
       visit = m.visit, due_at = m.due_at, finished_at = m.finished_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[], $6::timestamptz[],
            $7::timestamptz[], $8::uuid[])
     AS m (id, status, reason, step_key, visit, due_at, finished_at, workspace_id)
WHERE e.id = m.id AND e.workspace_id = m.workspace_id
"""


_DUE_SEQUENCES = """
SELECT q.id FROM sequence q WHERE q.status = 'active' AND EXISTS (
    SELECT FROM enrollment
    WHERE sequence_id = q.id AND workspace_id = q.workspace_id
      AND status = 'active' AND due_at <= $1)
"""


async def has_due_enrollments(now: datetime) -> bool:
    """Whether `advance_due_enrollments` has something to do."""
    return await fetchval(_OLDEST, now) is not None


async def advance_due_enrollments(
    now: datetime,
    random: Random,
    limit: int = ADVANCE_BATCH,
    *,
    avoided: Iterable[UUID] = (),
    only: UUID | None = None,
) -> Advanced:
    """Advance up to `limit` due enrollments of active sequences, of any workspace.

    Sequences that are `avoided` are left alone, or all but `only` that one. Everything is written
    in one transaction, or nothing. Any number of processes may do this at once: none takes what
    another has. All zero when nothing is due or all of it is taken.
    """
    oldest = await fetchval(_OLDEST, now)
    if not isinstance(oldest, datetime):
        return Advanced()
    months = _months_between(oldest, now)
    await ensure_months("decision", months)
    await prepare_months(months)
    async with transaction():
        rows = await fetch(_CLAIM, now, limit, str(random.getrandbits(32)), list(avoided), only)
        states = await _still_active(rows)
        if not states:
            return Advanced()
        definitions = await load_definitions(
            (state.version_id, state.workspace_id) for state in states
        )
        facts = await _load_facts(states, definitions, now)
        decisions = decide(states, facts, definitions, now, random)
        await _write(states, decisions, now)
    return Advanced(len(states), len(decisions.visits), len(decisions.mails))


async def advance_all_due(
    clock: Callable[[], datetime], random: Random, seconds: float = DRAIN_SECONDS
) -> Advanced:
    """Advance batch after batch until nobody is due, or `seconds` have passed by the clock.

    A sequence at which a batch fails is logged and passed by, so that it holds up no other.
    """
    total, until = Advanced(), clock() + timedelta(seconds=seconds)
    faulty: set[UUID] = set()
    while (now := clock()) < until:
        try:
            batch = await advance_due_enrollments(now, random, avoided=faulty)
        except (OSError, asyncpg.PostgresConnectionError):
            raise
        except Exception:
            logger.exception("a batch failed, its sequences are tried one by one")
            faulty |= await _find_faulty(now, random)
            continue
        if not batch.enrollments:
            break
        total = Advanced(*(sum(pair) for pair in zip(total, batch, strict=True)))
    return total


async def _find_faulty(now: datetime, random: Random) -> set[UUID]:
    """Advance one batch of each due sequence by itself; those that fail, each logged."""
    faulty = set()
    for (sequence_id,) in await fetch(_DUE_SEQUENCES, now):
        try:
            await advance_due_enrollments(now, random, only=sequence_id)
        except Exception:
            logger.exception("people of sequence %s cannot be moved on", sequence_id)
            faulty.add(sequence_id)
    return faulty


def _months_between(first: datetime, last: datetime) -> list[datetime]:
    count = (last - first) // _DAYS_IN_A_SHORT_MONTH + 1
    return [*(first + _DAYS_IN_A_SHORT_MONTH * month for month in range(count)), last]


async def _still_active(rows: Iterable[Record]) -> list[State]:
    states = [State._make(row) for row in rows]
    wanted = {state.sequence_id: state.workspace_id for state in states}
    found = await fetch(_STILL_ACTIVE, list(wanted), list(wanted.values()))
    active = {row["id"] for row in found}
    return [state for state in states if state.sequence_id in active]


async def _load_facts(
    states: Sequence[State], definitions: dict[UUID, Definition], now: datetime
) -> Facts:
    pairs = {state.subscriber_id: state.workspace_id for state in states}
    rows = await fetch(_PEOPLE, list(pairs), list(pairs.values()))
    people = {row[0]: Person(row[1], row[2], row[3]) for row in rows}
    by_version: defaultdict[UUID, list[State]] = defaultdict(list)
    for state in states:
        by_version[state.version_id].append(state)
    truths: dict[ArmKey, set[UUID]] = {}
    for version_id, together in by_version.items():
        conditions = _conditions_ahead(version_id, definitions[version_id], together)
        ids = [state.subscriber_id for state in together]
        truths.update(await evaluate(conditions, together[0].workspace_id, ids, now))
    return Facts(people, truths)


def _conditions_ahead(
    version_id: UUID, definition: Definition, states: Iterable[State]
) -> dict[ArmKey, Condition]:
    return {
        (version_id, step_key, number): condition
        for rest in {state.step_key for state in states}
        for step_key, number, condition in arms_ahead(definition, rest)
    }


async def _write(states: Sequence[State], decisions: Decisions, now: datetime) -> None:
    moved = await execute(
        _MOVE,
        *map(list, zip(*decisions.moves, strict=True)),
        [state.workspace_id for state in states],
    )
    if moved != len(states):
        message = f"{moved} of {len(states)} claimed enrollments were there to be moved"
        raise RuntimeError(message)
    if decisions.visits:
        async with connection() as raw:
            await raw.copy_records_to_table(
                "decision", records=decisions.visits, columns=Visit._fields
            )
    # At the end, since it locks counters that other batches want too.
    await insert_messages([NewMessage(*mail, now) for mail in decisions.mails], now)
