"""The scheduler: who leads, what is due, and what an outage does to it."""

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.base import database as db
from domain.base import doorbells
from domain.base.settings import Settings
from server.embedded import start_postgres
from tasks import scheduler
from tasks.scheduler import Agenda, Duty, Leadership, Rings, duties, ring_when_due, run_scheduler

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


async def test_one_leads_and_another_takes_over_when_it_goes(database_url: str) -> None:
    first, second = Leadership(database_url), Leadership(database_url)
    assert [await first.is_held(), await second.is_held(), await first.is_held()] == [
        True,
        False,
        True,
    ]
    first.release()
    # The server frees the lock when it sees the closed connection, not when we close it.
    while not await second.is_held():
        pass
    assert not await first.is_held()
    second.release()


async def test_leader_whose_connection_is_cut_says_so_and_leads_again(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    leadership = Leadership(database)
    assert await leadership.is_held()
    await db.fetchval(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'dripgraph scheduler lead'"
    )
    assert not await leadership.is_held()
    assert "the scheduler has no connection to Postgres" in caplog.text
    assert await leadership.is_held()
    leadership.release()


async def test_leading_holds_up_no_vacuum(database: str) -> None:
    leadership = Leadership(database)
    assert await leadership.is_held()
    assert await leadership.is_held()
    held = await db.fetchrow(
        "SELECT backend_xmin, backend_xid FROM pg_stat_activity"
        " WHERE application_name = 'dripgraph scheduler lead'"
    )
    assert held is not None
    assert tuple(held) == (None, None)
    leadership.release()


async def test_attempt_to_lead_that_fails_midway_keeps_no_connection(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leadership = Leadership(database)
    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "LEADER_LOCK", 2**64)
        assert not await leadership.is_held()
    connected = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dripgraph scheduler lead'"
    )
    async with asyncio.timeout(10):
        while await db.fetchval(connected):
            pass


async def test_duty_comes_round_after_its_interval() -> None:
    done: list[datetime] = []

    async def act(now: datetime) -> None:
        done.append(now)

    agenda = Agenda([Duty("test.act", 2.0, act)])
    for seconds in (0, 1, 2, 3, 4.5):
        agenda.start_due(later(seconds))
        await agenda.finish()
    assert done == [later(0), later(2), later(4.5)]


async def test_clock_that_is_put_back_stops_no_duty() -> None:
    done: list[datetime] = []

    async def act(now: datetime) -> None:
        done.append(now)

    agenda = Agenda([Duty("test.act", 2.0, act)])
    for seconds in (0, -86_400, -86_399, -86_398):
        agenda.start_due(later(seconds))
        await agenda.finish()
    assert done == [later(0), later(-86_400), later(-86_398)]


async def test_slow_duty_is_not_started_twice_and_holds_up_no_other() -> None:
    done: list[str] = []
    free = asyncio.Event()

    async def slow(now: datetime) -> None:
        await free.wait()
        done.append("slow")

    async def quick(now: datetime) -> None:
        done.append("quick")

    agenda = Agenda([Duty("test.slow", 1.0, slow), Duty("test.quick", 1.0, quick)])
    for seconds in (0, 1, 2):
        agenda.start_due(later(seconds))
        await asyncio.sleep(0)
    free.set()
    await agenda.finish()
    assert done == ["quick", "quick", "quick", "slow"]


async def test_duty_that_gets_no_answer_is_given_up_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(scheduler, "DUTY_SECONDS", 0.01)
    tries: list[datetime] = []

    async def wait(now: datetime) -> None:
        tries.append(now)
        await asyncio.get_running_loop().create_future()

    agenda = Agenda([Duty("test.wait", 1.0, wait)])
    for seconds in (0, 1):
        agenda.start_due(later(seconds))
        await agenda.finish()
    assert tries == [later(0), later(1)]
    assert "duty test.wait failed, it will be tried again" in caplog.text


async def test_failing_duty_is_tried_again_and_told_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries: list[datetime] = []

    async def fail(now: datetime) -> None:
        tries.append(now)
        raise OSError("away")

    agenda = Agenda([Duty("test.fail", 1.0, fail)])
    for seconds in (0, 1, 2, 60):
        agenda.start_due(later(seconds))
        await agenda.finish()
    assert len(tries) == 4
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert told == ["duty test.fail failed, it will be tried again"] * 2


@pytest.fixture
def rung() -> Iterator[list[tuple[str, dict[str, str]]]]:
    calls: list[tuple[str, dict[str, str]]] = []

    async def sender(name: str, ids: dict[str, str]) -> None:
        calls.append((name, ids))

    doorbells.connect(sender)
    yield calls
    doorbells.connect(None)


@pytest.mark.parametrize(
    ("found", "rings"),
    [
        (False, []),
        ([], []),
        (True, [("test.due", {})]),
        (
            [{"account_id": "1"}, {"account_id": "2"}],
            [("test.due", {"account_id": "1"}), ("test.due", {"account_id": "2"})],
        ),
    ],
)
async def test_doorbell_rings_for_what_is_due(
    found: Rings, rings: list[tuple[str, dict[str, str]]], rung: list[tuple[str, dict[str, str]]]
) -> None:
    async def due(now: datetime) -> Rings:
        return found

    ring_when_due("test.due", due)
    try:
        await duties["test.due"].act(NOON)
    finally:
        del duties["test.due"]
    assert rung == rings


async def test_two_duties_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"two duties are named partitions\.ahead"):
        ring_when_due("partitions.ahead", duties["partitions.ahead"].act)  # type: ignore[arg-type]


async def test_partitions_are_made_ahead(database: str) -> None:
    await duties["partitions.ahead"].act(datetime(2031, 12, 5, tzinfo=UTC))
    made = await db.fetch(
        "SELECT relname FROM pg_class WHERE relname ~ '^message_203[12]_[0-9]{2}$' ORDER BY relname"
    )
    assert [name for (name,) in made] == ["message_2031_12", "message_2032_01", "message_2032_02"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Postgres's own user may walk through."""
    path = Path(tempfile.mkdtemp(prefix="dripgraph-test-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


async def test_scheduler_goes_on_after_a_restart_of_postgres(folder: Path, redis_url: str) -> None:
    server = start_postgres(folder / "postgres", durable=False)
    settings = Settings.from_environment(
        {
            "DATABASE_URL": server.url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": "k" * 32,
            "DATA_DIR": str(folder),
        }
    )
    seen: asyncio.Queue[object] = asyncio.Queue()

    async def look(now: datetime) -> None:
        seen.put_nowait(await db.fetchval("SELECT pg_postmaster_start_time()"))

    ended = asyncio.Event()
    scheduling = asyncio.create_task(run_scheduler(settings, [Duty("test.look", 0.0, look)], ended))
    try:
        before = await seen.get()
        server.stop()
        server = start_postgres(folder / "postgres", durable=False)
        while (after := await seen.get()) == before:
            pass
        assert after > before  # type: ignore[operator]
    finally:
        ended.set()
        await scheduling
        server.stop()
