"""Processes that we start and stop: tied to their starter, found again by pid."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

POLL_SECONDS: Final = 0.02
_TIED: Final = Path(__file__).with_name("tied.py")


class EmbeddedError(Exception):
    """An embedded server cannot be started: one line for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Account:
    """A system user that owns embedded data when we run as root."""

    uid: int
    gid: int
    name: str


@dataclass(slots=True)
class RunningServer:
    """A server that answers at `url`. `adopted` when it outlived an earlier run and was found."""

    name: str
    url: str
    pid: int
    data_dir: Path
    stop_signal: signal.Signals
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def adopted(self) -> bool:
        return self.process is None

    def is_alive(self) -> bool:
        if self.process is not None:
            return self.process.poll() is None
        return is_alive(self.pid)

    def stop(self, *, timeout_seconds: float = 60.0) -> None:
        """Ask the server to shut down cleanly and wait; past the time-out it is killed."""
        for number in (self.stop_signal, signal.SIGKILL):
            if not self.is_alive():
                return
            os.kill(self.pid, number)
            if self._has_gone_within(timeout_seconds):
                return
        raise EmbeddedError(f"{self.name} (pid {self.pid}) cannot be stopped")

    def _has_gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True


def is_alive(pid: int) -> bool:
    """Whether a process has this pid and is more than a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        # Gone meanwhile, or a system without /proc.
        return not Path("/proc/self").exists()
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def command_of(pid: int) -> str:
    """The command line of a process; empty when it is gone or may not be seen."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except FileNotFoundError:
            return ""
    shown = subprocess.run(  # noqa: S603  fixed program, a number as argument
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip()


def start_tied(
    command: list[str],
    *,
    death_signal: signal.Signals,
    output: "IO[bytes] | int",
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> "subprocess.Popen[bytes]":
    """Start `command` in a session of its own, as `account`; it gets `death_signal` when we die.

    Call it from a thread that lasts as long as the process should: the kernel watches the thread.
    `output` takes both streams.
    """
    owner = "-" if account is None else f"{account.uid}:{account.gid}"
    launcher = [sys.executable, "-I", "-S", str(_TIED), str(os.getpid()), str(int(death_signal))]
    return subprocess.Popen(  # noqa: S603  programs of ours, no shell
        [*launcher, owner, *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=None if environment is None else dict(environment),
        cwd=folder,
        start_new_session=True,
    )
