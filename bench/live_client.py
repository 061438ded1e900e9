"""A client of `graphql-transport-ws` in one small object, so that thousands fit beside the server.

It subscribes once, answers pings, and notes for each value when it came and its `sent`.
"""

import asyncio
import time
from array import array
from collections.abc import Callable

import orjson

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_MARK = b'"sent":'
_HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


def frame(opcode: int, payload: bytes) -> bytes:
    """One client's frame. Its mask is of zeros, which leaves the payload as it is."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    else:
        head = bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


def opening(token: str) -> bytes:
    message = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
    return frame(_TEXT, orjson.dumps(message))


def subscription(query: str, variables: dict[str, object], identifier: str) -> bytes:
    payload = {"query": query, "variables": variables}
    return frame(_TEXT, orjson.dumps({"id": identifier, "type": "subscribe", "payload": payload}))


class Watcher(asyncio.Protocol):
    """`times` and `counts` grow together; `first` is done with the first value."""

    def __init__(self, opening: bytes, subscription: bytes, on_end: Callable[[str], None]) -> None:
        self._opening = opening
        self._subscription = subscription
        self._on_end = on_end
        self._buffer = bytearray()
        self._is_open = False
        self._is_subscribed = False
        self.is_leaving = False
        self.times = array("d")
        self.counts = array("q")
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(_HANDSHAKE)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if not self._is_open:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not buffer.startswith(b"HTTP/1.1 101"):
                self._fail(bytes(buffer[:end]).decode())
                return
            del buffer[: end + 4]
            self._is_open = True
            self.transport.write(self._opening)
        at = 0
        while len(buffer) - at >= 2:
            size, head = buffer[at + 1], 2
            if size == 126:
                size, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
            if len(buffer) - at < head + size:
                break
            self._take(buffer[at] & 15, buffer[at + head : at + head + size])
            at += head + size
        del buffer[:at]

    def _take(self, opcode: int, payload: bytearray) -> None:
        if opcode == _PING:
            self.transport.write(frame(_PONG, bytes(payload)))
            return
        found = payload.find(_MARK) if opcode == _TEXT else -1
        if found >= 0:
            end = found + len(_MARK)
            self.times.append(time.monotonic())
            self.counts.append(int(payload[end : payload.find(b",", end)]))
            if not self.first.done():
                self.first.set_result(None)
        elif not self._is_subscribed and b"connection_ack" in payload:
            self._is_subscribed = True
            self.transport.write(self._subscription)
        elif opcode in (_TEXT, _CLOSE):
            self._fail(bytes(payload[2:] if opcode == _CLOSE else payload).decode())

    def _fail(self, why: str) -> None:
        self.is_leaving = True
        self.transport.close()
        self._on_end(why)
        if not self.first.done():
            self.first.set_exception(RuntimeError(why))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.is_leaving:
            self._fail(f"the server closed the connection: {error}")
