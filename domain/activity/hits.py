"""Opens, clicks and unsubscriptions of messages: first times, events and counters, all at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from domain.activity.events import EventRow, append_events
from domain.activity.models import Actor, EventKind
from domain.activity.rollups import RollupRow, add_to_rollups
from domain.activity.tokens import MessageReference
from domain.base.database import Record, execute, fetch, to_json, transaction
from domain.base.ids import fact_id
from domain.base.partitions import ensure_months


class Hit(NamedTuple):
    """One request that a message's link, pixel or unsubscribe link led to.

    `kind` is `opened`, `clicked` (with the link's number, from 1) or `unsubscribed`.
    """

    message: MessageReference
    kind: EventKind
    actor: Actor
    at: datetime
    link_number: int | None = None


@dataclass(frozen=True, slots=True)
class HitMessage:
    """The message that was hit. `link` is the clicked link as its template has it, Liquid and all;
    None for other hits.
    """

    message_id: UUID
    workspace_id: UUID
    subscriber_id: UUID
    sequence_id: UUID | None
    revision_id: UUID
    link: str | None


FIRSTS: Final = ("opened", "machine_opened", "clicked", "unsubscribed")

# Rows are locked in the order of their ids, so that two batches cannot wait for each other.
_LOCK = """
SELECT m.id, m.workspace_id, m.subscriber_id, m.sequence_id, m.step_key, m.revision_id,
       m.opened_at, m.machine_opened_at, m.clicked_at, m.unsubscribed_at,
       CASE WHEN $3 THEN (
           SELECT links FROM template_revision r
           WHERE r.id = m.revision_id AND r.workspace_id = m.workspace_id
       ) END AS links
FROM message m
WHERE m.id = ANY($1::uuid[])
  AND (m.id, m.workspace_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
ORDER BY m.id
FOR NO KEY UPDATE OF m
"""

_SET_FIRSTS = f"""
UPDATE message m SET {", ".join(f"{f}_at = coalesce(m.{f}_at, h.{f}_at)" for f in FIRSTS)}
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[],
            $6::timestamptz[])
     AS h (id, workspace_id, {", ".join(f"{f}_at" for f in FIRSTS)})
WHERE m.id = h.id AND m.workspace_id = h.workspace_id AND m.id = ANY($1::uuid[])
"""


async def record_hits(hits: Sequence[Hit], now: datetime) -> list[HitMessage | None]:
    """Record a batch in one transaction; for each hit its message, in their order.

    None means that nothing was recorded: the message is gone, or has no link of that number. A
    message's counters move only with its first open, machine open, click and unsubscription. Hits
    of the same kind, link and actor on one message within one minute make one event.
    """
    await ensure_months("event", [hit.at for hit in hits])
    async with transaction():
        rows = await fetch(
            _LOCK,
            [hit.message.message_id for hit in hits],
            [hit.message.workspace_id for hit in hits],
            any(hit.link_number is not None for hit in hits),
        )
        by_id = {row["id"]: row for row in rows}
        found = [_found(hit, by_id.get(hit.message.message_id)) for hit in hits]
        landed = [(hit, message) for hit, message in zip(hits, found, strict=True) if message]
        firsts = _firsts(landed, by_id)
        if firsts:
            await execute(_SET_FIRSTS, *_columns(firsts, by_id))
        await append_events(
            list({(row := _event(hit, message, now)).id: row for hit, message in landed}.values())
        )
        await add_to_rollups(_rollups(firsts, by_id, now))
    return found


def _found(hit: Hit, row: Record | None) -> HitMessage | None:
    if row is None or row["workspace_id"] != hit.message.workspace_id:
        return None
    link = None
    if hit.link_number is not None:
        links = row["links"] or ()
        if not 1 <= hit.link_number <= len(links):
            return None
        link = links[hit.link_number - 1]
    return HitMessage(
        message_id=row["id"],
        workspace_id=row["workspace_id"],
        subscriber_id=row["subscriber_id"],
        sequence_id=row["sequence_id"],
        revision_id=row["revision_id"],
        link=link,
    )


def _fact(hit: Hit) -> str | None:
    """Which first time of the message the hit may set; a machine's click sets none."""
    if hit.kind is EventKind.OPENED:
        return "opened" if hit.actor is Actor.HUMAN else "machine_opened"
    if hit.kind is EventKind.CLICKED:
        return "clicked" if hit.actor is Actor.HUMAN else None
    return "unsubscribed"


def _firsts(
    landed: Sequence[tuple[Hit, HitMessage]], by_id: dict[UUID, Record]
) -> dict[UUID, dict[str, datetime]]:
    """The new first times by message."""
    firsts: dict[UUID, dict[str, datetime]] = {}
    for hit, message in landed:
        fact = _fact(hit)
        if fact is None or by_id[message.message_id][f"{fact}_at"] is not None:
            continue
        times = firsts.setdefault(message.message_id, {})
        times[fact] = min(hit.at, times.get(fact, hit.at))
    return firsts


def _columns(
    firsts: dict[UUID, dict[str, datetime]], by_id: dict[UUID, Record]
) -> list[list[object]]:
    return [
        list(firsts),
        [by_id[identifier]["workspace_id"] for identifier in firsts],
        *([times.get(fact) for times in firsts.values()] for fact in FIRSTS),
    ]


def _event(hit: Hit, message: HitMessage, now: datetime) -> EventRow:
    minute = hit.at.replace(second=0, microsecond=0)
    return EventRow(
        id=fact_id(minute, message.message_id, hit.kind, hit.actor, hit.link_number),
        workspace_id=message.workspace_id,
        subscriber_id=message.subscriber_id,
        message_id=message.message_id,
        kind=hit.kind,
        name=hit.kind.value,
        value=None,
        currency=None,
        properties="{}" if hit.link_number is None else to_json({"link": hit.link_number}),
        occurred_at=hit.at,
        recorded_at=now,
        actor=hit.actor,
    )


def _rollups(
    firsts: dict[UUID, dict[str, datetime]], by_id: dict[UUID, Record], now: datetime
) -> list[RollupRow]:
    rows = []
    for identifier, times in firsts.items():
        message = by_id[identifier]
        if message["sequence_id"] is None:
            continue
        rows.append(
            RollupRow(
                message["workspace_id"],
                message["sequence_id"],
                message["step_key"],
                now,
                opened=int("opened" in times),
                machine_opened=int("machine_opened" in times),
                clicked=int("clicked" in times),
                unsubscribed=int("unsubscribed" in times),
            )
        )
    return rows
