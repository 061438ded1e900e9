"""A data folder has one owner at a time: who it is, what it runs, and where to reach it."""

import fcntl
import os
import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import orjson

from server.embedded.processes import (
    POLL_SECONDS,
    EmbeddedError,
    command_of,
    is_alive,
)

LEFTOVER_SECONDS: Final = 15.0
# What the command lines of our processes have in common.
OUR_MARK: Final = "server.cli"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What the owner of a data folder tells others about itself."""

    pid: int
    what: str
    database_url: str = ""
    redis_url: str = ""
    addresses: dict[str, str] = field(default_factory=dict)
    children: dict[str, int] = field(default_factory=dict)


class InUseError(EmbeddedError):
    """Someone else owns the data folder; `running` says who, as far as it has told."""

    def __init__(self, data_dir: Path, running: Running | None) -> None:
        who = "another process" if running is None else f"{running.what} (pid {running.pid})"
        places = (
            ""
            if running is None
            else "".join(f"\n  {name}: {address}" for name, address in running.addresses.items())
        )
        super().__init__(f"{who} already runs on {data_dir}{places}")
        self.running = running


class Claim:
    """The ownership of a data folder; it ends with the process, however that ends."""

    def __init__(self, data_dir: Path, what: str) -> None:
        self._path = data_dir / "running.json"
        data_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise InUseError(data_dir, read_running(data_dir)) from None
        self._leftover = read_running(data_dir)
        self._running = Running(pid=os.getpid(), what=what)

    def tell(self, **changes: object) -> None:
        """Change what others can read about us."""
        self._running = replace(self._running, **changes)  # type: ignore[arg-type]
        draft = self._path.with_name(f".running.{os.getpid()}")
        draft.write_bytes(orjson.dumps(self._running))
        draft.chmod(0o600)
        draft.replace(self._path)

    def end_leftovers(self) -> list[str]:
        """End children of an owner that was killed; their names. Call it before `tell`."""
        children = {} if self._leftover is None else self._leftover.children
        left = {name: pid for name, pid in children.items() if _is_ours(pid)}
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in filter(_is_ours, left.values()):
                os.kill(pid, number)
            deadline = time.monotonic() + LEFTOVER_SECONDS
            while any(map(_is_ours, left.values())) and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
        return list(left)

    def release(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def _is_ours(pid: int) -> bool:
    return is_alive(pid) and OUR_MARK in command_of(pid)


def read_running(data_dir: Path) -> Running | None:
    """What the owner (or a killed former one) has told; None when nothing."""
    try:
        return Running(**orjson.loads((data_dir / "running.json").read_bytes()))
    except FileNotFoundError:
        return None
