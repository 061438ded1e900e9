"""Long work: a row that states what is asked for, how far it is, and what came of it.

Any worker on any machine may take a job, and another goes on with it where it stood when the first
one dies: what a job has done and how far it is are written in one transaction, which
`report_progress` joins.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, cast
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.models import Model

from domain.base import doorbells
from domain.base.database import (
    Record,
    execute,
    fetch,
    fetchrow,
    in_fresh_task,
    to_json,
    transaction,
)
from domain.base.errors import DomainError
from domain.base.ids import new_id

logger = logging.getLogger(__name__)

RUN: Final = "jobs.run"
MAX_ATTEMPTS: Final = 5
RETRY_SECONDS: Final = 10
LEASE_SECONDS: Final = 60

Values = dict[str, object]


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Job(Model):
    """`attempts` counts tries since the last progress."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    kind = fields.CharField(max_length=60)
    status = fields.CharEnumField(JobStatus, max_length=20)
    input = fields.JSONField[dict[str, object]](default=dict)
    progress = fields.JSONField[dict[str, object]](default=dict)
    result = fields.JSONField[dict[str, object]](null=True)
    error = fields.TextField(null=True)
    attempts = fields.IntField(default=0)
    owner = fields.UUIDField(null=True)
    lease_until = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "job"


class JobFile(Model):
    """One piece, of a megabyte at most, of a file that a job works on; gone when the job ends."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    job_id = fields.UUIDField()
    number = fields.IntField()
    content = fields.BinaryField()

    class Meta:
        table = "job_file"


class JobLostError(Exception):
    """Someone else has the job now: what this owner did since its last report is rolled back."""


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job as its owner took it; `progress` is what the last report said."""

    id: UUID
    workspace_id: UUID
    kind: str
    input: Values
    progress: Values
    owner: UUID
    lease_seconds: int


Clock = Callable[[], datetime]
Runner = Callable[[ClaimedJob, Clock], Awaitable[Values]]
"""Does a job to its end, from where it stands, and answers its result."""

Watcher = Callable[[UUID], Awaitable[None]]

_watcher: Watcher | None = None


def watch(watcher: Watcher | None) -> None:
    """Name who tells the watchers of a job that it has moved; called inside the transaction."""
    global _watcher  # noqa: PLW0603  one watcher a process, set at start
    _watcher = watcher


async def _moved(job_id: UUID) -> None:
    if _watcher is not None:
        await _watcher(job_id)


async def create_job(
    workspace_id: UUID, kind: str, given: Mapping[str, object], now: datetime
) -> UUID:
    """Ask for work; the job's id. Workers are rung after commit."""
    job_id = new_id(now)
    async with transaction():
        await execute(
            """INSERT INTO job (id, workspace_id, kind, status, input, created_at)
               VALUES ($1, $2, $3, 'queued', $4, $5)""",
            job_id,
            workspace_id,
            kind,
            to_json(given),
            now,
        )
        await doorbells.ring(RUN, job_id=job_id)
    return job_id


_CLAIM = """
UPDATE job SET status = 'running', owner = $2, attempts = attempts + 1,
               started_at = coalesce(started_at, $3), lease_until = $4
WHERE (id, workspace_id) = (
    SELECT id, workspace_id FROM job
    WHERE kind = ANY($1) AND ($5::uuid IS NULL OR id = $5) AND attempts < $6
      AND (status = 'queued' OR (status = 'running' AND lease_until <= $3))
    ORDER BY created_at, id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id, workspace_id, kind, input, progress
"""

_GIVE_UP = """
UPDATE job SET status = 'failed', owner = NULL, lease_until = NULL, finished_at = $2,
               error = 'The work broke off ' || attempts || ' times at the same place.'
WHERE kind = ANY($1) AND status = 'running' AND lease_until <= $2 AND attempts >= $3
RETURNING id, workspace_id
"""


async def claim_job(
    kinds: Collection[str],
    owner: UUID,
    now: datetime,
    lease_seconds: int = LEASE_SECONDS,
    *,
    job_id: UUID | None = None,
) -> ClaimedJob | None:
    """Take the oldest job that waits or whose owner's lease has run out, None when there is none.

    A job that broke off `MAX_ATTEMPTS` times without progress has failed and is not handed out.
    """
    async with transaction():
        for lost_id, workspace_id in await fetch(_GIVE_UP, list(kinds), now, MAX_ATTEMPTS):
            await _drop_file(workspace_id, lost_id)
            await _moved(lost_id)
        row = await fetchrow(
            _CLAIM,
            list(kinds),
            owner,
            now,
            now + timedelta(seconds=lease_seconds),
            job_id,
            MAX_ATTEMPTS,
        )
        if row is None:
            return None
        await _moved(row["id"])
        return _claimed(row, owner, lease_seconds)


def _claimed(row: Record, owner: UUID, lease_seconds: int) -> ClaimedJob:
    return ClaimedJob(
        id=row["id"],
        workspace_id=row["workspace_id"],
        kind=row["kind"],
        input=orjson.loads(row["input"]),
        progress=orjson.loads(row["progress"]),
        owner=owner,
        lease_seconds=lease_seconds,
    )


async def due_jobs(kinds: Collection[str], now: datetime, limit: int = 100) -> list[UUID]:
    """The oldest jobs that wait, or whose owner is lost."""
    rows = await fetch(
        """SELECT id FROM job WHERE kind = ANY($1)
           AND (status = 'queued' OR (status = 'running' AND lease_until <= $2))
           ORDER BY created_at, id LIMIT $3""",
        list(kinds),
        now,
        limit,
    )
    return [row["id"] for row in rows]


async def report_progress(job: ClaimedJob, progress: Mapping[str, object], now: datetime) -> None:
    """Write how far the job is and renew its lease, in the transaction that did the work.

    Raises `JobLostError` when another owner has it.
    """
    async with transaction():
        await _update_owned(
            job,
            "progress = $4, lease_until = $5, attempts = 1",
            to_json(progress),
            now + timedelta(seconds=job.lease_seconds),
        )


async def finish_job(job: ClaimedJob, result: Mapping[str, object], now: datetime) -> None:
    """The work is done: keep its result and drop its file. Raises `JobLostError`."""
    async with transaction():
        await _update_owned(
            job,
            "status = 'succeeded', result = $4, finished_at = $5, owner = NULL, lease_until = NULL",
            to_json(result),
            now,
        )
        await _drop_file(job.workspace_id, job.id)


async def fail_job(job: ClaimedJob, message: str, now: datetime) -> None:
    """The work cannot be done, `message` tells people why. Raises `JobLostError`."""
    async with transaction():
        await _update_owned(
            job,
            "status = 'failed', error = $4, finished_at = $5, owner = NULL, lease_until = NULL",
            message,
            now,
        )
        await _drop_file(job.workspace_id, job.id)


async def put_back(job: ClaimedJob, retry_at: datetime) -> None:
    """Let someone try again from `retry_at` on. Raises `JobLostError`."""
    async with transaction():
        await _update_owned(job, "owner = NULL, lease_until = $4", retry_at)


async def _update_owned(job: ClaimedJob, changes: str, *values: object) -> None:
    touched = await execute(
        f"""UPDATE job SET {changes}
            WHERE id = $1 AND workspace_id = $2 AND owner = $3 AND status = 'running'""",
        job.id,
        job.workspace_id,
        job.owner,
        *values,
    )
    if touched != 1:
        raise JobLostError(f"job {job.id} has another owner")
    await _moved(job.id)


async def _drop_file(workspace_id: UUID, job_id: UUID) -> None:
    await execute(
        "DELETE FROM job_file WHERE job_id = $1 AND workspace_id = $2", job_id, workspace_id
    )


async def run_job(job_id: UUID, runners: Mapping[str, Runner], owner: UUID, clock: Clock) -> bool:
    """Claim a job and do it to its end; False when it is not to be had.

    A `DomainError` of the runner fails the job with its message; any other failure is logged and
    the job tried again.
    """
    job = await claim_job(runners, owner, clock(), job_id=job_id)
    if job is None:
        return False
    try:
        await in_fresh_task(lambda: _run(runners[job.kind], job, clock))
    except JobLostError as error:
        logger.warning("gave up a job: %s", error)
    except asyncio.CancelledError:
        # This process ends; another goes on at once.
        await _put_back_if_ours(job, clock())
        raise
    except Exception:
        logger.exception("job %s (%s) broke off", job.id, job.kind)
        await _put_back_if_ours(job, clock() + timedelta(seconds=RETRY_SECONDS))
    return True


async def _run(runner: Runner, job: ClaimedJob, clock: Clock) -> None:
    try:
        result = await runner(job, clock)
    except DomainError as error:
        await fail_job(job, error.message, clock())
    else:
        await finish_job(job, result, clock())


async def _put_back_if_ours(job: ClaimedJob, retry_at: datetime) -> None:
    try:
        await in_fresh_task(lambda: put_back(job, retry_at))
    except JobLostError as error:
        logger.warning("gave up a job: %s", error)


async def read_job(workspace_id: UUID, job_id: UUID) -> Record | None:
    """The whole row of a job."""
    return await fetchrow(
        "SELECT * FROM job WHERE id = $1 AND workspace_id = $2", job_id, workspace_id
    )


def json_column(row: Record, column: str) -> Values:
    """A jsonb column of a row as a dictionary, empty for NULL."""
    text = cast("str | None", row[column])
    return {} if text is None else cast("Values", orjson.loads(text))
