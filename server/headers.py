"""What every answer says to browsers, whoever made it: a page, JSON, a redirect, an error."""

from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.base.settings import Settings

Header = tuple[bytes, bytes]

# For answers that are no page: nothing may be loaded by them, nor they be framed.
_BARE_POLICY: Final = (
    b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LOCAL_HEADERS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", _BARE_POLICY),
)
_TWO_YEARS: Final = b"max-age=63072000"


def security_headers(settings: Settings) -> tuple[Header, ...]:
    """Those of each answer of the API.

    Browsers are told to keep to https in production alone: they would hold `localhost` to it for
    years, for every other program too.
    """
    if settings.is_production and settings.public_url.startswith("https://"):
        return (*LOCAL_HEADERS, (b"strict-transport-security", _TWO_YEARS))
    return LOCAL_HEADERS


class SecureHeaders:
    """Adds to each answer those of the headers that it does not carry already."""

    def __init__(self, app: ASGIApp, headers: Sequence[Header] = LOCAL_HEADERS) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                present = {name.lower() for name, _ in message.get("headers", ())}
                missing = [header for header in self._headers if header[0] not in present]
                message["headers"] = [*message.get("headers", ()), *missing]
            await send(message)

        await self._app(scope, receive, send_with_headers)
