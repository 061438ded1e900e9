"""What scheduler and workers do, by a clock that a test moves, and what a front end watches."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from random import Random
from typing import Any

from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport

from domain.activity.tokens import MessageTokens
from domain.base.ids import new_id
from domain.base.jobs import due_jobs, run_job
from domain.base.settings import Settings
from domain.delivery.composing import Composer
from domain.delivery.sending import drain
from domain.sequences.advancing import advance_all_due
from domain.sequences.enrollments import admit_all_signals
from server.mailbox import Mailbox
from tasks.jobs import RUNNERS
from tasks.smtp.account import smtp_account
from tasks.smtp.pool import SmtpPool

TRACKED = re.compile(r'https?://[^\s"<>]+/([oc])/[^\s"<>]+')


@dataclass
class Works:
    """The same functions as the actors run, in this process."""

    mailbox: Mailbox
    pool: SmtpPool
    composer: Composer
    journals: Path
    at: datetime
    random: Random = field(default_factory=lambda: Random(1))

    def clock(self) -> datetime:
        return self.at

    async def work(self, at: datetime) -> None:
        """Do all that is due at that time."""
        self.at = at
        for job_id in await due_jobs(RUNNERS, at):
            await run_job(job_id, RUNNERS, new_id(at), self.clock)
        await admit_all_signals(self.clock)
        await advance_all_due(self.clock, self.random)
        while await drain(self.pool, self.composer.prepare, self.journals, now=self.clock):
            pass

    def addressees(self) -> list[str]:
        """Of each mail that the mail server has taken, in order of the addresses."""
        return sorted(one for mail in self.mailbox.messages() for one in mail.recipients)

    def mail(self, to: str, subject: str) -> EmailMessage:
        """The one mail to somebody with these words in the subject; any defect raises."""
        (kept,) = self.mailbox.messages(to=to, subject=subject)
        source = self.mailbox.source(kept.id)
        return message_from_bytes(source, policy=policy.strict)


@asynccontextmanager
async def open_works(settings: Settings, folder: Path, at: datetime) -> AsyncIterator[Works]:
    mailbox = Mailbox(folder / "mailbox")
    await mailbox.start()
    pool = SmtpPool(smtp_account(mailbox.smtp_url))
    tokens = MessageTokens(settings.secret_key)
    composer = Composer(tokens, public_url=settings.public_url, mail_from=settings.mail_from)
    try:
        yield Works(mailbox, pool, composer, folder / "journal", at)
    finally:
        await pool.close()
        await mailbox.stop()


def part(mail: EmailMessage, kind: str) -> str:
    """The text of a mail's part `plain` or `html`."""
    body = mail.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content


def tracked(mail: EmailMessage) -> dict[str, list[str]]:
    """The addresses of the pixel (o) and of the links (c) in a mail's HTML."""
    found: dict[str, list[str]] = {"o": [], "c": []}
    for match in TRACKED.finditer(part(mail, "html")):
        found[match[1]].append(match[0])
    return found


class Screen:
    """A subscription over a WebSocket, as a front end shows it."""

    def __init__(self) -> None:
        self._last: Any = None
        self._changed = asyncio.Event()

    async def watch(self, address: str, token: str, query: str, variables: dict[str, Any]) -> None:
        transport = WebsocketsTransport(
            url=f"ws://{address}/graphql",
            subprotocols=["graphql-transport-ws"],
            init_payload={"authorization": f"Bearer {token}"},
        )
        request = gql(query)
        request.variable_values = variables
        async with Client(transport=transport) as session:
            async for result in session.subscribe(request):
                (self._last,) = result.values()
                self._changed.set()

    async def shows(self, expected: dict[str, Any]) -> None:
        """Wait until exactly this is shown; what is shown instead fails the test in the end."""
        try:
            async with asyncio.timeout(10):
                while self._last != expected:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            assert self._last == expected


@asynccontextmanager
async def screen(
    address: str, token: str, query: str, variables: dict[str, Any]
) -> AsyncIterator[Screen]:
    shown = Screen()
    watching = asyncio.create_task(shown.watch(address, token, query, variables))
    try:
        yield shown
    finally:
        watching.cancel()
        await asyncio.wait([watching])
