"""Reads of jobs; their `progress` comes without its list of errors, which may be long."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import orjson

from domain.base.database import Record, fetch
from domain.base.jobs import JobStatus
from domain.base.pages import Page, PageRequest, page_of

_COLUMNS: Final = """id, workspace_id, kind, status, input - 'plan' AS input,
    progress - 'errors' AS progress, result, error, attempts, created_at, started_at, finished_at"""


async def read_jobs(workspace_id: UUID, job_ids: Sequence[UUID]) -> dict[UUID, Record]:
    """Jobs by id."""
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM job WHERE workspace_id = $1 AND id = ANY($2::uuid[])",
        workspace_id,
        list(job_ids),
    )
    return {row["id"]: row for row in rows}


async def list_jobs(
    workspace_id: UUID,
    request: PageRequest,
    *,
    kind: str | None = None,
    status: JobStatus | None = None,
) -> Page:
    """A page of the workspace's jobs, newest first."""
    rows = await fetch(
        f"""SELECT {_COLUMNS} FROM job
            WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2)
              AND ($3::text IS NULL OR kind = $3) AND ($4::text IS NULL OR status = $4)
            ORDER BY id DESC LIMIT $5""",
        workspace_id,
        request.after,
        kind,
        None if status is None else status.value,
        request.first + 1,
    )
    return page_of(rows, request)


async def read_errors(
    workspace_id: UUID, job_ids: Sequence[UUID], first: int
) -> dict[UUID, list[dict[str, object]]]:
    """The first errors of each job's file: `line`, `column` and `reason`."""
    rows = await fetch(
        """SELECT id, jsonb_path_query_array(progress, '$.errors[0 to $last]',
                                             jsonb_build_object('last', $3::int)) AS errors
           FROM job WHERE workspace_id = $1 AND id = ANY($2::uuid[])""",
        workspace_id,
        list(job_ids),
        first - 1,
    )
    return {row["id"]: orjson.loads(row["errors"]) for row in rows}
