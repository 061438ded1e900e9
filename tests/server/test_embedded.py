"""Embedded servers as real processes: restarts, crashes, closed folders, other users."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker

from server.embedded import EmbeddedError, start_postgres, start_valkey
from server.embedded.place import refuge

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="needs root")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder below /tmp that others may walk through, as a project's usually is."""
    path = Path(tempfile.mkdtemp(prefix="dripgraph-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


async def query(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_postgres_keeps_its_data_over_a_restart(folder: Path) -> None:
    server = start_postgres(folder / "postgres", durable=False)
    await query(server.url, "CREATE TABLE kept AS SELECT 7 AS value")
    server.stop()
    assert not server.is_alive()
    again = start_postgres(folder / "postgres", durable=False)
    try:
        assert again.url == server.url
        assert await query(again.url, "SELECT value FROM kept") == 7
        assert await query(again.url, "SHOW server_version_num") >= "180000"
        assert await query(again.url, "SHOW listen_addresses") == ""
    finally:
        again.stop()


async def test_fsync_is_on_unless_the_data_may_be_lost(folder: Path) -> None:
    server = start_postgres(folder / "postgres")
    try:
        assert await query(server.url, "SHOW fsync") == "on"
    finally:
        server.stop()


async def test_postgres_recovers_after_being_killed(folder: Path) -> None:
    server = start_postgres(folder / "postgres")
    await query(server.url, "CREATE TABLE kept AS SELECT 7 AS value")
    os.kill(server.pid, signal.SIGKILL)
    assert server.process is not None
    server.process.wait()
    assert (folder / "postgres" / "postmaster.pid").exists()
    again = start_postgres(folder / "postgres")
    try:
        assert not again.adopted
        assert await query(again.url, "SELECT value FROM kept") == 7
    finally:
        again.stop()


def test_lock_file_that_names_a_foreign_process_is_stale(folder: Path) -> None:
    server = start_postgres(folder / "postgres", durable=False)
    server.stop()
    sleeper = subprocess.Popen(["/bin/sleep", "60"])
    lock = folder / "postgres" / "postmaster.pid"
    lock.write_text(f"{sleeper.pid}\n{folder}/postgres\n1\n5432\n{folder}\n\n\nready   \n")
    try:
        again = start_postgres(folder / "postgres", durable=False)
        again.stop()
        assert not again.adopted
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_running_servers_are_adopted(folder: Path) -> None:
    postgres = start_postgres(folder / "postgres", durable=False)
    valkey = start_valkey(folder / "valkey")
    try:
        found = start_postgres(folder / "postgres", durable=False)
        assert (found.adopted, found.pid, found.url) == (True, postgres.pid, postgres.url)
        cache = start_valkey(folder / "valkey")
        assert (cache.adopted, cache.pid, cache.url) == (True, valkey.pid, valkey.url)
    finally:
        postgres.stop()
        valkey.stop()


STARTER = """
import sys
from pathlib import Path
from server.embedded import start_postgres, start_valkey
folder = Path(sys.argv[1])
print(start_postgres(folder / "postgres").pid, start_valkey(folder / "valkey").pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ties processes on Linux only")
def test_servers_end_when_their_starter_is_killed(folder: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    assert starter.stdin is not None
    pids = [int(text) for text in starter.stdout.readline().split()]
    watches = [os.pidfd_open(pid) for pid in pids]
    starter.kill()
    starter.wait()
    starter.stdout.close()
    starter.stdin.close()
    try:
        # A pidfd is readable once its process has ended; the suite's time-out bounds the wait.
        loop = asyncio.new_event_loop()
        loop.run_until_complete(_all_ended(watches))
        loop.close()
    finally:
        for watch in watches:
            os.close(watch)
    again = start_postgres(folder / "postgres")
    again.stop()
    assert not again.adopted


async def _all_ended(watches: list[int]) -> None:
    loop = asyncio.get_running_loop()
    ended = [loop.create_future() for _ in watches]
    for watch, future in zip(watches, ended, strict=True):
        loop.add_reader(watch, lambda f=future: f.done() or f.set_result(None))
    await asyncio.gather(*ended)
    for watch in watches:
        loop.remove_reader(watch)


async def test_socket_moves_to_a_private_folder_when_the_path_is_too_long(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    postgres = start_postgres(deep / "postgres", durable=False)
    valkey = start_valkey(deep / "valkey")
    sockets = [
        Path(postgres.url.partition("host=")[2]),
        Path(valkey.url.removeprefix("unix://").partition("?")[0]).parent,
    ]
    try:
        assert await query(postgres.url, "SELECT 1") == 1
        with redis.Redis.from_url(valkey.url) as client:
            assert client.ping() is True
        assert [path.parent for path in sockets] == [Path("/tmp")] * 2
        assert [path.stat().st_mode & 0o777 for path in sockets] == [0o700] * 2
    finally:
        postgres.stop()
        valkey.stop()
        for path in sockets:
            shutil.rmtree(path)


def test_valkey_takes_dramatiq_messages_by_its_url(folder: Path) -> None:
    server = start_valkey(folder / "valkey")
    broker = RedisBroker(url=server.url, middleware=[])
    try:
        broker.declare_queue("jobs")
        sent: dramatiq.Message[None] = dramatiq.Message(
            queue_name="jobs", actor_name="jobs.run", args=(), kwargs={"job_id": "7"}, options={}
        )
        broker.enqueue(sent)
        consumer = broker.consume("jobs", prefetch=1, timeout=1000)
        received = next(consumer)
        assert received is not None
        assert received.kwargs == {"job_id": "7"}
        consumer.ack(received)
        consumer.close()
    finally:
        broker.close()
        server.stop()


def test_folder_with_other_contents_is_left_alone(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "letter.txt").write_text("mine")
    with pytest.raises(EmbeddedError, match="holds something else: name another DATA_DIR"):
        start_postgres(folder / "postgres", durable=False)
    assert [path.name for path in folder.iterdir()] == ["postgres"]
    assert (folder / "postgres" / "letter.txt").read_text() == "mine"


def test_data_of_another_major_release_is_refused(folder: Path) -> None:
    start_postgres(folder / "postgres", durable=False).stop()
    (folder / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedError, match="was made by PostgreSQL 17, this release brings 18"):
        start_postgres(folder / "postgres", durable=False)


@as_root
async def test_root_uses_a_refuge_when_the_project_is_closed_to_others(folder: Path) -> None:
    closed = folder / "home"
    closed.mkdir(mode=0o700)
    hidden = refuge(closed / "postgres")
    said: list[str] = []
    server = start_postgres(closed / "postgres", durable=False, say=said.append)
    try:
        assert await query(server.url, "SELECT 1") == 1
        assert server.data_dir == hidden / "postgres"
        (line,) = said
        assert line == (
            f"{closed} or its programs cannot be reached by user dripgraph: "
            f"PostgreSQL uses {hidden} (make clean-data removes it)"
        )
        assert closed.stat().st_mode & 0o777 == 0o700
        # Opened later, the folder does not hide the data that is already there.
        closed.chmod(0o755)
        assert start_postgres(closed / "postgres", durable=False).pid == server.pid
    finally:
        server.stop()
        shutil.rmtree(hidden)


@as_root
def test_postgres_runs_as_a_system_user_and_opens_no_folder(folder: Path) -> None:
    folder.chmod(0o711)
    server = start_postgres(folder / "postgres", durable=False)
    try:
        owner = Path(f"/proc/{server.pid}").stat().st_uid
        assert pwd.getpwuid(owner).pw_name == "dripgraph"
        assert (folder / "postgres").stat().st_mode & 0o777 == 0o700
        assert folder.stat().st_mode & 0o777 == 0o711
    finally:
        server.stop()


def python_of(user: pwd.struct_passwd) -> str:
    """An interpreter of our version that the user may run: ours can lie in a closed home."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/python{ours}", f"/usr/local/bin/python{ours}"):
        tried = subprocess.run(
            ["/bin/sh", "-c", '"$1" -c ""', "sh", candidate],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            capture_output=True,
            check=False,
        )
        if tried.returncode == 0:
            return candidate
    pytest.skip(f"user {user.pw_name} can run no Python {ours} here")


@as_root
def test_both_servers_run_for_an_ordinary_user_too(folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    script = (
        "import sys; from pathlib import Path; from server.embedded import *\n"
        "folder = Path(sys.argv[1])\n"
        "servers = [start_postgres(folder / 'postgres'), start_valkey(folder / 'valkey')]\n"
        "[server.stop() for server in servers]\n"
        "print([server.is_alive() for server in servers])"
    )
    ran = subprocess.run(
        [python_of(nobody), "-c", script, str(folder)],
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "[False, False]\n", "")
    # Root goes on with that user's data, as that user.
    server = start_postgres(folder / "postgres")
    try:
        assert Path(f"/proc/{server.pid}").stat().st_uid == nobody.pw_uid
    finally:
        server.stop()
