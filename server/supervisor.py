"""Runs programs side by side: says when one dies, starts it again, ends them all in order."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from server.embedded.processes import start_tied

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 10.0
# One that has lived for so long starts again with the first pause.
STEADY_SECONDS: Final = 10.0
DRAIN_SECONDS: Final = 30.0
PROBE_SECONDS: Final = 0.1
TEND_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A child to keep running.

    It is ready once something accepts connections where it `listens` (None: at once). When all end,
    those of the lowest `drain_stage` go first. One that `runs_once` is not started again.
    """

    name: str
    command: list[str]
    environment: Mapping[str, str]
    listens: tuple[str, int] | None = None
    drain_stage: int = 0
    runs_once: bool = False


@dataclass(slots=True)
class _Child:
    program: Program
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    pause_seconds: float = FIRST_PAUSE_SECONDS
    start_at: float | None = field(default=0.0)
    ready: bool = False


class Supervisor:
    """Keeps programs running until SIGINT, SIGTERM or SIGHUP. A second signal kills them.

    Use it from the main thread. `started` is told every new pid, `all_ready` is called once, and
    `tend` every other second and after each death, for what else must be kept running; what it
    raises ends all programs.
    """

    def __init__(
        self,
        programs: list[Program],
        *,
        say: Callable[[str], None],
        started: Callable[[dict[str, int]], None] = lambda _: None,
        all_ready: Callable[[], None] = lambda: None,
        tend: Callable[[], None] = lambda: None,
    ) -> None:
        self._children = [_Child(program) for program in programs]
        self._say = say
        self._started = started
        self._tend = tend
        self._all_ready: Callable[[], None] | None = all_ready
        self._asked_to_end = 0

    def run(self) -> None:
        with _wake_on_signals(self._count_request) as wake:
            try:
                while not self._asked_to_end:
                    self._tend()
                    self._start_due()
                    self._see_who_is_ready()
                    _wait(wake, self._seconds_to_next())
                    self._see_who_ended()
            finally:
                self._drain(wake)

    def _count_request(self) -> None:
        self._asked_to_end += 1

    def _start_due(self) -> None:
        changed = False
        for child in self._children:
            if child.start_at is not None and child.start_at <= time.monotonic():
                child.start_at = None
                child.started_at = time.monotonic()
                child.process = start_tied(
                    child.program.command,
                    death_signal=signal.SIGTERM,
                    output=sys.stderr.fileno(),
                    environment=child.program.environment,
                )
                changed = True
        if changed:
            self._started(self.pids())

    def pids(self) -> dict[str, int]:
        return {
            child.program.name: child.process.pid
            for child in self._children
            if child.process is not None
        }

    def _see_who_is_ready(self) -> None:
        if self._all_ready is None:
            return
        for child in self._children:
            if not child.ready and child.process is not None:
                child.ready = child.program.listens is None or _accepts(child.program.listens)
        if all(child.ready for child in self._children):
            told, self._all_ready = self._all_ready, None
            told()

    def _seconds_to_next(self) -> float:
        """How long nothing but a signal can matter."""
        if self._all_ready is not None:
            return PROBE_SECONDS
        waits = [child.start_at for child in self._children if child.start_at is not None]
        return max(0.0, min([*waits, time.monotonic() + TEND_SECONDS]) - time.monotonic())

    def _see_who_ended(self) -> None:
        for child in self._children:
            status = None if child.process is None else child.process.poll()
            if child.process is None or status is None:
                continue
            pid, child.process = child.process.pid, None
            if child.program.runs_once:
                child.ready = True
                if status != 0:
                    self._say(f"{child.program.name} (pid {pid}) {_describe(status)}")
                continue
            if time.monotonic() - child.started_at >= STEADY_SECONDS:
                child.pause_seconds = FIRST_PAUSE_SECONDS
            child.start_at = time.monotonic() + child.pause_seconds
            self._say(
                f"{child.program.name} (pid {pid}) {_describe(status)}; "
                f"starting it again in {child.pause_seconds:g} s"
            )
            child.pause_seconds = min(child.pause_seconds * 2, LONGEST_PAUSE_SECONDS)

    def _drain(self, wake: socket.socket) -> None:
        for stage in sorted({child.program.drain_stage for child in self._children}):
            stages = [child for child in self._children if child.program.drain_stage == stage]
            self._end(stages, wake)

    def _end(self, children: list[_Child], wake: socket.socket) -> None:
        running = [(child, child.process) for child in children if child.process is not None]
        for _, process in running:
            # Only the child itself: what it has started is its own to end.
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + DRAIN_SECONDS
        while any(process.poll() is None for _, process in running):
            left = deadline - time.monotonic()
            if left <= 0 or self._asked_to_end > 1:
                break
            _wait(wake, left)
        for child, process in running:
            if process.poll() is None:
                self._say(f"{child.program.name} (pid {process.pid}) did not end, killing it")
                process.kill()
                process.wait()


def _describe(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _accepts(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1.0).close()
    except OSError:
        return False
    return True


def _wait(wake: socket.socket, seconds: float) -> None:
    readable, _, _ = select.select([wake], [], [], seconds)
    if readable:
        with contextlib.suppress(BlockingIOError):
            wake.recv(4096)


@contextlib.contextmanager
def _wake_on_signals(asked_to_end: Callable[[], None]) -> Iterator[socket.socket]:
    """A socket that becomes readable on each signal that matters, a child's end among them."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    kept = {number: signal.getsignal(number) for number in (*_END_SIGNALS, signal.SIGCHLD)}
    for number in _END_SIGNALS:
        signal.signal(number, lambda *_: asked_to_end())
    # A handler must be there for the wake-up to be written.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    previous = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(previous)
        for number, handler in kept.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()


_END_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
