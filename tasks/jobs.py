"""Long work: which function does which kind of job."""

from datetime import datetime
from typing import Final
from uuid import UUID

from domain.activity.live import notify_job
from domain.audience.event_imports import IMPORT_EVENTS, run_event_import
from domain.audience.imports import IMPORT_SUBSCRIBERS, run_import
from domain.base import clock, jobs
from domain.base.ids import new_id
from tasks.broker import actor
from tasks.scheduler import ring_when_due

RUNNERS: Final[dict[str, jobs.Runner]] = {
    IMPORT_SUBSCRIBERS: run_import,
    IMPORT_EVENTS: run_event_import,
}

jobs.watch(notify_job)


# Each holds a thread of its worker for as long as it takes: many must not keep mail from going out.
MOST_AT_ONCE: Final = 4


@actor(jobs.RUN, in_all=MOST_AT_ONCE)
async def run_job(job_id: str) -> None:
    await jobs.run_job(UUID(job_id), RUNNERS, new_id(clock.now()), clock.now)


async def _due(now: datetime) -> list[dict[str, str]]:
    return [{"job_id": str(job_id)} for job_id in await jobs.due_jobs(RUNNERS, now)]


ring_when_due(jobs.RUN, _due)
