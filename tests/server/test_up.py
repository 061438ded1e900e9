"""`dripgraph up` as a person runs it: one command, real processes, nothing left behind."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "server.cli"]
UNSET = ("DATABASE_URL", "REDIS_URL", "SMTP_URL", "SECRET_KEY", "PUBLIC_URL", "DRIPGRAPH_ENV")


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Up:
    """A running `dripgraph up`, its lines read one by one."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        self.folder = folder
        self.environment = {
            name: value for name, value in os.environ.items() if name not in UNSET
        } | {
            "DATA_DIR": str(folder),
            "PORT": str(ports[0]),
            "MAILBOX_SMTP_PORT": str(ports[1]),
            "MAILBOX_HTTP_PORT": str(ports[2]),
            "LOG_LEVEL": "ERROR",
        }
        self.process = self.start()

    def start(self) -> "subprocess.Popen[str]":
        self.process = subprocess.Popen(
            [*COMMAND, "up"],
            cwd=ROOT,
            env=self.environment,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        return self.process

    def lines_until(self, last: str) -> list[str]:
        assert self.process.stderr is not None
        lines: list[str] = []
        for raw in self.process.stderr:
            lines.append(raw.rstrip())
            if lines[-1].startswith(last):
                return lines
        pytest.fail(f"`up` ended without saying {last!r}: {lines}")

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "running.json").read_text())
        return found

    def processes(self) -> dict[str, int]:
        postmaster = (self.folder / "postgres" / "postmaster.pid").read_text().split()[0]
        return self.state()["children"] | {"postgres": int(postmaster)}


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="dripgraph-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def up(folder: Path) -> Iterator[Up]:
    running = Up(folder, free_ports(3))
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGTERM)
    running.process.communicate()


def answer(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url) as response:
        return response.status, response.read().decode()


def answer_at_last(url: str) -> tuple[int, str]:
    """The first answer that is not 503, while the server finds its database again."""
    while True:
        try:
            return answer(url)
        except urllib.error.HTTPError as error:
            code = error.code
            error.close()
        assert code == 503


def wait_for_ends(pids: list[int]) -> None:
    for pid in pids:
        try:
            watch = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        select.select([watch], [], [])
        os.close(watch)


def test_up_serves_restarts_what_dies_refuses_a_second_and_leaves_nothing(up: Up) -> None:
    port, http = up.environment["PORT"], up.environment["MAILBOX_HTTP_PORT"]
    said = up.lines_until("Ctrl-C stops it.")
    assert said[0].startswith("Migrated the database: 0001_initial")
    assert said[-3:] == [
        f"  GraphiQL  http://localhost:{port}/graphql",
        f"  Mailbox   http://127.0.0.1:{http}/",
        "Ctrl-C stops it.",
    ]
    assert answer(f"http://127.0.0.1:{port}/readyz") == (200, "ok\n")
    assert answer(f"http://127.0.0.1:{http}/")[0] == 200

    second = up.run("up")
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == (
        f"Error: dripgraph up (pid {up.process.pid}) already runs on {up.folder}\n"
        f"  GraphiQL: http://localhost:{port}/graphql\n"
        f"  Mailbox: http://127.0.0.1:{http}/\n"
    )

    migrated = up.run("migrate")
    assert (migrated.returncode, migrated.stdout) == (0, "the database is up to date\n")

    before = up.processes()
    assert sorted(before) == ["api", "jobs", "mailbox", "postgres", "scheduler", "worker-1"]
    os.kill(before["worker-1"], signal.SIGKILL)
    assert up.lines_until("worker-1 ") == [
        f"worker-1 (pid {before['worker-1']}) was killed by SIGKILL; starting it again in 0.5 s"
    ]

    os.kill(before["postgres"], signal.SIGKILL)
    assert up.lines_until("PostgreSQL ") == [
        f"PostgreSQL (pid {before['postgres']}) has died; starting it again"
    ]
    assert answer_at_last(f"http://127.0.0.1:{port}/readyz") == (200, "ok\n")

    up.process.send_signal(signal.SIGINT)
    assert up.lines_until("Dripgraph has stopped.")[-2:] == [
        "Stopping the servers.",
        "Dripgraph has stopped.",
    ]
    assert up.process.wait() == 0
    left = [name for name, pid in before.items() if Path(f"/proc/{pid}").exists()]
    assert left == []
    assert not (up.folder / "running.json").exists()
    assert not (up.folder / "postgres" / "postmaster.pid").exists()


def test_up_starts_again_after_it_was_killed(up: Up) -> None:
    up.lines_until("Ctrl-C stops it.")
    left = up.processes()
    up.process.kill()
    up.process.communicate()
    up.start()
    said = up.lines_until("Ctrl-C stops it.")
    assert f"  GraphiQL  http://localhost:{up.environment['PORT']}/graphql" in said
    assert answer(f"http://127.0.0.1:{up.environment['PORT']}/readyz") == (200, "ok\n")
    wait_for_ends(list(left.values()))


def test_up_takes_the_next_port_when_its_own_is_taken(folder: Path) -> None:
    ports = free_ports(3)
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports[0]))
        other.listen()
        up = Up(folder, ports)
        said = up.lines_until("Ctrl-C stops it.")
        (moved,) = [line for line in said if line.startswith("Port ")]
        assert moved.startswith(f"Port {ports[0]} is taken: the API listens on ")
        port = moved.rstrip(".").rpartition(" ")[2]
        assert f"  GraphiQL  http://localhost:{port}/graphql" in said
        assert answer(f"http://127.0.0.1:{port}/livez") == (200, "ok\n")
        up.process.send_signal(signal.SIGTERM)
        assert up.process.wait() == 0
        up.process.communicate()


@pytest.mark.parametrize("command", ["up", "serve", "worker", "scheduler", "migrate", "doctor"])
def test_wrong_setting_stops_every_command_with_one_line(command: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, command],
        env=os.environ | {"DATA_DIR": str(tmp_path), "PORT": "http"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "Error: PORT is wrong: it must be a whole number from 1 to 65535\n"


def test_serve_says_which_port_is_taken(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        ran = subprocess.run(
            [*COMMAND, "serve"],
            env=os.environ | {"DATA_DIR": str(folder), "PORT": port},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (
        1,
        f"Error: 127.0.0.1:{port} is taken by another program: set PORT to a free one\n",
    )
