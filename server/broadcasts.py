"""Subscriptions that many clients hold in the same words are executed once for all of them.

Clients share when their text, operation, variables, workspace and rights are the same. What is
executed sees a viewer with these rights and no name, so that no answer can be one person's. Each
event is encoded once, and each client is sent the same bytes behind its own operation's id.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Final

import orjson
from graphql import GraphQLError
from strawberry.schema.schema import StreamResult
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from server.socket_protocol import SocketProtocol

logger = logging.getLogger(__name__)

Key = tuple[object, ...]
Start = Callable[[], Awaitable[StreamResult]]
Ending = list[GraphQLError] | None
"""Why a stream was not begun, or None when it is over."""

_NOT_INCREMENTAL: Final = "Incremental delivery is not supported over graphql-transport-ws"


class Seat:
    """One client's place. `ending` is done when nothing more will come."""

    __slots__ = ("_broadcast", "_head", "_is_behind", "_socket", "ending")

    def __init__(self, broadcast: "_Broadcast", socket: SocketProtocol, identifier: str) -> None:
        self._broadcast = broadcast
        self._socket = socket
        self._head = b'{"id":' + orjson.dumps(identifier) + b',"type":"next","payload":'
        self._is_behind = False
        self.ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def show(self, payload: bytes) -> None:
        """Send it, or, when the client is slow, the newest there is once it has room."""
        if not self._is_behind and not self._socket.write_text(self._head, payload, b"}"):
            self._is_behind = True
            self._socket.when_writable(self._catch_up)

    def _catch_up(self) -> None:
        self._is_behind = False
        if self._broadcast.latest is not None and not self.ending.cancelled():
            self.show(self._broadcast.latest)


class _Broadcast:
    def __init__(self, start: Start) -> None:
        self.seats: set[Seat] = set()
        self.latest: bytes | None = None
        self.task = asyncio.create_task(self._run(start), name="broadcast")

    async def _run(self, start: Start) -> None:
        ending: Ending = None
        try:
            async with aclosing(await start()) as results:
                async for result in results:
                    if isinstance(result, PreExecutionError):
                        ending = list(result.errors or ())
                        return
                    if not isinstance(result, ExecutionResult):
                        ending = [GraphQLError(_NOT_INCREMENTAL)]
                        return
                    self._tell(_payload(result))
        except Exception:
            logger.exception("a subscription broke off")
        finally:
            for seat in self.seats:
                if not seat.ending.done():
                    seat.ending.set_result(ending)

    def _tell(self, payload: bytes) -> None:
        self.latest = payload
        for seat in self.seats:
            seat.show(payload)


def _payload(result: ExecutionResult) -> bytes:
    payload: dict[str, Any] = {"data": result.data}
    if result.errors:
        payload["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        payload["extensions"] = result.extensions
    return orjson.dumps(payload)


class Broadcasts:
    """Those of one process; each lives as long as somebody sits in it."""

    def __init__(self) -> None:
        self._running: dict[Key, _Broadcast] = {}

    def __len__(self) -> int:
        return len(self._running)

    @property
    def seats(self) -> int:
        """How many subscriptions sit in them, of all clients."""
        return sum(len(broadcast.seats) for broadcast in self._running.values())

    @contextmanager
    def seat(
        self, key: Key, start: Start, socket: SocketProtocol, identifier: str
    ) -> Iterator[Seat]:
        """A place in the broadcast of that key, which is begun by `start` if there is none."""
        broadcast = self._running.get(key)
        if broadcast is None or broadcast.task.done():
            broadcast = self._running[key] = _Broadcast(start)
        seat = Seat(broadcast, socket, identifier)
        broadcast.seats.add(seat)
        try:
            if broadcast.latest is not None:
                seat.show(broadcast.latest)
            yield seat
        finally:
            seat.ending.cancel()
            broadcast.seats.discard(seat)
            if not broadcast.seats:
                broadcast.task.cancel()
                if self._running.get(key) is broadcast:
                    del self._running[key]
