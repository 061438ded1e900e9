"""Templates and their revisions: written by people, never changed, read by delivery."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

import orjson

from domain.base.database import Record, execute, fetch, fetchrow, fetchval, to_json, transaction
from domain.base.errors import InvalidInputError, NotFoundError, RequiredError
from domain.base.ids import new_id
from domain.base.pages import Page, PageRequest, page_of
from domain.base.shapes import decode, encode
from domain.content.compilation import CompiledTemplate, PreparedTemplate, prepare_template
from domain.content.models import BodyFormat

MAX_NAME = 200

_TEMPLATE = "id, name, current_revision_id, created_at, updated_at, archived_at"
# Without what may be large, which is read when asked for.
_REVISION = "id, template_id, number, subject, format, links, variables, created_at"


@dataclass(frozen=True, slots=True)
class Content:
    """A mail as its author writes it. `text` None derives the plain text from the body."""

    subject: str
    body: str
    format: BodyFormat
    text: str | None = None


async def create_template(
    workspace_id: UUID, *, name: str, content: Content, now: datetime
) -> Record:
    """The template's row, with its first revision.

    Raises RequiredError, InvalidInputError, TemplateError.
    """
    checked = _checked_name(name)
    prepared = await prepare(content)
    identifier = new_id(now)
    async with transaction():
        await execute(
            "INSERT INTO template (id, workspace_id, name, created_at, updated_at)"
            " VALUES ($1, $2, $3, $4, $4)",
            identifier,
            workspace_id,
            checked,
            now,
        )
        await _add_revision(workspace_id, identifier, content, prepared, now)
        return await _read_one(workspace_id, identifier)


async def update_template(
    workspace_id: UUID,
    template_id: UUID,
    *,
    name: str | None,
    content: Content | None,
    now: datetime,
) -> Record:
    """Rename, or add a revision that becomes the current one; what is None stays.

    Messages and published sequences keep the revision they were made with. Content equal to the
    current revision's adds none. Raises NotFoundError and what `create_template` raises.
    """
    checked = None if name is None else _checked_name(name)
    prepared = None if content is None else await prepare(content)
    async with transaction():
        row = await fetchrow(
            "UPDATE template SET name = coalesce($3, name), updated_at = $4"
            f" WHERE workspace_id = $1 AND id = $2 RETURNING {_TEMPLATE}",
            workspace_id,
            template_id,
            checked,
            now,
        )
        if row is None:
            raise NotFoundError("There is no such template.", field="id")
        if content is not None and prepared is not None:
            current = await _read_content(workspace_id, row["current_revision_id"])
            if content != current:
                await _add_revision(workspace_id, template_id, content, prepared, now)
        return await _read_one(workspace_id, template_id)


async def archive_template(workspace_id: UUID, template_id: UUID, now: datetime) -> Record:
    """Take it out of the lists; what uses it goes on. Raises NotFoundError."""
    row = await fetchrow(
        "UPDATE template SET archived_at = coalesce(archived_at, $3) WHERE workspace_id = $1"
        f" AND id = $2 RETURNING {_TEMPLATE}",
        workspace_id,
        template_id,
        now,
    )
    if row is None:
        raise NotFoundError("There is no such template.", field="id")
    return row


async def list_templates(workspace_id: UUID, request: PageRequest) -> Page:
    """Those not archived, newest first."""
    rows = await fetch(
        f"SELECT {_TEMPLATE} FROM template WHERE workspace_id = $1 AND archived_at IS NULL"
        " AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        workspace_id,
        request.after,
        request.first + 1,
    )

    async def count() -> int:
        return cast(
            "int",
            await fetchval(
                "SELECT count(*) FROM template WHERE workspace_id = $1 AND archived_at IS NULL",
                workspace_id,
            ),
        )

    return page_of(rows, request, count)


async def read_templates(workspace_id: UUID, identifiers: Sequence[UUID]) -> dict[UUID, Record]:
    rows = await fetch(
        f"SELECT {_TEMPLATE} FROM template WHERE workspace_id = $1 AND id = ANY($2::uuid[])",
        workspace_id,
        identifiers,
    )
    return {row["id"]: row for row in rows}


async def read_revisions(workspace_id: UUID, identifiers: Sequence[UUID]) -> dict[UUID, Record]:
    rows = await fetch(
        f"SELECT {_REVISION} FROM template_revision"
        " WHERE workspace_id = $1 AND id = ANY($2::uuid[])",
        workspace_id,
        identifiers,
    )
    return {row["id"]: row for row in rows}


async def read_revisions_of_templates(
    workspace_id: UUID, template_ids: Sequence[UUID], request: PageRequest
) -> dict[UUID, Page]:
    """A page of each template's revisions, newest first, in one read."""
    rows = await fetch(
        f"""SELECT r.* FROM unnest($2::uuid[]) AS wanted (id)
            CROSS JOIN LATERAL (
                SELECT {_REVISION} FROM template_revision
                WHERE workspace_id = $1 AND template_id = wanted.id
                  AND ($3::uuid IS NULL OR id < $3)
                ORDER BY id DESC LIMIT $4
            ) r
            ORDER BY r.id DESC""",
        workspace_id,
        list(set(template_ids)),
        request.after,
        request.first + 1,
    )
    found: dict[UUID, list[Record]] = {identifier: [] for identifier in template_ids}
    for row in rows:
        found[row["template_id"]].append(row)
    return {identifier: page_of(revisions, request) for identifier, revisions in found.items()}


async def read_bodies(workspace_id: UUID, revision_ids: Sequence[UUID]) -> dict[UUID, str]:
    rows = await fetch(
        "SELECT id, body FROM template_revision WHERE workspace_id = $1 AND id = ANY($2::uuid[])",
        workspace_id,
        revision_ids,
    )
    return {row["id"]: row["body"] for row in rows}


async def read_texts(workspace_id: UUID, revision_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The plain text parts of those revisions whose authors wrote one."""
    rows = await fetch(
        "SELECT id, text FROM template_revision"
        " WHERE workspace_id = $1 AND id = ANY($2::uuid[]) AND text IS NOT NULL",
        workspace_id,
        revision_ids,
    )
    return {row["id"]: row["text"] for row in rows}


async def read_compiled(workspace_id: UUID, revision_id: UUID) -> CompiledTemplate:
    """Raises NotFoundError."""
    stored = await fetchval(
        "SELECT compiled::text FROM template_revision WHERE workspace_id = $1 AND id = $2",
        workspace_id,
        revision_id,
    )
    if stored is None:
        raise NotFoundError("There is no such revision.")
    prepared = decode(PreparedTemplate, orjson.loads(cast("str", stored)))
    return await asyncio.to_thread(CompiledTemplate, prepared)


async def prepare(content: Content) -> PreparedTemplate:
    """Off the event loop: a large template takes a good part of a second."""
    return await asyncio.to_thread(
        prepare_template, content.subject, content.body, content.format, content.text
    )


def _checked_name(name: str) -> str:
    shown = " ".join(name.split())
    if not shown:
        raise RequiredError("A template needs a name.", field="name")
    if len(shown) > MAX_NAME or not shown.isprintable():
        raise InvalidInputError(f"1 to {MAX_NAME} printable characters.", field="name")
    return shown


async def _add_revision(
    workspace_id: UUID,
    template_id: UUID,
    content: Content,
    prepared: PreparedTemplate,
    now: datetime,
) -> None:
    identifier = new_id(now)
    # The template's row is locked by the caller's write, so numbers follow each other.
    await execute(
        "INSERT INTO template_revision (id, workspace_id, template_id, number, subject, body,"
        " format, text, compiled, links, variables, created_at)"
        " SELECT $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5, $6, $7, $8, $9, $10, $11"
        " FROM template_revision WHERE workspace_id = $2 AND template_id = $3",
        identifier,
        workspace_id,
        template_id,
        content.subject,
        content.body,
        content.format.value,
        content.text,
        to_json(encode(prepared)),
        list(prepared.links),
        list(prepared.variables),
        now,
    )
    await execute(
        "UPDATE template SET current_revision_id = $3 WHERE workspace_id = $1 AND id = $2",
        workspace_id,
        template_id,
        identifier,
    )


async def _read_content(workspace_id: UUID, revision_id: UUID) -> Content | None:
    row = await fetchrow(
        "SELECT subject, body, format, text FROM template_revision"
        " WHERE workspace_id = $1 AND id = $2",
        workspace_id,
        revision_id,
    )
    if row is None:
        return None
    return Content(row["subject"], row["body"], BodyFormat(row["format"]), row["text"])


async def _read_one(workspace_id: UUID, template_id: UUID) -> Record:
    return (await read_templates(workspace_id, [template_id]))[template_id]
