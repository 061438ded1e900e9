"""The SMTP side: accepts everything for everyone, and says 250 once the mail is on the disk."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from server.mailbox.store import Store

log = logging.getLogger(__name__)

SIZE_LIMIT_BYTES = 25 * 1024 * 1024

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


def session_protocol(receiver: Receiver) -> SMTP:
    """Return the protocol of one connection. Any user name and password are accepted."""
    return SMTP(
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
