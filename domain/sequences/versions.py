"""Versions: what a draft becomes when it is published. They never change."""

from collections.abc import Iterable
from collections.abc import Sequence as Rows
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from domain.audience.conditions.checks import attributes_of, sequences_of
from domain.audience.conditions.tree import Condition
from domain.base.database import Record, execute, fetch, fetchrow, to_json, transaction
from domain.base.errors import (
    ConflictError,
    DomainError,
    DomainErrors,
    InvalidInputError,
    NotFoundError,
)
from domain.base.ids import new_id
from domain.identity.audit import Actor, AuditAction, Target, record
from domain.sequences.definition import Branch, Definition, SendEmail
from domain.sequences.sequences import (
    COLUMNS,
    GONE,
    draft_of,
    find_sequence,
    listen_for,
    read_sequences,
)
from domain.sequences.validation import DefinitionIssue, Severity, Surroundings, validate

VERSION_COLUMNS: Final = """id, workspace_id, sequence_id, number, definition::text AS definition,
    published_at, published_by_id"""

_cache: dict[UUID, Definition] = {}
_CACHED_AT_MOST: Final = 1000


async def validate_draft(workspace_id: UUID, sequence_id: UUID) -> list[DefinitionIssue]:
    """Whatever is wrong with the draft. Raises NotFoundError."""
    row = await find_sequence(workspace_id, sequence_id)
    if row is None:
        raise NotFoundError(GONE, field="id")
    (issues,) = await find_issues(workspace_id, [draft_of(row)])
    return issues


async def find_issues(
    workspace_id: UUID, definitions: Rows[Definition]
) -> list[list[DefinitionIssue]]:
    """Whatever is wrong with each of the definitions in this workspace."""
    conditions = [
        arm.condition
        for definition in definitions
        for step in definition.steps
        if isinstance(step, Branch)
        for arm in step.branches
    ]
    surroundings = Surroundings(
        (await _current_revisions(workspace_id, definitions)).keys(),
        await _known_attributes(workspace_id, conditions),
        await _known_sequences(workspace_id, conditions),
    )
    return [validate(definition, surroundings) for definition in definitions]


async def publish(
    workspace_id: UUID,
    sequence_id: UUID,
    *,
    expected_revision: int,
    published_by: Actor,
    now: datetime,
) -> Record:
    """Make the draft the version that people enter from now on; those inside keep theirs.

    The templates' current revisions are pinned in it. Publishing what is published already gives
    that version. Raises NotFoundError, ConflictError, and DomainErrors naming steps.
    """
    async with transaction():
        row = await fetchrow(
            f"""SELECT {COLUMNS} FROM sequence WHERE id = $1 AND workspace_id = $2
                FOR NO KEY UPDATE""",
            sequence_id,
            workspace_id,
        )
        if row is None:
            raise NotFoundError(GONE, field="id")
        if row["status"] == "archived":
            raise ConflictError("This sequence is archived.", field="id")
        if row["draft_revision"] != expected_revision:
            message = f"The draft is at revision {row['draft_revision']} by now: look at it again."
            raise ConflictError(message, field="revision")
        draft = draft_of(row)
        (issues,) = await find_issues(workspace_id, [draft])
        refuse_errors(issues)
        definition = _pin(draft, await _current_revisions(workspace_id, [draft]))
        version = await _published_already(row, definition)
        if version is None:
            version = await _insert_version(row, definition, published_by.user_id, now)
        if row["active_version_id"] != version["id"]:
            await execute(
                """UPDATE sequence SET active_version_id = $3, updated_at = $4
                   WHERE id = $1 AND workspace_id = $2""",
                sequence_id,
                workspace_id,
                version["id"],
                now,
            )
            if row["status"] == "active":
                await listen_for(workspace_id, sequence_id, version["id"])
            await record(
                workspace_id,
                AuditAction.SEQUENCE_PUBLISHED,
                actor=published_by,
                target=Target("Sequence", sequence_id),
                details={"name": row["name"], "version": version["number"]},
                now=now,
            )
    return version


def refuse_errors(issues: Iterable[DefinitionIssue]) -> None:
    """Raise the issues that keep a draft from being published as DomainErrors."""
    errors: list[DomainError] = []
    for issue in issues:
        if issue.severity is Severity.ERROR:
            where = f"steps.{issue.step}.{issue.field}" if issue.step else issue.field
            words = f"Step `{issue.step}`: {issue.message}." if issue.step else f"{issue.message}."
            words = words[0].upper() + words[1:]
            errors.append(InvalidInputError(words, field=where))
    if errors:
        raise DomainErrors(errors)


async def read_versions(workspace_id: UUID, ids: Rows[UUID]) -> dict[UUID, Record]:
    """Versions by id."""
    rows = await fetch(
        f"""SELECT {VERSION_COLUMNS} FROM sequence_version
            WHERE id = ANY($1::uuid[]) AND workspace_id = $2""",
        list(set(ids)),
        workspace_id,
    )
    return {row["id"]: row for row in rows}


async def versions_of(workspace_id: UUID, sequence_ids: Rows[UUID]) -> list[Record]:
    """All versions of these sequences, the newest first."""
    return await fetch(
        f"""SELECT {VERSION_COLUMNS} FROM sequence_version
            WHERE sequence_id = ANY($1::uuid[]) AND workspace_id = $2 ORDER BY number DESC""",
        sequence_ids,
        workspace_id,
    )


async def load_definitions(pairs: Iterable[tuple[UUID, UUID]]) -> dict[UUID, Definition]:
    """The definitions of versions given with their workspaces; kept, since they never change."""
    wanted = dict(pairs)
    missing = [version_id for version_id in wanted if version_id not in _cache]
    if missing:
        if len(_cache) + len(missing) > _CACHED_AT_MOST:
            _cache.clear()
            missing = list(wanted)
        rows = await fetch(
            """SELECT v.id, v.definition::text AS definition
               FROM unnest($1::uuid[], $2::uuid[]) AS w (id, workspace_id)
               JOIN sequence_version v ON v.id = w.id AND v.workspace_id = w.workspace_id""",
            missing,
            [wanted[version_id] for version_id in missing],
        )
        for row in rows:
            _cache[row["id"]] = Definition.from_json(orjson.loads(row["definition"]))
    return {version_id: _cache[version_id] for version_id in wanted}


async def _published_already(row: Record, definition: Definition) -> Record | None:
    if row["active_version_id"] is None:
        return None
    found = await read_versions(row["workspace_id"], [row["active_version_id"]])
    version = found[row["active_version_id"]]
    same = Definition.from_json(orjson.loads(version["definition"])) == definition
    return version if same else None


async def _insert_version(
    row: Record, definition: Definition, published_by: UUID | None, now: datetime
) -> Record:
    # The sequence's row is locked: no other number can be given meanwhile.
    (version,) = await fetch(
        f"""INSERT INTO sequence_version (id, workspace_id, sequence_id, number, definition,
              published_at, published_by_id)
            SELECT $1, $2, $3, coalesce(max(number), 0) + 1, $4::jsonb, $5, $6
            FROM sequence_version WHERE sequence_id = $3 AND workspace_id = $2
            RETURNING {VERSION_COLUMNS}""",
        new_id(now),
        row["workspace_id"],
        row["id"],
        to_json(definition.to_json()),
        now,
        published_by,
    )
    return version


def _pin(definition: Definition, revisions: dict[UUID, UUID]) -> Definition:
    steps = tuple(
        replace(step, revision_id=revisions[step.template_id])
        if isinstance(step, SendEmail)
        else step
        for step in definition.steps
    )
    return replace(definition, steps=steps)


async def _current_revisions(
    workspace_id: UUID, definitions: Iterable[Definition]
) -> dict[UUID, UUID]:
    """The current revision of each template of the definitions that can be mailed."""
    wanted = {
        step.template_id
        for definition in definitions
        for step in definition.steps
        if isinstance(step, SendEmail)
    }
    rows = await fetch(
        """SELECT id, current_revision_id FROM template
           WHERE id = ANY($1::uuid[]) AND workspace_id = $2
             AND archived_at IS NULL AND current_revision_id IS NOT NULL""",
        list(wanted),
        workspace_id,
    )
    return {row["id"]: row["current_revision_id"] for row in rows}


async def _known_attributes(workspace_id: UUID, conditions: Iterable[Condition]) -> set[str]:
    """Those of the attributes which the conditions look at that somebody has."""
    wanted: set[str] = set().union(*(attributes_of(condition) for condition in conditions))
    rows = await fetch(
        """SELECT name FROM unnest($2::text[]) AS name WHERE EXISTS (
             SELECT FROM subscriber WHERE workspace_id = $1 AND attributes ? name)""",
        workspace_id,
        [name for name in wanted if "\0" not in name],
    )
    return {row["name"] for row in rows}


async def _known_sequences(workspace_id: UUID, conditions: Iterable[Condition]) -> set[UUID]:
    """Those of the sequences which the conditions look at that exist."""
    wanted: set[UUID] = set().union(*(sequences_of(condition) for condition in conditions))
    return set(await read_sequences(workspace_id, list(wanted)))
