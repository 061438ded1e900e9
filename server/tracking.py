"""What the links and the pixel of a mail lead to: opens, clicks, unsubscriptions.

A request is answered once what it tells is committed. While Postgres is away the answer is 503.
"""

import logging
import re
from base64 import b64decode
from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.activity.actors import classify
from domain.activity.hits import Hit
from domain.activity.ingest import HitIngest, IngestUnavailableError
from domain.activity.models import EventKind
from domain.activity.tokens import MessageReference, MessageTokens
from domain.audience.unsubscribing import Recipient, read_recipient, unsubscribe_by_message
from domain.base import clock
from domain.base.database import PostgresError
from domain.delivery.destinations import click_destination
from server.notices import HEADERS, not_found, notice, unavailable

logger = logging.getLogger(__name__)

PIXEL: Final = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_LINK_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}")


def tracking_routes(tokens: MessageTokens, ingest: HitIngest) -> list[Route]:
    pages = _Tracking(tokens, ingest)
    return [
        Route("/o/{token}.gif", pages.opened),
        Route("/c/{token}/{number}", pages.clicked),
        Route("/u/{token}", pages.unsubscribe, methods=["GET", "POST"]),
    ]


class _Tracking:
    def __init__(self, tokens: MessageTokens, ingest: HitIngest) -> None:
        self._tokens = tokens
        self._ingest = ingest

    def _message(self, request: Request) -> MessageReference | None:
        return self._tokens.read(request.path_params["token"])

    async def opened(self, request: Request) -> Response:
        """The pixel; the same for a message that is gone, since there is nothing to record."""
        message = self._message(request)
        if message is None:
            return Response(status_code=404, headers=HEADERS)
        try:
            await self._ingest.record(_hit(request, message, EventKind.OPENED))
        except IngestUnavailableError:
            return Response(status_code=503, headers=HEADERS | {"Retry-After": "5"})
        return Response(PIXEL, media_type="image/gif", headers=HEADERS)

    async def clicked(self, request: Request) -> Response:
        """To where the message's template says, which no part of the address can change."""
        message = self._message(request)
        number = request.path_params["number"]
        if message is None or not _LINK_NUMBER.fullmatch(number):
            return not_found()
        try:
            found = await self._ingest.record(
                _hit(request, message, EventKind.CLICKED, int(number))
            )
            destination = None if found is None else await click_destination(found)
        except (IngestUnavailableError, PostgresError, OSError):
            return unavailable()
        return not_found() if destination is None else _redirect(destination)

    async def unsubscribe(self, request: Request) -> Response:
        """A page with a button; the button's POST, like a mail program's own, unsubscribes."""
        message = self._message(request)
        if message is None:
            return not_found()
        try:
            if request.method == "POST" and not await unsubscribe_by_message(message, clock.now()):
                return not_found()
            recipient = await read_recipient(message)
        except Exception:
            logger.exception("an unsubscription could not be served")
            return unavailable()
        return not_found() if recipient is None else _page(recipient)


def _hit(
    request: Request, message: MessageReference, kind: EventKind, number: int | None = None
) -> Hit:
    actor = classify(request.method, request.headers.get("user-agent", ""))
    return Hit(message, kind, actor, clock.now(), number)


def _redirect(destination: str) -> Response:
    # The destination has been quoted once already, which Starlette's own answer would do again.
    return Response(status_code=302, headers=HEADERS | {"Location": destination})


def _page(recipient: Recipient) -> Response:
    address = f"<strong>{escape(_masked(recipient.email))}</strong>"
    sender = f"<strong>{escape(recipient.workspace_name)}</strong>"
    if recipient.is_subscribed:
        return notice(
            "Unsubscribe?",
            [f"{address} will get no more mail from {sender}."],
            button="Unsubscribe",
        )
    return notice(
        "You are unsubscribed",
        [
            f"{address} gets no more mail from {sender}.",
            "A mail that is on its way already may still arrive. You can close this page.",
        ],
    )


def _masked(email: str) -> str:
    """Enough to know one's own address by, not enough to learn another's from a forwarded mail."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}•••@{domain}"
