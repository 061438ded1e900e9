"""Which pages of other origins may read our answers. Credentials never: there are no cookies."""

from collections.abc import Iterable, Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.headers import Header

_VARY: Final[Header] = (b"vary", b"Origin")
_PREFLIGHT: Final[tuple[Header, ...]] = (
    (b"access-control-allow-methods", b"GET, POST"),
    # A star stands for every name but this one.
    (b"access-control-allow-headers", b"authorization, *"),
    # As long as any browser will keep it.
    (b"access-control-max-age", b"86400"),
)


class Cors:
    """The headers for each origin, made once; `origins` are like `https://app.example.com`."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._allowed: dict[bytes | None, tuple[Header, ...]] = {
            origin.encode(): (
                (b"access-control-allow-origin", origin.encode()),
                (b"access-control-expose-headers", b"*"),
                _VARY,
            )
            for origin in origins
        }
        self._refused: tuple[Header, ...] = (_VARY,) if self._allowed else ()

    def headers(self, origin: bytes | None) -> tuple[Header, ...]:
        """What an answer to a request from there carries; None when it names no origin."""
        return self._allowed.get(origin, self._refused)

    def allows(self, origin: bytes) -> bool:
        return origin in self._allowed


class CrossOrigin:
    """Answers preflights before anything else runs, and adds `Cors` to all other answers."""

    def __init__(self, app: ASGIApp, cors: Cors, headers: Sequence[Header]) -> None:
        self._app = app
        self._cors = cors
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin: bytes | None = None
        is_preflight = False
        for name, value in scope["headers"]:
            if name == b"origin":
                origin = value
            elif name == b"access-control-request-method":
                is_preflight = scope["method"] == "OPTIONS"
        added = self._cors.headers(origin)
        if is_preflight and origin is not None:
            await self._preflight(origin, added, send)
            return
        if not added:
            await self._app(scope, receive, send)
            return

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        await self._app(scope, receive, send_with_cors)

    async def _preflight(self, origin: bytes, added: Sequence[Header], send: Send) -> None:
        allowed = self._cors.allows(origin)
        headers = [*self._headers, *added, *(_PREFLIGHT if allowed else ())]
        if not allowed:
            # Unlike a 204, this status says how long its empty body is.
            headers.append((b"content-length", b"0"))
        await send(
            {
                "type": "http.response.start",
                "status": 204 if allowed else 403,
                "headers": headers,
            }
        )
        await send({"type": "http.response.body"})
