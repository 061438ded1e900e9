"""Single subscribers: made, changed, tagged, read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast
from uuid import UUID

import asyncpg

from domain.audience.addresses import normalise_email
from domain.audience.models import SubscriberStatus
from domain.audience.profile import (
    check_attributes,
    read_locale,
    read_name,
    read_tags,
    read_timezone,
    storable,
)
from domain.audience.upserts import Person, tell_subscribed, tell_tagged, upsert_people
from domain.base.cache import Cached
from domain.base.database import (
    Record,
    execute,
    fetch,
    fetchrow,
    fetchval,
    to_json,
    transaction,
)
from domain.base.errors import AlreadyExistsError, ConflictError, DomainError, NotFoundError
from domain.base.pages import Page, PageRequest, page_of

MANY: Final = 100_000
_COLUMNS: Final = """id, email, status, first_name, last_name, timezone, locale, attributes, tags,
    created_at, updated_at, unsubscribed_at"""


def read_person(given: Mapping[str, object]) -> Person:
    """A person as a caller states one: `email`, and optionally `first_name`, `last_name`,
    `timezone`, `locale`, `tags` and `attributes`.

    Raises a `DomainError` that names the field.
    """
    person = Person(email=normalise_email(cast("str", given["email"])))
    for name, value in _read_profile(given).items():
        setattr(person, name, value)
    person.tags = read_tags(cast("list[str]", given.get("tags") or []))
    person.attributes = check_attributes(given.get("attributes"))
    return person


def _read_profile(given: Mapping[str, object]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, read in _PROFILE.items():
        if name in given:
            text = cast("str | None", given[name])
            found[name] = read(text) if text else None
    return found


_PROFILE: Final[dict[str, Callable[[str], str | None]]] = {
    "first_name": lambda text: read_name(text, "firstName"),
    "last_name": lambda text: read_name(text, "lastName"),
    "timezone": read_timezone,
    "locale": read_locale,
}


async def create_subscriber(
    workspace_id: UUID, given: Mapping[str, object], now: datetime
) -> Record:
    """A new subscriber, from what `read_person` takes; a suppressed address enters as such.

    Raises `AlreadyExistsError` when the address is known, and what `read_person` raises.
    """
    person = read_person(given)
    async with transaction():
        if not await upsert_people(workspace_id, [person], now):
            raise AlreadyExistsError("A subscriber has this address already.", field="email")
        return await _read_by_email(workspace_id, person.email)


async def upsert_subscriber(
    workspace_id: UUID, given: Mapping[str, object], now: datetime
) -> Record:
    """The subscriber with this address, made or brought up to date as an import would."""
    person = read_person(given)
    async with transaction():
        await upsert_people(workspace_id, [person], now)
        return await _read_by_email(workspace_id, person.email)


async def _read_by_email(workspace_id: UUID, email: str) -> Record:
    row = await find_subscriber(workspace_id, email)
    if row is None:
        raise NotFoundError("There is no subscriber with this address.", field="email")
    return row


async def update_subscriber(
    workspace_id: UUID, subscriber_id: UUID, changes: Mapping[str, object], now: datetime
) -> Record:
    """Change `email`, `first_name`, `last_name`, `timezone` or `locale`, merge `attributes`.

    None empties a field; an attribute given as None is taken away. Raises `NotFoundError`,
    `AlreadyExistsError` for another subscriber's address, or what is wrong with a value.
    """
    columns: dict[str, object] = dict(_read_profile(changes))
    if "email" in changes:
        columns["email"] = normalise_email(cast("str", changes["email"] or ""))
    attributes = check_attributes(changes.get("attributes"), with_none=True)
    sets = [f"{name} = ${place}" for place, name in enumerate(columns, start=6)]
    try:
        row = await fetchrow(
            f"""UPDATE subscriber
                SET {", ".join(["updated_at = $3", *sets])},
                    attributes = (attributes || $4::jsonb) - $5::text[]
                WHERE workspace_id = $1 AND id = $2 RETURNING {_COLUMNS}""",
            workspace_id,
            subscriber_id,
            now,
            to_json({key: value for key, value in attributes.items() if value is not None}),
            [key for key, value in attributes.items() if value is None],
            *columns.values(),
        )
    except asyncpg.UniqueViolationError:
        raise AlreadyExistsError(
            "Another subscriber has this address already.", field="email"
        ) from None
    return _found(row)


def _found(row: Record | None) -> Record:
    if row is None:
        raise NotFoundError("There is no such subscriber.", field="id")
    return row


async def add_tags(
    workspace_id: UUID, subscriber_ids: Sequence[UUID], tags: Sequence[str], now: datetime
) -> list[Record]:
    """Tag people; their rows in the order asked for, without those who are not there.

    Sequences that listen hear of tags that are new to a person. Raises `LimitExceededError`.
    """
    wanted = read_tags(tags)
    async with transaction():
        changed = await fetch(
            """WITH known AS (
                   SELECT id, tags FROM subscriber
                   WHERE workspace_id = $1 AND id = ANY($2::uuid[])
                   ORDER BY email FOR NO KEY UPDATE
               ),
               news AS (
                   SELECT id, ARRAY(SELECT n.tag FROM unnest($3::text[]) WITH ORDINALITY
                                    AS n (tag, place)
                                    WHERE n.tag <> ALL (known.tags) ORDER BY n.place) AS new_tags
                   FROM known
               )
               UPDATE subscriber s SET tags = s.tags || n.new_tags, updated_at = $4
               FROM news n
               WHERE s.workspace_id = $1 AND s.id = n.id AND n.new_tags <> '{}'
               RETURNING s.id, n.new_tags AS tags""",
            workspace_id,
            list(subscriber_ids),
            wanted,
            now,
        )
        await tell_tagged(workspace_id, changed, now)
        return await _rows_of(workspace_id, subscriber_ids)


async def remove_tags(
    workspace_id: UUID, subscriber_ids: Sequence[UUID], tags: Sequence[str], now: datetime
) -> list[Record]:
    """Take tags away; rows as `add_tags`."""
    unwanted = read_tags(tags)
    async with transaction():
        await execute(
            """UPDATE subscriber s
               SET tags = ARRAY(SELECT t.tag FROM unnest(s.tags) WITH ORDINALITY AS t (tag, place)
                                WHERE t.tag <> ALL ($3::text[]) ORDER BY t.place),
                   updated_at = $4
               WHERE workspace_id = $1 AND id = ANY($2::uuid[]) AND tags && $3::text[]""",
            workspace_id,
            list(subscriber_ids),
            unwanted,
            now,
        )
        return await _rows_of(workspace_id, subscriber_ids)


async def _rows_of(workspace_id: UUID, subscriber_ids: Sequence[UUID]) -> list[Record]:
    found = await read_subscribers(workspace_id, subscriber_ids)
    return [found[one] for one in dict.fromkeys(subscriber_ids) if one in found]


async def resubscribe(workspace_id: UUID, subscriber_id: UUID, now: datetime) -> Record:
    """Mail a person again who unsubscribed and has asked for it since.

    Lifts a suppression that stands for the unsubscription; sequences that listen hear of a person
    who `subscribed`. Raises `NotFoundError`, and `ConflictError` when the address has bounced,
    complained or is suppressed for another reason.
    """
    async with transaction():
        row = await fetchrow(
            f"""UPDATE subscriber
                SET status = 'subscribed', unsubscribed_at = NULL, updated_at = $3
                WHERE workspace_id = $1 AND id = $2 AND status = 'unsubscribed'
                RETURNING {_COLUMNS}""",
            workspace_id,
            subscriber_id,
            now,
        )
        if row is None:
            row = _found((await read_subscribers(workspace_id, [subscriber_id])).get(subscriber_id))
            if row["status"] != SubscriberStatus.SUBSCRIBED:
                raise ConflictError(f"This subscriber has {row['status']}.", field="id")
            return row
        await execute(
            """DELETE FROM suppression
               WHERE workspace_id = $1 AND email = $2 AND reason = 'unsubscribed'""",
            workspace_id,
            row["email"],
        )
        if await fetchval(
            "SELECT 1 FROM suppression WHERE workspace_id = $1 AND email = $2",
            workspace_id,
            row["email"],
        ):
            raise ConflictError("The address is suppressed.", field="id")
        await tell_subscribed(workspace_id, [row["id"]], now)
        return row


async def read_subscribers(
    workspace_id: UUID, subscriber_ids: Sequence[UUID]
) -> dict[UUID, Record]:
    """Subscribers by id."""
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM subscriber WHERE workspace_id = $1 AND id = ANY($2::uuid[])",
        workspace_id,
        list(subscriber_ids),
    )
    return {row["id"]: row for row in rows}


async def find_subscriber(workspace_id: UUID, email: str) -> Record | None:
    """The subscriber with this address, in any spelling of it."""
    try:
        address = normalise_email(email)
    except DomainError:
        return None
    return await fetchrow(
        f"SELECT {_COLUMNS} FROM subscriber WHERE workspace_id = $1 AND email = $2",
        workspace_id,
        address,
    )


@dataclass(frozen=True, slots=True)
class SubscriberFilter:
    """All that is given must hold; `email_prefix` is compared in small letters."""

    status: SubscriberStatus | None = None
    tag: str | None = None
    email_prefix: str | None = None


def _matching(workspace_id: UUID, wanted: SubscriberFilter) -> tuple[str, list[object]]:
    """A condition and its parameters."""
    where = "workspace_id = $1"
    values: list[object] = [workspace_id]
    prefix = (wanted.email_prefix or "").lower()
    for condition, value in (
        ("status = ${}", wanted.status.value if wanted.status else None),
        ("tags @> ARRAY[${}::text]", storable(wanted.tag, "tag") if wanted.tag else None),
        ("email ^@ ${}", storable(prefix, "emailPrefix") or None),
    ):
        if value is not None:
            values.append(value)
            where += f" AND {condition.format(len(values))}"
    return where, values


async def _count(
    workspace_id: UUID, filters: Sequence[SubscriberFilter]
) -> dict[SubscriberFilter, int]:
    found: dict[SubscriberFilter, int] = {}
    for wanted in filters:
        where, values = _matching(workspace_id, wanted)
        count = await fetchval(f"SELECT count(*) FROM subscriber WHERE {where}", *values)
        found[wanted] = cast("int", count)
    return found


# Whatever changes subscribers changes thousands; nobody looks for one more among so many.
_COUNTS: Final = Cached(
    "subscribers",
    topic="subscribers",
    load=_count,
    fresh_seconds=10,
    stale_seconds=30,
    encode=int,
    decode=int,
    key_text=lambda wanted: to_json([wanted.status, wanted.tag, wanted.email_prefix]),
    is_small=lambda count: count < MANY,
)


async def list_subscribers(
    workspace_id: UUID, request: PageRequest, wanted: SubscriberFilter
) -> Page:
    """A page of the workspace's subscribers, newest first.

    A list of `MANY` is counted at most every few seconds: its count is up to 30 s old.
    """
    where, values = _matching(workspace_id, wanted)

    async def count() -> int:
        return (await _COUNTS.read(workspace_id, [wanted]))[wanted].value

    place = len(values) + 1
    rows = await fetch(
        f"""SELECT {_COLUMNS} FROM subscriber
            WHERE {where} AND (${place}::uuid IS NULL OR id < ${place})
            ORDER BY id DESC LIMIT ${place + 1}""",
        *values,
        request.after,
        request.first + 1,
    )
    return page_of(rows, request, count)
