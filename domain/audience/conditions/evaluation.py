"""Conditions evaluated for many subscribers at once."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from domain.audience.conditions.sql import Compilation
from domain.audience.conditions.tree import Condition
from domain.base.database import fetch

K = TypeVar("K", bound=Hashable)


async def evaluate(
    conditions: Mapping[K, Condition],
    workspace_id: UUID,
    subscriber_ids: Sequence[UUID],
    now: datetime,
) -> dict[K, set[UUID]]:
    """For each condition, those of the subscribers for whom it is true; one query for all.

    Ids that are not of the workspace are in none of the sets.
    """
    found: dict[K, set[UUID]] = {key: set() for key in conditions}
    if not conditions or not subscriber_ids:
        return found
    compilation = Compilation(workspace_id, now, subscriber_ids)
    truths = [
        f"CASE WHEN {compilation.compile(condition)} THEN s.id END"
        for condition in conditions.values()
    ]
    rows = await fetch(
        f"""SELECT {", ".join(truths)} FROM subscriber s
            WHERE s.workspace_id = {compilation.workspace}
            AND s.id = ANY({compilation.add(subscriber_ids, "uuid[]")})""",
        *compilation.values,
    )
    for column, members in enumerate(found.values()):
        members.update(row[column] for row in rows)
        members.discard(None)
    return found
