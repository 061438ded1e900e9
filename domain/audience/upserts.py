"""Many people into a workspace at once: new ones are made, known ones brought up to date."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from domain.activity.models import EventKind
from domain.activity.signals import SignalFacts, record_signals
from domain.audience.models import SubscriberStatus, SuppressionReason
from domain.base.database import Record, fetch, transaction
from domain.base.ids import new_id

# Neither a tag nor anything else that was checked holds this control character.
_SEPARATOR: Final = "\x1f"

STATUS_BY_SUPPRESSION: Final = {
    SuppressionReason.UNSUBSCRIBED: SubscriberStatus.UNSUBSCRIBED,
    SuppressionReason.HARD_BOUNCE: SubscriberStatus.BOUNCED,
    SuppressionReason.COMPLAINT: SubscriberStatus.COMPLAINED,
    SuppressionReason.MANUAL: SubscriberStatus.UNSUBSCRIBED,
}


@dataclass(slots=True)
class Person:
    """What is told of one person; None and absent attributes leave alone what is known.

    `email` is in its kept form (`normalise_email`), tags are as `read_tags` gives them.
    """

    email: str
    first_name: str | None = None
    last_name: str | None = None
    timezone: str | None = None
    locale: str | None = None
    created_at: datetime | None = None
    tags: list[str] = field(default_factory=list)
    attributes: dict[str, object] = field(default_factory=dict)

    def learn(self, later: "Person") -> None:
        """Add what a later word on the same person tells: it goes before the earlier one."""
        self.first_name = later.first_name or self.first_name
        self.last_name = later.last_name or self.last_name
        self.timezone = later.timezone or self.timezone
        self.locale = later.locale or self.locale
        self.created_at = self.created_at or later.created_at
        self.tags = list(dict.fromkeys([*self.tags, *later.tags]))
        self.attributes |= later.attributes


_INCOMING: Final = f"""
unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[],
       $9::text[], $10::timestamptz[])
    AS p (id, email, first_name, last_name, timezone, locale, attributes, tag_text, created_at)
CROSS JOIN LATERAL string_to_array(p.tag_text, '{_SEPARATOR}') AS t (tags)
"""

_INSERT: Final = f"""
INSERT INTO subscriber (id, workspace_id, email, status, first_name, last_name, timezone, locale,
                        attributes, tags, created_at, updated_at, unsubscribed_at)
SELECT p.id, $1, p.email, coalesce(s.status, 'subscribed'), p.first_name, p.last_name, p.timezone,
       p.locale, p.attributes, t.tags, p.created_at, $11, s.since
FROM {_INCOMING}
LEFT JOIN unnest($12::text[], $13::text[], $14::timestamptz[]) AS s (email, status, since)
    ON s.email = p.email
ON CONFLICT (workspace_id, email) DO NOTHING
RETURNING id, email, status, tags
"""

# Nothing that is the same is written again, so that a second import of a file costs reads only.
_UPDATE: Final = f"""
WITH incoming AS (SELECT p.*, t.tags FROM {_INCOMING}),
known AS (
    SELECT s.id, s.tags, s.attributes, i.email
    FROM subscriber s JOIN incoming i ON i.email = s.email
    WHERE s.workspace_id = $1
    ORDER BY s.email
    FOR NO KEY UPDATE OF s
),
news AS (
    SELECT k.id, i.first_name, i.last_name, i.timezone, i.locale,
           k.attributes || i.attributes AS attributes,
           ARRAY(SELECT n.tag FROM unnest(i.tags) WITH ORDINALITY AS n (tag, place)
                 WHERE n.tag <> ALL (k.tags) ORDER BY n.place) AS new_tags
    FROM known k JOIN incoming i USING (email)
)
UPDATE subscriber s
SET first_name = coalesce(n.first_name, s.first_name),
    last_name = coalesce(n.last_name, s.last_name),
    timezone = coalesce(n.timezone, s.timezone),
    locale = coalesce(n.locale, s.locale),
    attributes = n.attributes,
    tags = s.tags || n.new_tags,
    updated_at = $11
FROM news n
WHERE s.id = n.id AND s.workspace_id = $1
  AND (n.new_tags <> '{{}}' OR s.attributes <> n.attributes
       OR (coalesce(n.first_name, s.first_name), coalesce(n.last_name, s.last_name),
           coalesce(n.timezone, s.timezone), coalesce(n.locale, s.locale))
          IS DISTINCT FROM (s.first_name, s.last_name, s.timezone, s.locale))
RETURNING s.id, n.new_tags AS tags
"""


async def upsert_people(workspace_id: UUID, people: Sequence[Person], now: datetime) -> set[str]:
    """Bring people into the workspace; the addresses of those who were not there before.

    Names, zone and locale are replaced, attributes merged, tags added. The status of someone known
    never changes, and a suppressed address enters with the status that its suppression means. So
    nobody is subscribed again who left.

    New people who may be mailed are `subscribed`, and every new tag is `tag_added`, for sequences
    that listen. Addresses must be in their kept form and each there once.
    """
    # Two transactions that bring the same people wait for each other in the same order.
    ordered = sorted(people, key=lambda person: person.email)
    async with transaction():
        suppressed = await _suppressed(workspace_id, [person.email for person in ordered])
        created = await fetch(
            _INSERT,
            workspace_id,
            *_columns(ordered, now),
            now,
            [row["email"] for row in suppressed],
            [_status(row).value for row in suppressed],
            [row["created_at"] for row in suppressed],
        )
        new = {row["email"] for row in created}
        known = [person for person in ordered if person.email not in new]
        updated = await fetch(_UPDATE, workspace_id, *_columns(known, now), now) if known else []
        entered = [row["id"] for row in created if row["status"] == SubscriberStatus.SUBSCRIBED]
        await tell_subscribed(workspace_id, entered, now)
        await tell_tagged(workspace_id, [*created, *updated], now)
    return new


async def _suppressed(workspace_id: UUID, emails: Collection[str]) -> list[Record]:
    return await fetch(
        """SELECT email, reason, created_at FROM suppression
           WHERE workspace_id = $1 AND email = ANY($2::text[])""",
        workspace_id,
        emails,
    )


def _status(suppression: Record) -> SubscriberStatus:
    return STATUS_BY_SUPPRESSION[SuppressionReason(suppression["reason"])]


def _columns(people: Sequence[Person], now: datetime) -> tuple[list[object], ...]:
    return (
        [new_id(person.created_at or now) for person in people],
        [person.email for person in people],
        [person.first_name for person in people],
        [person.last_name for person in people],
        [person.timezone for person in people],
        [person.locale for person in people],
        [orjson.dumps(person.attributes).decode() for person in people],
        [_SEPARATOR.join(person.tags) for person in people],
        [person.created_at or now for person in people],
    )


async def tell_subscribed(workspace_id: UUID, ids: Sequence[UUID], now: datetime) -> None:
    await record_signals(
        workspace_id,
        EventKind.SUBSCRIBED,
        SignalFacts([""] * len(ids), ids, ["{}"] * len(ids), [now] * len(ids)),
    )


async def tell_tagged(workspace_id: UUID, rows: Sequence[Record], now: datetime) -> None:
    """`rows` have the `id` of a subscriber and the `tags` that are new to them."""
    pairs = [(tag, row["id"]) for row in rows for tag in row["tags"]]
    await record_signals(
        workspace_id,
        EventKind.TAG_ADDED,
        SignalFacts(
            [tag for tag, _ in pairs],
            [identifier for _, identifier in pairs],
            ["{}"] * len(pairs),
            [now] * len(pairs),
        ),
    )
