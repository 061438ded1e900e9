"""A load of one HTTP request over kept-open connections, light enough to share two cores.

Answers are read by their Content-Length and not parsed; one is kept to be looked at.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

_HEAD_END = b"\r\n\r\n"
_TICKS = 100


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of one request against one server came to. `body` is the first answer's."""

    requests: int
    seconds: float
    cpu_seconds: float
    p50_ms: float
    p99_ms: float
    body: bytes

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_us(self) -> float:
        return self.cpu_seconds / self.requests * 1e6


def request_bytes(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: bench",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + _HEAD_END + body


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of processes so far, of those that still run."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


class _Client(asyncio.Protocol):
    """Sends the request again as soon as it is answered, until the time is up."""

    def __init__(self, request: bytes, until: float, latencies: list[float]) -> None:
        self._request = request
        self._until = until
        self._latencies = latencies
        self._buffer = bytearray()
        self._missing = -1
        self._sent = 0.0
        self.first: bytes | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._missing < 0:
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                return
            head = bytes(self._buffer[:end])
            if not head.startswith(b"HTTP/1.1 200"):
                self._fail(head.decode(errors="replace"))
                return
            at = head.lower().find(b"content-length:")
            if at < 0:
                self._fail("an answer without Content-Length")
                return
            length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            self._missing = end + len(_HEAD_END) + length
            if self.first is None:
                self._body_from = end + len(_HEAD_END)
        if len(self._buffer) < self._missing:
            return
        now = time.perf_counter()
        self._latencies.append(now - self._sent)
        if self.first is None:
            self.first = bytes(self._buffer[self._body_from :])
        self._buffer.clear()
        self._missing = -1
        if now < self._until:
            self._send()
        else:
            self._transport.close()
            self.done.set_result(None)

    def _fail(self, why: str) -> None:
        self._transport.close()
        if not self.done.done():
            self.done.set_exception(RuntimeError(why))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or RuntimeError("the server closed the connection"))


async def run_load(
    port: int, request: bytes, *, seconds: float, connections: int, pids: list[int]
) -> Load:
    """Keep `connections` busy with the request for so long; CPU is that of `pids`."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    before = cpu_seconds(pids)
    started = time.perf_counter()
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: _Client(request, started + seconds, latencies), "127.0.0.1", port
        )
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    elapsed = time.perf_counter() - started
    used = cpu_seconds(pids) - before
    latencies.sort()
    return Load(
        requests=len(latencies),
        seconds=elapsed,
        cpu_seconds=used,
        p50_ms=latencies[len(latencies) // 2] * 1e3,
        p99_ms=latencies[int(len(latencies) * 0.99)] * 1e3,
        body=clients[0].first or b"",
    )
