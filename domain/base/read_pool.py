"""Connections for single statements: no transaction, no session state, no round trip to reset it.

asyncpg's own pool resets a connection after each use, which costs as much as a small query. What
runs here leaves nothing to reset, so a connection goes from one statement straight to the next.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

Open = Callable[[], Awaitable[asyncpg.Connection]]


class ReadPool:
    """At most `size` connections, opened when first needed, used in turn.

    A connection whose statement did not end by itself (it was cancelled, the server went away) is
    closed and another opened in its place: nobody gets one in an unknown state. `prepare`, when
    set, is called with each new connection.
    """

    def __init__(self, open_connection: Open, size: int) -> None:
        self._open = open_connection
        self.prepare: Callable[[asyncpg.Connection], object] | None = None
        self._free: list[asyncpg.Connection] = []
        self._size = self._left = size
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_closed = False

    def figures(self) -> dict[str, int]:
        """`limit`, `open`, `in_use` and `waiting`, as they are now."""
        opened = self._size - self._left
        return {
            "limit": self._size,
            "open": opened,
            "in_use": opened - len(self._free),
            "waiting": len(self._waiting),
        }

    async def fetch(self, sql: str, values: tuple[object, ...]) -> list[asyncpg.Record]:
        connection = await self._take()
        try:
            rows: list[asyncpg.Record] = await connection.fetch(sql, *values)
        except asyncpg.PostgresError:
            self._give_back(connection)
            raise
        except BaseException:
            self._drop(connection)
            raise
        self._give_back(connection)
        return rows

    async def execute(self, sql: str, values: tuple[object, ...]) -> str:
        """The status line of one statement."""
        connection = await self._take()
        try:
            status: str = await connection.execute(sql, *values)
        except asyncpg.PostgresError:
            self._give_back(connection)
            raise
        except BaseException:
            self._drop(connection)
            raise
        self._give_back(connection)
        return status

    async def _take(self) -> asyncpg.Connection:
        while True:
            if self._is_closed:
                raise asyncpg.InterfaceError("the pool is closed")
            while self._free:
                connection = self._free.pop()
                if not connection.is_closed():
                    return connection
                self._left += 1
            if self._left:
                self._left -= 1
                try:
                    connection = await self._open()
                except BaseException:
                    self._left += 1
                    self._wake()
                    raise
                if self.prepare is not None:
                    self.prepare(connection)
                return connection
            await self._wait()

    async def _wait(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except BaseException:
            # Woken and cancelled at once: the turn belongs to the next in line. One that was
            # cancelled before it was woken may have been passed over already.
            if turn.done() and not turn.cancelled():
                self._wake()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _give_back(self, connection: asyncpg.Connection) -> None:
        if self._is_closed or connection.is_closed():
            self._drop(connection)
            return
        self._free.append(connection)
        self._wake()

    def _drop(self, connection: asyncpg.Connection) -> None:
        connection.terminate()
        self._left += 1
        self._wake()

    async def close(self) -> None:
        """Close what is free; what is in use is closed when its statement ends."""
        self._is_closed = True
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(None)
        closing: list[Any] = [connection.close(timeout=5) for connection in self._free]
        self._free = []
        await asyncio.gather(*closing, return_exceptions=True)
