"""A data folder has one owner at a time: who it is, what it runs, and where to reach it."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import orjson

from domain.base.settings import Settings
from server.embedded.postgres import start_postgres
from server.embedded.processes import POLL_SECONDS, EmbeddedError, command_of, is_alive
from server.embedded.valkey import start_valkey

LEFTOVER_SECONDS: Final = 15.0
URLS_SECONDS: Final = 60.0
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


@contextmanager
def embedded_stores(claim: Claim, settings: Settings) -> Iterator[Settings]:
    """The settings with both URLs; what is not configured is started, and stopped at the end."""
    servers = []
    try:
        if not settings.database_url:
            servers.append(start_postgres(settings.data_dir / "postgres", say=_to_stderr))
            settings = replace(settings, database_url=servers[-1].url)
        if not settings.redis_url:
            servers.append(start_valkey(settings.data_dir / "valkey"))
            settings = replace(settings, redis_url=servers[-1].url)
        claim.tell(database_url=settings.database_url, redis_url=settings.redis_url)
        yield settings
    finally:
        for server in reversed(servers):
            server.stop()


def _to_stderr(line: str) -> None:
    os.write(2, f"{line}\n".encode())


@contextmanager
def reachable_stores(settings: Settings, what: str) -> Iterator[Settings]:
    """The settings with both URLs, for one command: those configured, those of a running `up`,
    else embedded servers for the length of the block.
    """
    if settings.database_url and settings.redis_url:
        yield settings
        return
    try:
        claim = Claim(settings.data_dir, what)
    except InUseError:
        running = _wait_for_urls(settings.data_dir)
        yield replace(
            settings,
            database_url=settings.database_url or running.database_url,
            redis_url=settings.redis_url or running.redis_url,
        )
        return
    try:
        with embedded_stores(claim, settings) as reachable:
            yield reachable
    finally:
        claim.release()


def _wait_for_urls(data_dir: Path) -> Running:
    deadline = time.monotonic() + URLS_SECONDS
    while time.monotonic() < deadline:
        running = read_running(data_dir)
        if running is not None and running.database_url and is_alive(running.pid):
            return running
        time.sleep(POLL_SECONDS)
    raise EmbeddedError(f"another process starts servers on {data_dir} and does not get ready")
