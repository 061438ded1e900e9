"""Limits on request bodies, by what they hold, before anything reads them."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.operations import error_response

MAX_BODY = 1 << 20
MAX_UPLOAD = 256 << 20


class _TooLargeError(Exception):
    pass


class BodyLimit:
    """Answers 413 to a body over 1 MiB, or 256 MiB for a multipart upload.

    A length that is announced is refused at once; one that is not is counted as it comes in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        is_upload = headers.get(b"content-type", b"").startswith(b"multipart/form-data")
        limit = MAX_UPLOAD if is_upload else MAX_BODY
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            await self._refuse(limit, scope, receive, send)
            return
        received = 0
        started = False

        async def counted_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _TooLargeError
            return message

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, counted_receive, watched_send)
        except _TooLargeError:
            if started:
                raise
            await self._refuse(limit, scope, receive, send)

    @staticmethod
    async def _refuse(limit: int, scope: Scope, receive: Receive, send: Send) -> None:
        response = error_response(
            413, f"A request body may have {limit >> 20} MiB.", code="LIMIT_EXCEEDED"
        )
        await response(scope, receive, send)
