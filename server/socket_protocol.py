"""WebSockets of this server: what waits to go out is bounded; who does not read is dropped.

A protocol of uvicorn's, given to it as `ws=`. Applications find it in the scope's extensions, as
`frames_of(scope)`, and may write text to it that they have encoded once for many sockets.
"""

import asyncio
from asyncio.transports import BaseTransport
from collections.abc import Callable
from typing import ClassVar, Final, cast

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_EXTENSION: Final = "dripgraph.frames"
_FINAL_TEXT: Final = b"\x81"
# Sizes up to here stand in the frame's first byte of length (RFC 6455, 5.2).
_SHORT: Final = 125


class SocketProtocol(WebSocketsSansIOProtocol):
    """A socket whose peer leaves `high_water` bytes unread for `drain_seconds` is cut off.

    Closing would not do: a transport that closes waits for its buffer to drain first.
    """

    high_water: ClassVar = 64 * 1024
    drain_seconds: ClassVar = 10.0

    _draining: asyncio.TimerHandle | None = None
    _waiting: list[Callable[[], None]] | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=self.high_water)

    async def run_asgi(self) -> None:
        self.scope["extensions"][_EXTENSION] = cast("dict[object, object]", self)
        try:
            await super().run_asgi()
        finally:
            self._waiting = None

    def write_text(self, *parts: bytes) -> bool:
        """One text message of UTF-8 parts; False when the socket has no room and nothing is kept.

        To a socket that is closing nothing is sent.
        """
        if not self.writable.is_set():
            return False
        if not (self.close_sent or self.disconnected or self.transport.is_closing()):
            size = sum(map(len, parts))
            if size <= _SHORT:
                head = bytes((size,))
            elif size < 1 << 16:
                head = b"\x7e" + size.to_bytes(2, "big")
            else:
                head = b"\x7f" + size.to_bytes(8, "big")
            # A message may go uncompressed whatever was negotiated (RFC 7692, 6).
            self.transport.write(b"".join((_FINAL_TEXT, head, *parts)))
        return True

    def when_writable(self, call: Callable[[], None]) -> None:
        """Call once when there is room again; never if the socket ends before."""
        if self._waiting is None:
            self._waiting = []
        self._waiting.append(call)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._draining = self.loop.call_later(self.drain_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_draining()
        waiting, self._waiting = self._waiting, None
        for call in waiting or ():
            call()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_draining()
        self._waiting = None
        super().connection_lost(exc)

    def _stop_draining(self) -> None:
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None


def frames_of(scope: Scope) -> SocketProtocol | None:
    """The socket of a WebSocket's scope; None under another server."""
    return cast("SocketProtocol | None", scope.get("extensions", {}).get(_EXTENSION))
