import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.base import doorbells, jobs
from domain.base.database import Record, execute, fetchval, transaction
from domain.base.errors import InvalidInputError
from domain.base.ids import new_id
from domain.base.job_files import PIECE_BYTES, append_file, read_piece
from domain.base.jobs import (
    MAX_ATTEMPTS,
    ClaimedJob,
    Clock,
    JobLostError,
    Values,
    claim_job,
    create_job,
    due_jobs,
    report_progress,
    run_job,
)
from domain.identity.accounts import Session
from tests.domain.activity.rows import ChangedMindError, do_and_roll_back
from tests.domain.audience.files import chunks_of

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
KINDS = ["count"]


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def owner() -> UUID:
    return new_id(AT)


async def ask(session: Session, at: datetime = AT) -> UUID:
    return await create_job(session.workspace_id, "count", {"to": 3}, at)


async def row_of(session: Session, job_id: UUID) -> Record:
    row = await jobs.read_job(session.workspace_id, job_id)
    assert row is not None
    return row


async def test_a_job_is_rung_after_commit_and_not_when_it_was_rolled_back(
    session: Session,
) -> None:
    rung: list[tuple[str, dict[str, str]]] = []

    async def ring(name: str, ids: dict[str, str]) -> None:
        rung.append((name, ids))

    doorbells.connect(ring)
    with pytest.raises(ChangedMindError):
        await do_and_roll_back(ask(session))
    assert rung == []
    job_id = await ask(session)
    assert rung == [("jobs.run", {"job_id": str(job_id)})]


async def test_the_oldest_job_of_a_known_kind_is_handed_out_first_and_once(
    session: Session,
) -> None:
    await create_job(session.workspace_id, "other", {}, later(-9))
    young, old = await ask(session, later(1)), await ask(session, AT)
    found = await asyncio.gather(*(claim_job(KINDS, owner(), later(2)) for _ in range(4)))
    assert {job.id for job in found if job is not None} == {young, old}
    assert [job is None for job in found].count(True) == 2
    assert await due_jobs(KINDS, later(2)) == []


async def test_a_lost_owners_job_goes_to_another_with_its_progress(session: Session) -> None:
    job_id = await ask(session)
    first = await claim_job(KINDS, owner(), AT, 60)
    assert first is not None
    await report_progress(first, {"rows": 7}, later(30))
    assert await claim_job(KINDS, owner(), later(89), 60) is None
    assert await due_jobs(KINDS, later(90)) == [job_id]
    second = await claim_job(KINDS, owner(), later(90), 60)
    assert second is not None
    assert (second.id, second.progress, second.input) == (job_id, {"rows": 7}, {"to": 3})


async def test_an_owner_that_lost_its_job_writes_nothing(session: Session) -> None:
    await ask(session)
    first = await claim_job(KINDS, owner(), AT, 60)
    second = await claim_job(KINDS, owner(), later(60), 60)
    assert first is not None
    assert second is not None

    async def land() -> None:
        async with transaction():
            await execute("UPDATE workspace SET name = 'stolen'")
            await report_progress(first, {"rows": 1}, later(61))

    with pytest.raises(JobLostError):
        await land()
    assert await fetchval("SELECT count(*) FROM workspace WHERE name = 'stolen'") == 0
    for ending in (jobs.finish_job(first, {}, later(61)), jobs.fail_job(first, "no", later(61))):
        with pytest.raises(JobLostError):
            await ending
    assert (await row_of(session, first.id))["owner"] == second.owner


async def test_a_job_that_breaks_off_again_and_again_is_given_up(session: Session) -> None:
    job_id = await ask(session)
    await append_file(session.workspace_id, job_id, chunks_of(b"a,b"), AT)
    at = AT
    for _ in range(MAX_ATTEMPTS):
        assert await claim_job(KINDS, owner(), at, 60) is not None
        at += timedelta(seconds=60)
    assert await claim_job(KINDS, owner(), at, 60) is None
    row = await row_of(session, job_id)
    assert (row["status"], row["error"]) == (
        "failed",
        "The work broke off 5 times at the same place.",
    )
    assert await read_piece(session.workspace_id, job_id, 0) == b""


async def test_progress_gives_a_job_its_attempts_back(session: Session) -> None:
    await ask(session)
    at = AT
    for _ in range(MAX_ATTEMPTS + 2):
        job = await claim_job(KINDS, owner(), at, 60)
        assert job is not None
        await report_progress(job, {}, at)
        at += timedelta(seconds=60)


async def run(job_id: UUID, runner: jobs.Runner, at: datetime) -> bool:
    return await run_job(job_id, {"count": runner}, owner(), lambda: at)


async def test_a_runner_that_ends_leaves_its_result(session: Session) -> None:
    async def count(job: ClaimedJob, clock: Clock) -> Values:
        return {"counted": job.input["to"], "at": clock().isoformat()}

    job_id = await ask(session)
    assert await run(job_id, count, later(5))
    row = await row_of(session, job_id)
    assert (row["status"], row["finished_at"]) == ("succeeded", later(5))
    assert row["result"] == '{"at": "2026-01-05T12:00:05+00:00", "counted": 3}'
    assert not await run(job_id, count, later(6))


async def test_a_domain_error_fails_the_job_with_its_message(session: Session) -> None:
    async def refuse(_job: ClaimedJob, _clock: Clock) -> Values:
        raise InvalidInputError("Line 7 is wrong.")

    job_id = await ask(session)
    assert await run(job_id, refuse, later(5))
    row = await row_of(session, job_id)
    assert (row["status"], row["error"]) == ("failed", "Line 7 is wrong.")


async def test_a_job_is_tried_again_after_any_other_failure(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    async def stumble(_job: ClaimedJob, _clock: Clock) -> Values:
        raise ZeroDivisionError

    job_id = await ask(session)
    assert await run(job_id, stumble, AT)
    assert "broke off" in caplog.text
    assert await due_jobs(KINDS, later(9)) == []
    assert await due_jobs(KINDS, later(10)) == [job_id]


async def test_a_cancelled_job_is_free_at_once(session: Session) -> None:
    begun = asyncio.Event()

    async def wait(_job: ClaimedJob, _clock: Clock) -> Values:
        begun.set()
        await asyncio.Event().wait()
        return {}

    job_id = await ask(session)
    running = asyncio.create_task(run(job_id, wait, AT))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await due_jobs(KINDS, AT) == [job_id]


async def test_a_file_is_read_back_from_any_place(session: Session) -> None:
    data = bytes(range(256)) * (PIECE_BYTES * 5 // 2 // 256)
    async with transaction():
        job_id = await ask(session)
        assert await append_file(session.workspace_id, job_id, chunks_of(data), AT) == len(data)
    for start in (0, 1, PIECE_BYTES - 1, PIECE_BYTES, len(data) - 1):
        offset, found = start, b""
        while piece := await read_piece(session.workspace_id, job_id, offset):
            found += piece
            offset += len(piece)
        assert found == data[start:]
