"""The stores of a process: those configured, else embedded servers."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, Self

from domain.base.settings import Settings
from server.embedded.claim import Claim, InUseError, Running, read_running
from server.embedded.postgres import start_postgres
from server.embedded.processes import POLL_SECONDS, EmbeddedError, RunningServer, is_alive
from server.embedded.valkey import start_valkey

URLS_SECONDS: Final = 60.0


class EmbeddedStores:
    """The servers that are not configured, started on entry and stopped on exit.

    `settings` are those given, with both URLs.
    """

    def __init__(self, claim: Claim, settings: Settings) -> None:
        self.settings = settings
        self._claim = claim
        self._kept: list[tuple[Callable[[], RunningServer], RunningServer]] = []

    def __enter__(self) -> Self:
        data_dir = self.settings.data_dir
        try:
            if not self.settings.database_url:
                url = self._keep(partial(start_postgres, data_dir / "postgres", say=_to_stderr))
                self.settings = replace(self.settings, database_url=url)
            if not self.settings.redis_url:
                url = self._keep(partial(start_valkey, data_dir / "valkey"))
                self.settings = replace(self.settings, redis_url=url)
        except BaseException:
            self._stop()
            raise
        self._claim.tell(database_url=self.settings.database_url, redis_url=self.settings.redis_url)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def tend(self, say: Callable[[str], None]) -> None:
        """Start again what has died. Raises `EmbeddedError`."""
        for place, (start, server) in enumerate(self._kept):
            if not server.is_alive():
                say(f"{server.name} (pid {server.pid}) has died; starting it again")
                self._kept[place] = (start, start())

    def _keep(self, start: Callable[[], RunningServer]) -> str:
        server = start()
        self._kept.append((start, server))
        return server.url

    def _stop(self) -> None:
        for _, server in reversed(self._kept):
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
        with EmbeddedStores(claim, settings) as stores:
            yield stores.settings
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
