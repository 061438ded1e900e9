"""The HTTP side: the page, its JSON API, and the mail itself in a frame that can do nothing."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import quote

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from server.mailbox.reading import Attachment, headers, view
from server.mailbox.store import Mail, Store

STATIC = Path(__file__).parent.parent / "static" / "mailbox"

_LARGEST_PAGE = 500
_SECONDS_BETWEEN_UPDATES = 0.25
_LIMIT = re.compile(r"[1-9][0-9]{0,2}")
_HEAD = re.compile(r"<head(\s[^>]*)?>", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
_CID = re.compile(r"""(["'(]\s*)cid:([^"')\s]+)""", re.IGNORECASE)
_SHOWN_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})

_EVERY_ANSWER = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_NOTHING_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
# Mail brings its styles inline. It may show pictures, open links in new tabs, and nothing else.
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src {images}; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
# Pictures on this machine are the tracking pixel of a local Dripgraph: opening a mail is an open.
_LOCAL_IMAGES = "'self' data: http://127.0.0.1:* http://localhost:*"
_ALL_IMAGES = "'self' data: http: https:"


def pages(store: Store, stopping: asyncio.Event, hosts: Sequence[str]) -> Starlette:
    """Return the application. `hosts` are the names that a request may ask for, or `*`."""
    answers = _Answers(store, stopping)
    return Starlette(
        routes=[
            Route("/", _page_file("index.html")),
            Route("/mailbox.css", _page_file("mailbox.css")),
            Route("/mailbox.js", _page_file("mailbox.js")),
            Route("/icon.svg", _page_file("icon.svg")),
            # Browsers ask for this one by themselves when a tab shows a mail's source.
            Route("/favicon.ico", _page_file("icon.svg")),
            Route("/api/messages", answers.messages, methods=["GET", "DELETE"]),
            Route("/api/messages/{id}", answers.message),
            Route("/api/messages/{id}/source", answers.source),
            Route("/api/messages/{id}/html", answers.html),
            Route("/api/messages/{id}/attachments/{number:int}", answers.attachment),
            Route("/api/updates", answers.updates),
        ],
        # A foreign site whose name is made to point at this machine must not read the mail.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
    )


class _Answers:
    """The answers of the JSON API."""

    def __init__(self, store: Store, stopping: asyncio.Event) -> None:
        self._store = store
        self._stopping = stopping

    async def messages(self, request: Request) -> Response:
        if request.method == "DELETE":
            return _json({"deleted": self._store.clear()})
        query = request.query_params
        limit = query.get("limit", "50")
        if not _LIMIT.fullmatch(limit) or int(limit) > _LARGEST_PAGE:
            return _json({"error": f"limit is a number from 1 to {_LARGEST_PAGE}"}, 400)
        page = self._store.find(
            text=query.get("text", ""),
            to=query.get("to", ""),
            subject=query.get("subject", ""),
            before=query.get("before", ""),
            limit=int(limit),
        )
        return _json(
            {
                "messages": [_entry(mail) for mail in page.mails],
                "total": page.total,
                "next_before": page.next_before,
            }
        )

    async def message(self, request: Request) -> Response:
        mail, content = _wanted(self._store, request)
        if mail is None or content is None:
            return _missing()
        seen = view(content)
        return _json(
            {
                **_entry(mail),
                "headers": headers(content),
                "text": seen.text,
                "has_html": seen.html is not None,
                "attachments": [
                    {
                        "name": attachment.name,
                        "content_type": attachment.content_type,
                        "size_bytes": len(attachment.body),
                    }
                    for attachment in seen.attachments
                ],
            }
        )

    async def source(self, request: Request) -> Response:
        mail, content = _wanted(self._store, request)
        if mail is None or content is None:
            return _missing()
        if "download" in request.query_params:
            return _download(f"{mail.id}.eml", "message/rfc822", content)
        return Response(
            content,
            media_type="text/plain",
            headers={**_EVERY_ANSWER, "Content-Security-Policy": _NOTHING_POLICY},
        )

    async def html(self, request: Request) -> Response:
        mail, content = _wanted(self._store, request)
        if mail is None or content is None:
            return _missing()
        seen = view(content)
        if seen.html is None:
            return _missing()
        wants_all = request.query_params.get("images") == "all"
        policy = _MAIL_POLICY.format(images=_ALL_IMAGES if wants_all else _LOCAL_IMAGES)
        return Response(
            _framed(mail.id, seen.html, seen.attachments),
            media_type="text/html",
            headers={**_EVERY_ANSWER, "Content-Security-Policy": policy},
        )

    async def attachment(self, request: Request) -> Response:
        mail, content = _wanted(self._store, request)
        number = int(request.path_params["number"])
        attachments = [] if mail is None or content is None else view(content).attachments
        if number >= len(attachments):
            return _missing()
        wanted = attachments[number]
        if wanted.content_type in _SHOWN_IMAGES:
            return Response(
                wanted.body,
                media_type=wanted.content_type,
                headers={
                    **_EVERY_ANSWER,
                    "Content-Security-Policy": _NOTHING_POLICY,
                    "Content-Disposition": _disposition("inline", wanted.name),
                },
            )
        return _download(wanted.name, "application/octet-stream", wanted.body)

    async def updates(self, request: Request) -> Response:
        del request
        return StreamingResponse(
            _updates(self._store, self._stopping),
            media_type="text/event-stream",
            headers=_EVERY_ANSWER,
        )


async def _updates(store: Store, stopping: asyncio.Event) -> AsyncIterator[bytes]:
    stop = asyncio.ensure_future(stopping.wait())
    try:
        while not stopping.is_set():
            newest = store.find(limit=1)
            state = {
                "total": newest.total,
                "newest": newest.mails[0].id if newest.mails else None,
            }
            yield b"data: " + orjson.dumps(state) + b"\n\n"
            change = asyncio.ensure_future(store.changed())
            try:
                await asyncio.wait({change, stop}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                change.cancel()
            await asyncio.wait({stop}, timeout=_SECONDS_BETWEEN_UPDATES)
    finally:
        stop.cancel()


def _page_file(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        del request
        return FileResponse(
            STATIC / name,
            headers={
                **_EVERY_ANSWER,
                "Content-Security-Policy": _PAGE_POLICY,
                "Cross-Origin-Opener-Policy": "same-origin",
            },
        )

    return endpoint


def _wanted(store: Store, request: Request) -> tuple[Mail | None, bytes | None]:
    mail_id = str(request.path_params["id"])
    return store.get(mail_id), store.content(mail_id)


def _entry(mail: Mail) -> dict[str, object]:
    return {
        "id": mail.id,
        "received_at": mail.received_at.isoformat(),
        "sender": mail.sender,
        "recipients": mail.recipients,
        "subject": mail.subject,
        "author": mail.author,
        "size_bytes": mail.size_bytes,
    }


def _framed(mail_id: str, html: str, attachments: list[Attachment]) -> str:
    """Send links to new tabs, and embedded pictures to their attachments."""
    numbers = {
        attachment.content_id: number
        for number, attachment in enumerate(attachments)
        if attachment.content_id
    }

    def embedded(found: re.Match[str]) -> str:
        number = numbers.get(found[2])
        if number is None:
            return found[0]
        return f"{found[1]}/api/messages/{mail_id}/attachments/{number}"

    html = _CID.sub(embedded, html)
    place = _HEAD.search(html) or _DOCTYPE.match(html)
    at = place.end() if place else 0
    return f'{html[:at]}<base target="_blank">{html[at:]}'


def _json(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, _EVERY_ANSWER, "application/json")


def _missing() -> Response:
    return PlainTextResponse("The mailbox has no such mail.\n", 404, _EVERY_ANSWER)


def _download(name: str, media_type: str, body: bytes) -> Response:
    return Response(
        body,
        media_type=media_type,
        headers={
            **_EVERY_ANSWER,
            "Content-Security-Policy": _NOTHING_POLICY,
            "Content-Disposition": _disposition("attachment", name),
        },
    )


def _disposition(kind: str, name: str) -> str:
    return f"{kind}; filename*=UTF-8''{quote(name, safe='')}"
