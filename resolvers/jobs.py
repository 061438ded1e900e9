"""Verbs of jobs: looking at them and watching them."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, cast

import strawberry

from domain.base import job_reads
from domain.base.jobs import JobStatus
from schema.base.connections import After, Connection, First, connection, page_request
from schema.base.context import Info
from schema.base.node import decode_id, readable_by_id
from schema.jobs import Job

JobId = Annotated[strawberry.ID, strawberry.argument(description="Which job.")]

readable_by_id("Job", job_reads.read_jobs)


async def job(info: Info, id: JobId) -> Job | None:  # noqa: A002
    identifier = decode_id("Job", id)
    found = await job_reads.read_jobs(info.context.workspace_id, [identifier])
    return cast("Job | None", found.get(identifier))


async def jobs(
    info: Info,
    first: First = 20,
    after: After = None,
    kind: Annotated[
        str | None,
        strawberry.argument(
            description="Only those of this kind, such as `import_subscribers`; null for all."
        ),
    ] = None,
    status: Annotated[
        JobStatus | None,
        strawberry.argument(description="Only those of this status; null for all."),
    ] = None,
) -> Connection[Job]:
    page = await job_reads.list_jobs(
        info.context.workspace_id, page_request(first, after), kind=kind, status=status
    )
    return connection(page)


async def job_progress(info: Info, job_id: JobId) -> AsyncIterator[Job]:
    watch = info.context.services.live.watch_job(
        info.context.workspace_id, decode_id("Job", job_id)
    )
    async with aclosing(watch) as rows:
        async for row in rows:
            yield cast("Job", row)
            if row["status"] in {JobStatus.SUCCEEDED, JobStatus.FAILED}:
                return
