import asyncio
import sys
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from domain.activity.models import EventKind
from domain.activity.signals import listen
from domain.base.clock import now
from domain.base.database import fetchrow, fetchval
from domain.base.ids import new_id
from domain.base.jobs import run_job
from domain.identity.accounts import Session
from tests.domain.activity.rows import add_sequence
from tests.domain.audience.files import RUNNERS, faults_of, start
from tests.domain.base.test_jobs import row_of

PEOPLE = 60_000


def make_file() -> str:
    """Everyone twice, far apart, and a bad row after every thousandth."""
    once = "".join(
        f"p{number}@b.example,tag,{number}\n" + ("bad,,\n" if number % 1000 == 0 else "")
        for number in range(PEOPLE)
    )
    return "email,tags,number\n" + once + once


async def kill_midway(url: str, job_id: UUID) -> int:
    """Start the import in a process and kill it once something has landed; the rows landed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.domain.audience.importing", url, str(job_id)
    )
    while await fetchval("SELECT progress = '{}' FROM job WHERE id = $1", job_id):
        assert process.returncode is None
        await asyncio.sleep(0.01)
    process.kill()
    await process.wait()
    rows = await fetchval("SELECT (progress->'rows')::int FROM job WHERE id = $1", job_id)
    assert isinstance(rows, int)
    return rows


async def test_an_import_killed_midway_goes_on_without_doubles(
    session: Session, database_url: str
) -> None:
    sequence_id = await add_sequence(session.workspace_id)
    await listen(
        session.workspace_id,
        sequence_id,
        [(EventKind.SUBSCRIBED, ""), (EventKind.TAG_ADDED, "tag")],
    )
    job_id = await start(session.workspace_id, make_file())
    landed = await kill_midway(database_url, job_id)
    assert 0 < landed < PEOPLE
    assert await fetchval("SELECT count(*) FROM subscriber") == landed - ((landed - 2) // 1001 + 1)

    def after_the_lease() -> datetime:
        return now() + timedelta(minutes=2)

    assert await run_job(job_id, RUNNERS, new_id(now()), after_the_lease)
    job = await row_of(session, job_id)
    assert orjson.loads(job["result"]) == {
        "rows": 2 * PEOPLE + 120,
        "invalid": 120,
        "created": PEOPLE,
        "updated": PEOPLE,
    }
    faults = [line for line, _, _ in faults_of(job)]
    half = [3 + number * 1001 for number in range(60)]
    assert faults == [*half, *(line + PEOPLE + 60 for line in half)]
    counted = await fetchrow(
        """SELECT count(*), count(DISTINCT email), sum((attributes->'number')::int),
                  count(*) FILTER (WHERE tags = '{tag}') FROM subscriber"""
    )
    assert counted is not None
    assert tuple(counted) == (PEOPLE, PEOPLE, PEOPLE * (PEOPLE - 1) // 2, PEOPLE)
    assert await fetchval("SELECT count(*) FROM signal WHERE kind = 'subscribed'") == PEOPLE
    assert await fetchval("SELECT count(*) FROM signal WHERE kind = 'tag_added'") == PEOPLE
