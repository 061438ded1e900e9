"""How many people are in sequences, and where they rest: counted live while that is cheap.

A sequence that has or had `MANY` people is counted at most every few seconds; its numbers are then
up to `STALE_SECONDS` old and say so. Letting people in by hand and archiving show at once.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from domain.base.cache import Aged, Cached
from domain.base.database import fetch

MANY: Final = 10_000
FRESH_SECONDS: Final = 5
STALE_SECONDS: Final = 30


class People(NamedTuple):
    """`step_key` is where active ones rest, None before their first step and for the finished."""

    status: str
    step_key: str | None
    number: int


async def _count(workspace_id: UUID, sequence_ids: Sequence[UUID]) -> dict[UUID, list[People]]:
    rows = await fetch(
        """SELECT sequence_id, status, CASE WHEN status = 'active' THEN step_key END AS step_key,
                  count(*) AS count
           FROM enrollment WHERE sequence_id = ANY($1::uuid[]) AND workspace_id = $2
           GROUP BY 1, 2, 3""",
        sequence_ids,
        workspace_id,
    )
    found: dict[UUID, list[People]] = {sequence_id: [] for sequence_id in sequence_ids}
    for sequence_id, status, step_key, count in rows:
        found[sequence_id].append(People(status, step_key, count))
    return found


def _write(people: list[People]) -> object:
    return [tuple(each) for each in people]


def _read(kept: Any) -> list[People]:
    return [People(*row) for row in kept]


def _are_few(people: list[People]) -> bool:
    return sum(each.number for each in people) < MANY


_PEOPLE: Final = Cached(
    "people",
    topic="people",
    load=_count,
    fresh_seconds=FRESH_SECONDS,
    stale_seconds=STALE_SECONDS,
    encode=_write,
    decode=_read,
    is_small=_are_few,
)


async def count_people(
    workspace_id: UUID, sequence_ids: Sequence[UUID]
) -> dict[UUID, Aged[list[People]]]:
    """The people of each sequence, none for one that is not the workspace's, and as of when."""
    return await _PEOPLE.read(workspace_id, sequence_ids)


async def people_changed(workspace_id: UUID) -> None:
    """Let the next reader count, after commit: for changes that somebody will look for."""
    await _PEOPLE.changed(workspace_id)
