"""Clients of the mailbox, and mails for it."""

import asyncio
import smtplib
from email.message import EmailMessage
from pathlib import Path

from server.mailbox import Mailbox

ENVELOPE = b"MAIL FROM:<bounce@shop.test>\r\nRCPT TO:<ann@example.com>\r\nDATA\r\n"


class Talk:
    """A raw SMTP conversation, so that a test decides what goes out in one write."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def reply(self) -> list[str]:
        lines = []
        while True:
            line = (await self.reader.readline()).decode().rstrip("\r\n")
            lines.append(line)
            if line[3:4] != "-":
                return lines

    async def codes(self, count: int) -> list[str]:
        return [(await self.reply())[-1][:3] for _ in range(count)]

    def write(self, data: bytes) -> None:
        self.writer.write(data)


async def first_connection(port: int) -> Talk:
    """Connect as soon as the port listens. Raises TimeoutError."""
    async with asyncio.timeout(30):
        while True:
            try:
                return Talk(*await asyncio.open_connection("127.0.0.1", port))
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)


def mail(
    subject: str = "Hello", to: str = "ann@example.com", html: str | None = None
) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "The Shop <shop@shop.test>"
    message["To"] = to
    message.set_content("Good morning\n")
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def deliver(mailbox: Mailbox, *messages: EmailMessage) -> None:
    def send() -> None:
        with smtplib.SMTP("127.0.0.1", mailbox.smtp_port) as client:
            for message in messages:
                client.send_message(message)

    await asyncio.to_thread(send)
