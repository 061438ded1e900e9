"""How many WebSockets one client may hold, and for how long: no longer than what it signed in with.

A socket signed in by an access token ends with the token; one of an API key is looked at again
every half minute, and ends when the key was revoked or has ended. It is closed with code 4403: a
client that renews its token then connects again (graphql-ws does so by itself). More sockets than
allowed are refused: of an address before the handshake with status 429, of a viewer with code 4429.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Protocol, TypeVar
from uuid import UUID

from domain.base.clock import now
from domain.base.errors import UnauthenticatedError
from domain.base.networks import network_of
from domain.base.settings import Settings
from server.auth import SignIn, sign_in

logger = logging.getLogger(__name__)

CHECK_SECONDS: Final = 30.0
ENDED: Final = 4403
TOO_MANY: Final = 4429

T = TypeVar("T")


class TooManySocketsError(Exception):
    pass


class Closable(Protocol):
    """A socket: `end` stops what runs on it and closes it."""

    async def end(self, code: int, reason: str) -> None: ...


class SocketLife:
    """The sockets of one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._by_address: Counter[str] = Counter()
        self._by_viewer: Counter[UUID | None] = Counter()

    def __len__(self) -> int:
        return self._by_address.total()

    @contextmanager
    def of_address(self, client: str) -> Iterator[None]:
        """A place for a socket. Raises TooManySocketsError."""
        with _counted(self._by_address, network_of(client), self._settings.sockets_per_address):
            yield

    @contextmanager
    def of_viewer(self, sign_in: SignIn, socket: Closable) -> Iterator[None]:
        """A place for a socket that has signed in, which ends with the sign-in.

        Raises TooManySocketsError.
        """
        viewer = sign_in.viewer
        who = viewer.api_key_id or viewer.user_id
        with _counted(self._by_viewer, who, self._settings.sockets_per_viewer):
            watch = _Watch(self._settings, sign_in.header, socket)
            watch.look_again_by(sign_in.ends_at)
            try:
                yield
            finally:
                watch.stop()


class _Watch:
    """Looks at one socket's sign-in now and again. A timer while it waits: sockets are many."""

    __slots__ = ("_header", "_settings", "_socket", "_task", "_timer")

    def __init__(self, settings: Settings, header: str, socket: Closable) -> None:
        self._settings = settings
        self._header = header
        self._socket = socket
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def look_again_by(self, ends_at: datetime | None) -> None:
        """At the end of an access token; of an API key, which may be revoked, ever again."""
        seconds = CHECK_SECONDS if ends_at is None else (ends_at - now()).total_seconds()
        self._timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), self._begin_look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin_look(self) -> None:
        self._task = asyncio.create_task(self._look(), name="socket.look")

    async def _look(self) -> None:
        ends_at = None
        try:
            ends_at = (await sign_in(self._settings, self._header, now())).ends_at
        except UnauthenticatedError as error:
            await self._socket.end(ENDED, error.message)
            return
        except Exception:
            # Postgres may be away; the sign-in was good half a minute ago.
            logger.exception("a socket's sign-in could not be looked at")
        self.look_again_by(ends_at)


@contextmanager
def _counted(counts: Counter[T], key: T, most: int) -> Iterator[None]:
    if counts[key] >= most:
        raise TooManySocketsError
    counts[key] += 1
    try:
        yield
    finally:
        counts[key] -= 1
        if not counts[key]:
            del counts[key]
