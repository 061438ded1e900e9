"""Letting people in: by the facts that a sequence listens for, by hand, or by the API."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from domain.base import doorbells
from domain.base.database import Record, execute, fetch, fetchrow, fetchval, to_json, transaction
from domain.base.errors import ConflictError, NotFoundError
from domain.base.ids import fact_id
from domain.base.pages import Page, PageRequest, page_of
from domain.sequences.definition import Manual
from domain.sequences.models import EnrollmentStatus
from domain.sequences.people import people_changed
from domain.sequences.sequences import ADVANCE, GONE
from domain.sequences.versions import load_definitions

ADMIT_BATCH: Final = 2000
FIRST_RUN: Final = 1

COLUMNS: Final = """id, workspace_id, sequence_id, version_id, subscriber_id, run, status, reason,
    step_key, visit, due_at, trigger::text AS trigger, enrolled_at, finished_at"""


class _Entry(NamedTuple):
    """A row of `enrollment` to be, in the order of `_INSERT`."""

    id: UUID
    workspace_id: UUID
    sequence_id: UUID
    version_id: UUID
    subscriber_id: UUID
    trigger: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What became of a wish to enroll: let in now, in (or through) already, and not known here."""

    enrollment_ids: list[UUID]
    already_count: int
    unknown_ids: list[UUID]


# The sequence is held shared: who pauses it waits, and finds nobody let in afterwards.
_HEARD = """
SELECT g.id, g.workspace_id, g.sequence_id, q.active_version_id AS version_id, g.subscriber_id,
       g.kind, g.key, g.properties::text AS properties, g.occurred_at
FROM signal g
JOIN sequence q ON q.id = g.sequence_id AND q.workspace_id = g.workspace_id
WHERE q.status = 'active'
LIMIT $1
FOR UPDATE OF g SKIP LOCKED
FOR SHARE OF q SKIP LOCKED
"""

_INSERT = """
INSERT INTO enrollment (id, workspace_id, sequence_id, version_id, subscriber_id, trigger,
                        run, status, visit, due_at, enrolled_at)
SELECT e.*, $7, 'active', 0, $8, $8
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::jsonb[]) AS e
ON CONFLICT DO NOTHING
RETURNING id
"""


async def has_signals() -> bool:
    """Whether `admit_signals` has something to do."""
    found = await fetchval(
        """SELECT EXISTS (SELECT FROM signal g
             JOIN sequence q ON q.id = g.sequence_id AND q.workspace_id = g.workspace_id
             WHERE q.status = 'active')"""
    )
    return bool(found)


async def admit_signals(now: datetime, limit: int = ADMIT_BATCH) -> int:
    """Take up to `limit` signals and let their people in; how many signals were taken.

    Somebody is let into a sequence once, however often its triggers fire. Signals of paused
    sequences wait. A repeat after a crash finds either the signals or the enrollments.
    """
    async with transaction():
        signals = await fetch(_HEARD, limit)
        if signals:
            await _insert([_entry_of(signal) for signal in signals], now)
            await execute(
                """DELETE FROM signal g USING unnest($1::uuid[], $2::uuid[]) AS t (id, workspace_id)
                   WHERE g.id = t.id AND g.workspace_id = t.workspace_id""",
                [signal["id"] for signal in signals],
                [signal["workspace_id"] for signal in signals],
            )
    return len(signals)


async def admit_all_signals(clock: Callable[[], datetime]) -> int:
    """Let in everybody for whom there is a signal; how many signals were taken."""
    total = 0
    while taken := await admit_signals(clock()):
        total += taken
    return total


async def enroll(
    workspace_id: UUID, sequence_id: UUID, subscriber_ids: Sequence[UUID], now: datetime
) -> Enrolled:
    """Let these people in by hand. Repeating it lets nobody in twice.

    Raises NotFoundError, and ConflictError unless the sequence is active with a `manual` trigger.
    """
    wanted = list(dict.fromkeys(subscriber_ids))
    trigger = to_json({"kind": Manual.kind, "at": now})
    async with transaction():
        version_id = await _version_to_enter(workspace_id, sequence_id)
        rows = await fetch(
            "SELECT id FROM subscriber WHERE id = ANY($1::uuid[]) AND workspace_id = $2",
            wanted,
            workspace_id,
        )
        known = {row["id"] for row in rows}
        entries = [
            _Entry(
                fact_id(now, sequence_id, subscriber_id, FIRST_RUN),
                workspace_id,
                sequence_id,
                version_id,
                subscriber_id,
                trigger,
            )
            for subscriber_id in wanted
            if subscriber_id in known
        ]
        enrollment_ids = await _insert(entries, now)
        if enrollment_ids:
            await people_changed(workspace_id)
    unknown = [subscriber_id for subscriber_id in wanted if subscriber_id not in known]
    return Enrolled(enrollment_ids, len(entries) - len(enrollment_ids), unknown)


async def _version_to_enter(workspace_id: UUID, sequence_id: UUID) -> UUID:
    # Held shared: who pauses or archives the sequence waits, and then finds those let in.
    sequence = await fetchrow(
        """SELECT status, active_version_id FROM sequence
           WHERE id = $1 AND workspace_id = $2 FOR SHARE""",
        sequence_id,
        workspace_id,
    )
    if sequence is None:
        raise NotFoundError(GONE, field="sequenceId")
    version_id: UUID | None = sequence["active_version_id"]
    if sequence["status"] != "active" or version_id is None:
        raise ConflictError("People can be enrolled in active sequences only.", field="sequenceId")
    definitions = await load_definitions([(version_id, workspace_id)])
    if Manual() not in definitions[version_id].triggers:
        message = "This sequence lets nobody in by hand: give it the trigger `manual`."
        raise ConflictError(message, field="sequenceId")
    return version_id


def _entry_of(signal: Record) -> _Entry:
    trigger = (
        f'{{"kind":{to_json(signal["kind"])},"key":{to_json(signal["key"])},'
        f'"at":{to_json(signal["occurred_at"])},"properties":{signal["properties"]}}}'
    )
    return _Entry(
        fact_id(signal["occurred_at"], signal["sequence_id"], signal["subscriber_id"], FIRST_RUN),
        signal["workspace_id"],
        signal["sequence_id"],
        signal["version_id"],
        signal["subscriber_id"],
        trigger,
    )


async def _insert(entries: Sequence[_Entry], now: datetime) -> list[UUID]:
    if not entries:
        return []
    # Two transactions that let in the same people wait for each other in the same order.
    ordered = sorted(entries, key=lambda entry: (entry.sequence_id, entry.subscriber_id))
    rows = await fetch(_INSERT, *map(list, zip(*ordered, strict=True)), FIRST_RUN, now)
    if rows:
        await doorbells.ring(ADVANCE)
    return [row["id"] for row in rows]


async def read_enrollments(workspace_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Record]:
    """Enrollments by id."""
    rows = await fetch(
        f"""SELECT {COLUMNS} FROM enrollment
            WHERE id = ANY($1::uuid[]) AND workspace_id = $2""",
        list(set(ids)),
        workspace_id,
    )
    return {row["id"]: row for row in rows}


async def read_enrollments_of_sequences(
    workspace_id: UUID,
    sequence_ids: Sequence[UUID],
    request: PageRequest,
    status: EnrollmentStatus | None = None,
) -> dict[UUID, Page]:
    """A page of each sequence's enrollments, newest first, in one read."""
    return await _read_pages("sequence_id", workspace_id, sequence_ids, request, status)


async def read_enrollments_of_subscribers(
    workspace_id: UUID,
    subscriber_ids: Sequence[UUID],
    request: PageRequest,
    status: EnrollmentStatus | None = None,
) -> dict[UUID, Page]:
    """A page of each subscriber's enrollments, newest first, in one read."""
    return await _read_pages("subscriber_id", workspace_id, subscriber_ids, request, status)


async def _read_pages(
    parent: str,
    workspace_id: UUID,
    parent_ids: Sequence[UUID],
    request: PageRequest,
    status: EnrollmentStatus | None,
) -> dict[UUID, Page]:
    rows = await fetch(
        f"""SELECT e.* FROM unnest($2::uuid[]) AS wanted (id)
            CROSS JOIN LATERAL (
                SELECT {COLUMNS} FROM enrollment
                WHERE workspace_id = $1 AND {parent} = wanted.id
                  AND ($3::uuid IS NULL OR id < $3) AND ($4::text IS NULL OR status = $4)
                ORDER BY id DESC LIMIT $5
            ) e
            ORDER BY e.id DESC""",
        workspace_id,
        list(set(parent_ids)),
        request.after,
        None if status is None else status.value,
        request.first + 1,
    )
    found: dict[UUID, list[Record]] = {identifier: [] for identifier in parent_ids}
    for row in rows:
        found[row[parent]].append(row)
    return {identifier: page_of(people, request) for identifier, people in found.items()}
