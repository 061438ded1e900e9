"""A worker as a real process: it answers doorbells, ends cleanly, and refuses to run blind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.embedded import start_valkey
from tasks.broker import Bell

Start = Callable[..., "subprocess.Popen[str]"]

WORKER = """
import asyncio, os
from contextlib import asynccontextmanager
from domain.base import database, doorbells
from domain.base.settings import Settings
from tasks.broker import actor
from tasks.worker import is_stopping, resource, run_worker

def tell(*words):
    print(*words, flush=True)

@resource
@asynccontextmanager
async def lamp(settings):
    tell("lamp lit in", await database.fetchval("SELECT current_setting('application_name')"))
    yield
    tell("lamp out")

@actor("test.note")
async def note(text):
    loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    tell("noted", text, "on", loop, await database.fetchval("SELECT 6 * 7"))

@actor("test.chain")
async def chain():
    async with database.transaction():
        await doorbells.ring("test.note", text="committed")
    try:
        async with database.transaction():
            await doorbells.ring("test.note", text="rolled-back")
            raise LookupError
    except LookupError:
        await doorbells.ring("test.note", text="after")

@actor("test.fail")
async def fail():
    raise OSError("away")

@actor("test.batches")
async def batches():
    tell("began")
    while not is_stopping():
        await asyncio.sleep(0.01)
    tell("ended after its batch")

run_worker(Settings.from_environment(os.environ), name="worker-7")
"""


@pytest.fixture
def start(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def begin(**changes: str) -> "subprocess.Popen[str]":
        variables = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": "k" * 32,
            "DATA_DIR": str(tmp_path),
        }
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER],
            env=os.environ | variables | changes,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip()


async def test_worker_answers_doorbells_with_orm_resources_and_uvloop(
    start: Start, redis_url: str
) -> None:
    worker = start()
    assert line(worker) == "lamp lit in dripgraph worker-7"
    bell = Bell(redis_url)
    await bell.ring("test.note", {"text": "first"})
    assert line(worker) == "noted first on uvloop 42"
    bell.close()


async def test_doorbell_rung_by_a_unit_is_sent_after_commit_only(
    start: Start, redis_url: str
) -> None:
    worker = start(WORKER_THREADS="1")
    line(worker)
    bell = Bell(redis_url)
    await bell.ring("test.chain", {})
    bell.close()
    assert [line(worker), line(worker)] == [
        "noted committed on uvloop 42",
        "noted after on uvloop 42",
    ]


async def test_failed_unit_is_logged_and_the_worker_goes_on(start: Start, redis_url: str) -> None:
    worker = start()
    line(worker)
    bell = Bell(redis_url)
    await bell.ring("test.fail", {})
    await bell.ring("test.note", {"text": "next"})
    bell.close()
    assert line(worker) == "noted next on uvloop 42"
    worker.send_signal(signal.SIGTERM)
    _, errors = worker.communicate()
    assert "OSError: away" in errors
    assert worker.returncode == 0


async def test_terminated_worker_lets_units_end_and_closes_resources(
    start: Start, redis_url: str
) -> None:
    worker = start()
    line(worker)
    bell = Bell(redis_url)
    await bell.ring("test.batches", {})
    bell.close()
    assert line(worker) == "began"
    worker.send_signal(signal.SIGTERM)
    assert [line(worker), line(worker), line(worker)] == ["ended after its batch", "lamp out", ""]
    assert worker.wait() == 0


async def test_worker_goes_on_after_redis_lost_everything(start: Start, tmp_path: Path) -> None:
    server = start_valkey(tmp_path / "valkey")
    worker = start(REDIS_URL=server.url)
    line(worker)
    bell = Bell(server.url)
    await bell.ring("test.note", {"text": "before"})
    assert line(worker) == "noted before on uvloop 42"
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    await bell.ring("test.note", {"text": "lost"})
    server = start_valkey(tmp_path / "valkey")
    await bell.ring("test.note", {"text": "after"})
    assert line(worker) == "noted after on uvloop 42"
    bell.close()
    worker.send_signal(signal.SIGTERM)
    worker.communicate()
    assert worker.returncode == 0
    server.stop()


def test_worker_without_a_database_ends_with_an_error(start: Start) -> None:
    worker = start(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    output, errors = worker.communicate()
    assert (worker.returncode, output) == (1, "")
    assert "the worker cannot start" in errors
