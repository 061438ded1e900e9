"""The SMTP side: accepts everything for everyone, and says 250 once the mail is on the disk."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from server.mailbox.store import Store

log = logging.getLogger(__name__)

SIZE_LIMIT_BYTES = 25 * 1024 * 1024

_FINAL_DOT = b"\r\n.\r\n"
_PIECE_BYTES = 1 << 20
# RFC 5321, 4.5.3.1.6.
_LONGEST_LINE = 998

# Given a recipient, the SMTP reply that refuses it ("550 5.1.1 No such user"), or None.
Refusal = Callable[[str], str | None]


class Receiver:
    """The hooks of aiosmtpd around a store."""

    def __init__(self, store: Store, refusal: Refusal) -> None:
        self._store = store
        self._refusal = refusal

    async def handle_EHLO(  # noqa: N802 - aiosmtpd names its hooks after the command.
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        del server, envelope
        session.host_name = hostname
        # aiosmtpd reads commands from a buffered stream, so groups of them work; only the
        # announcement is missing.
        return [responses[0], "250-PIPELINING", *responses[1:]]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names its hooks after the command.
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        del server, session
        refusal = self._refusal(address)
        if refusal is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd names its hooks after the command.
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        del server, session
        content = envelope.original_content
        sender = envelope.mail_from
        if content is None or sender is None:
            return "503 5.5.1 MAIL and DATA come first"
        try:
            mail = self._store.add(
                "" if sender == "<>" else _readable(sender),
                [_readable(recipient) for recipient in envelope.rcpt_tos],
                content,
                datetime.now(UTC),
            )
        except OSError:
            log.exception("A mail could not be stored")
            return "451 4.3.0 The mail could not be stored, try again later"
        return f"250 2.0.0 OK {mail.id}"


class _Session(SMTP):
    """aiosmtpd's session, with DATA read in the pieces that come instead of line by line.

    That halves the cost of a mail. What follows the final dot is left for the next command.
    """

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        content, size_bytes = await self._read_content()
        if size_bytes > SIZE_LIMIT_BYTES:
            status = f"552 5.3.4 The mail is larger than {SIZE_LIMIT_BYTES} bytes"
        elif max(map(len, content.split(b"\r\n"))) > _LONGEST_LINE:
            status = "500 5.6.0 A line is longer than 998 bytes"
        else:
            self.envelope.original_content = content
            status = await self._call_handler_hook("DATA")
        self.envelope = self._create_envelope()
        await self.push(status)

    async def _read_content(self) -> tuple[bytes, int]:
        """Read to the final dot. Past the size limit the bytes are counted and dropped."""
        # The end of the line of DATA makes a dot at once a final one.
        content = bytearray(b"\r\n")
        dropped_bytes = 0
        searched = 0
        while (end := content.find(_FINAL_DOT, searched)) < 0:
            searched = max(0, len(content) - len(_FINAL_DOT) + 1)
            if len(content) > SIZE_LIMIT_BYTES + len(_FINAL_DOT):
                dropped_bytes += searched
                del content[:searched]
                searched = 0
            # Never empty: the end of the connection cancels this coroutine.
            content += await self._reader.read(_PIECE_BYTES)
        # One read takes all that is there, so the rest goes back to the front.
        self._reader.feed_data(bytes(content[end + len(_FINAL_DOT) :]))
        size_bytes = dropped_bytes + end
        return bytes(content[: end + 2]).replace(b"\r\n.", b"\r\n")[2:], size_bytes


def session_protocol(receiver: Receiver) -> SMTP:
    """Return the protocol of one connection. Any user name and password are accepted."""
    return _Session(
        receiver,
        hostname="mailbox.localhost",
        ident="Dripgraph mailbox",
        data_size_limit=SIZE_LIMIT_BYTES,
        enable_SMTPUTF8=True,
        auth_require_tls=False,
        authenticator=_accept_anyone,
        loop=asyncio.get_running_loop(),
    )


def _readable(address: str) -> str:
    """Replace what is not UTF-8, which aiosmtpd hands on as lone surrogates."""
    return address.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _accept_anyone(
    server: SMTP,
    session: Session,
    envelope: Envelope,
    mechanism: str,
    data: LoginPassword,
) -> AuthResult:
    del server, session, envelope, mechanism, data
    return AuthResult(success=True)
