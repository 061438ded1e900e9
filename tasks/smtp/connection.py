"""Opening a connection: aiosmtplib greets, upgrades and signs in, then hands its transport over."""

import asyncio
from dataclasses import dataclass
from typing import cast

from aiosmtplib import SMTP, SMTPException

from domain.delivery.transport import TransportUnavailableError
from tasks.smtp.account import SmtpAccount
from tasks.smtp.session import Crew, Mode, Session

_START_TLS = {"auto": None, "none": False, "starttls": True, "tls": False}


@dataclass(frozen=True, slots=True)
class Greeted:
    """A connection that is ready for its first MAIL, with what the server offers."""

    transport: asyncio.Transport
    mode: Mode
    has_smtputf8: bool


async def greet(account: SmtpAccount) -> Greeted:
    """Connect, upgrade and sign in. Raises TransportUnavailableError with the server's words."""
    client = SMTP(
        hostname=account.host,
        port=account.port,
        username=account.username,
        password=account.password,
        use_tls=account.security == "tls",
        start_tls=_START_TLS[account.security],
        validate_certs=account.verify_certificate,
        # aiosmtplib asks the resolver for our own name otherwise, which may take seconds.
        local_hostname=account.local_hostname or "[127.0.0.1]",
        timeout=account.connect_timeout_seconds,
    )
    try:
        await client.connect()
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
    except (SMTPException, OSError, ValueError) as error:
        client.close()
        raise TransportUnavailableError(f"{account}: {error}") from error
    except asyncio.CancelledError:
        client.close()
        raise
    transport = client.transport if client.protocol is None else client.protocol.transport
    if transport is None or transport.is_closing():
        client.close()
        raise TransportUnavailableError(f"{account}: the server closed the connection")
    # uvloop's transports have the methods of asyncio.Transport without being of its class.
    ready = cast("asyncio.Transport", transport)
    return Greeted(ready, _mode(account, client), client.supports_extension("smtputf8"))


def take_over(greeted: Greeted, crew: Crew, *, message_limit: int) -> Session:
    """Put our own protocol on the transport."""
    loop = asyncio.get_running_loop()
    session = Session(
        crew,
        greeted.transport,
        mode=greeted.mode,
        has_smtputf8=greeted.has_smtputf8,
        message_limit=message_limit,
        now=loop.time,
    )
    greeted.transport.set_protocol(session)
    return session


def _mode(account: SmtpAccount, client: SMTP) -> Mode:
    if account.pipelining == "off" or not client.supports_extension("pipelining"):
        return Mode.SEQUENTIAL
    return Mode.GROUPED if account.pipelining == "grouped" else Mode.PIPELINED
