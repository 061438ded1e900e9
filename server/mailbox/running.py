"""Both sides in one process, as a command and as a real server inside a test."""

import asyncio
import contextlib
import logging
import signal
import socket
import weakref
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

import uvicorn
import uvloop
from aiosmtpd.smtp import SMTP

from server.headers import SecureHeaders
from server.mailbox.pages import pages
from server.mailbox.receiving import Receiver, Refusal, session_protocol
from server.mailbox.store import Mail, Store

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Mailbox:
    """A running mailbox. Port 0 means any free port; the chosen one is in the attribute.

    `refusal` gives the SMTP reply for a recipient that is to be refused, for trying out bounces.
    """

    def __init__(self, folder: Path, *, keep: int = 20_000, refusal: Refusal | None = None) -> None:
        self.folder = folder
        self.smtp_port = 0
        self.http_port = 0
        self._keep = keep
        self._refusal = refusal or _refuse_nobody
        self._stopping = asyncio.Event()

    async def start(
        self, host: str = "127.0.0.1", *, smtp_port: int = 0, http_port: int = 0
    ) -> None:
        """Listen on both ports. Raises OSError when one is taken, and then listens on none."""
        with contextlib.ExitStack() as taken:
            smtp_socket = taken.enter_context(_listening(host, smtp_port))
            http_socket = taken.enter_context(_listening(host, http_port))
            self._store = Store.open(self.folder, keep=self._keep)
            taken.pop_all()
        self.smtp_port = smtp_socket.getsockname()[1]
        self.http_port = http_socket.getsockname()[1]

        receiver = Receiver(self._store, self._refusal)
        self._sessions: weakref.WeakSet[SMTP] = weakref.WeakSet()

        def accept() -> SMTP:
            session = session_protocol(receiver)
            self._sessions.add(session)
            return session

        self._smtp = await asyncio.get_running_loop().create_server(accept, sock=smtp_socket)
        hosts = sorted(_LOOPBACK) if host in _LOOPBACK else ["*"]
        self._http = _Server(
            uvicorn.Config(
                SecureHeaders(pages(self._store, self._stopping, hosts)),
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=2,
            )
        )
        self._serving = asyncio.create_task(self._http.serve([http_socket]))

    async def stop(self) -> None:
        """Close both ports and all connections. What was answered with 250 is kept."""
        self._stopping.set()
        self._smtp.close()
        for session in self._sessions:
            if session.transport is not None:
                session.transport.close()
        self._http.should_exit = True
        await self._serving

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def smtp_url(self) -> str:
        return f"smtp://127.0.0.1:{self.smtp_port}"

    def messages(self, *, to: str = "", subject: str = "") -> list[Mail]:
        """Kept mails in the order of acceptance; the given parts must occur, in any case."""
        to, subject = to.casefold(), subject.casefold()
        return [
            mail
            for mail in self._store.all()
            if mail.sent_to(to) and subject in mail.subject.casefold()
        ]

    def source(self, mail_id: str) -> bytes:
        """Return the mail's bytes. Raises KeyError for an unknown id."""
        content = self._store.content(mail_id)
        if content is None:
            raise KeyError(mail_id)
        return content

    def parsed(self, mail_id: str) -> EmailMessage:
        """Return the mail as the standard library reads it. Raises KeyError for an unknown id."""
        return BytesParser(policy=default).parsebytes(self.source(mail_id))

    async def wait_for(
        self, count: int, *, to: str = "", subject: str = "", timeout_seconds: float = 30
    ) -> list[Mail]:
        """Return the matching mails once there are `count`. Raises TimeoutError."""
        async with asyncio.timeout(timeout_seconds):
            while len(found := self.messages(to=to, subject=subject)) < count:
                await self._store.changed()
        return found

    def clear(self) -> int:
        """Delete every mail, return how many there were."""
        return self._store.clear()


class _Server(uvicorn.Server):
    """Leaves the process's signals to whoever runs the mailbox."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main(host: str, smtp_port: int, http_port: int, data_dir: Path) -> None:
    """Run the mailbox until SIGINT or SIGTERM. Raises OSError when a port is taken."""
    # aiosmtpd tells every command it hears.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    uvloop.run(_run(host, smtp_port, http_port, data_dir))


async def _run(host: str, smtp_port: int, http_port: int, data_dir: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    mailbox = Mailbox(data_dir / "mailbox")
    await mailbox.start(host, smtp_port=smtp_port, http_port=http_port)
    await stop.wait()
    await mailbox.stop()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay off only where the protocol is named; with it on, a client
    # that pipelines waits 40 ms for each group of replies.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(256)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _refuse_nobody(recipient: str) -> str | None:
    del recipient
    return None
