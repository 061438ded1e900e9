"""Files as they arrive, and jobs run to their end in this process."""

from collections.abc import AsyncIterator
from uuid import UUID

import orjson

from domain.audience.columns import ColumnMapping
from domain.audience.imports import IMPORT_SUBSCRIBERS, run_import, start_import
from domain.base.clock import now
from domain.base.database import Record, fetch
from domain.base.ids import new_id
from domain.base.jobs import read_job, run_job

RUNNERS = {IMPORT_SUBSCRIBERS: run_import}


async def chunks_of(data: bytes, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def start(workspace_id: UUID, data: bytes | str, *mapping: ColumnMapping) -> UUID:
    data = data.encode() if isinstance(data, str) else data
    return await start_import(workspace_id, chunks_of(data), now(), mapping=mapping)


async def finish(workspace_id: UUID, job_id: UUID) -> Record:
    """Run the job; its row afterwards."""
    assert await run_job(job_id, RUNNERS, new_id(now()), now)
    job = await read_job(workspace_id, job_id)
    assert job is not None
    return job


async def import_all(workspace_id: UUID, data: bytes | str, *mapping: ColumnMapping) -> Record:
    return await finish(workspace_id, await start(workspace_id, data, *mapping))


def faults_of(job: Record) -> list[tuple[int, str | None, str]]:
    errors = orjson.loads(job["progress"])["errors"]
    return [(error["line"], error["column"], error["reason"]) for error in errors]


async def people_of(workspace_id: UUID) -> list[Record]:
    return await fetch(
        "SELECT * FROM subscriber WHERE workspace_id = $1 ORDER BY email", workspace_id
    )
