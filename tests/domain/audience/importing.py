"""A process that does one import job and is there to be killed: database URL and job id."""

import asyncio
import sys
from uuid import UUID

from domain.base import database
from domain.base.clock import now
from domain.base.ids import new_id
from domain.base.jobs import run_job
from tests.domain.audience.files import RUNNERS


async def main(url: str, job_id: UUID) -> None:
    await database.connect(url, pool_max=2)
    await run_job(job_id, RUNNERS, new_id(now()), now)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], UUID(sys.argv[2])))
