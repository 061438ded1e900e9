"""The supervisor as a real process over small programs."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SUPERVISE = """
import json, os, sys
from server.supervisor import Program, Supervisor
programs = [
    Program(environment=os.environ, **(given | {"listens": tuple(given["listens"])}
            if "listens" in given else given))
    for given in json.loads(sys.argv[1])
]
def tell(line):
    print(line, flush=True)
Supervisor(
    programs,
    say=tell,
    started=lambda pids: tell("pids " + json.dumps(pids)),
    all_ready=lambda: tell("ready"),
).run()
tell("ended")
"""


class Supervised:
    def __init__(self, *programs: dict[str, object]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, json.dumps(programs)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.pids: dict[str, int] = {}

    def line(self) -> str:
        """The next line said; new pids are noted on the way."""
        assert self.process.stdout is not None
        while True:
            said = self.process.stdout.readline().rstrip()
            if not said.startswith("pids "):
                return said
            self.pids |= json.loads(said.removeprefix("pids "))

    def end(self) -> tuple[str, str]:
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate()


@pytest.fixture
def supervise() -> Iterator[list[Supervised]]:
    started: list[Supervised] = []
    yield started
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def shell(name: str, script: str, **more: object) -> dict[str, object]:
    return {"name": name, "command": ["/bin/sh", "-c", script], **more}


def python(name: str, on_end: str, **more: object) -> dict[str, object]:
    """A program that says it is up, and does `on_end` when it is asked to end."""
    script = (
        "import os, signal, sys\n"
        f"def end(*_):\n    {on_end}\n"
        "signal.signal(signal.SIGTERM, end)\n"
        # Not print: a signal in the midst of it, and a print in its handler, would collide.
        f"os.write(2, b'{name} is up\\n')\n"
        "while True:\n    signal.pause()"
    )
    return {"name": name, "command": [sys.executable, "-I", "-S", "-c", script], **more}


def sleeper(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "command": ["/bin/sleep", "600"], **more}


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_program_that_ends_is_started_again_after_longer_and_longer_pauses(
    supervise: list[Supervised],
) -> None:
    one = Supervised(shell("flaky", "exit 3"), sleeper("steady"))
    supervise.append(one)
    said = [one.line() for _ in range(3)]
    assert said[0] == "ready"
    assert [line.partition(" (pid ")[2].partition(") ")[2] for line in said[1:]] == [
        "ended with status 3; starting it again in 0.5 s",
        "ended with status 3; starting it again in 1 s",
    ]
    steady = one.pids["steady"]
    output, errors = one.end()
    assert output.splitlines()[-1] == "ended"
    assert (one.process.returncode, errors) == (0, "")
    assert not exists(steady)


def test_killed_program_is_named_with_its_signal(supervise: list[Supervised]) -> None:
    one = Supervised(sleeper("mailbox"))
    supervise.append(one)
    assert one.line() == "ready"
    killed = one.pids["mailbox"]
    os.kill(killed, signal.SIGKILL)
    assert one.line() == (
        f"mailbox (pid {killed}) was killed by SIGKILL; starting it again in 0.5 s"
    )
    one.end()


def test_programs_end_in_the_order_of_their_stages(supervise: list[Supervised]) -> None:
    one = Supervised(
        *(
            python(name, f"os.write(2, b'{name} ends\\n'); sys.exit()", drain_stage=stage)
            for name, stage in (("mailbox", 2), ("api", 1), ("worker", 0))
        )
    )
    supervise.append(one)
    assert one.line() == "ready"
    assert one.process.stderr is not None
    assert sorted(one.process.stderr.readline() for _ in range(3)) == [
        "api is up\n",
        "mailbox is up\n",
        "worker is up\n",
    ]
    output, errors = one.end()
    assert errors.splitlines() == ["worker ends", "api ends", "mailbox ends"]
    assert output == "ended\n"


def test_second_signal_kills_what_does_not_end(supervise: list[Supervised]) -> None:
    one = Supervised(python("stubborn", "os.write(2, b'no\\n')"))
    supervise.append(one)
    assert one.line() == "ready"
    assert one.process.stderr is not None
    assert one.process.stderr.readline() == "stubborn is up\n"
    one.process.send_signal(signal.SIGINT)
    assert one.process.stderr.readline() == "no\n"
    one.process.send_signal(signal.SIGINT)
    pid = one.pids["stubborn"]
    assert one.line() == f"stubborn (pid {pid}) did not end, killing it"
    assert one.line() == "ended"
    assert one.process.wait() == 0


def test_all_are_ready_once_the_last_accepts_connections(supervise: list[Supervised]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        one = Supervised(
            python("late", "sys.exit()", listens=["127.0.0.1", port]),
            shell("once", "exit 4", runs_once=True),
        )
        supervise.append(one)
        assert one.process.stderr is not None
        assert one.process.stderr.readline() == "late is up\n"
        said = one.line()
        assert said == f"once (pid {one.pids['once']}) ended with status 4"
        listener.listen()
        assert one.line() == "ready"
    one.end()


def test_programs_end_when_their_supervisor_is_killed(supervise: list[Supervised]) -> None:
    one = Supervised(sleeper("orphan"))
    supervise.append(one)
    assert one.line() == "ready"
    watch = os.pidfd_open(one.pids["orphan"])
    one.process.kill()
    one.process.wait()
    assert select.select([watch], [], [])[0] == [watch]
    os.close(watch)
