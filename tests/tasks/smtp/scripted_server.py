"""An SMTP peer that answers as it is told, to try what no well-behaved server does."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

DROP = b"<drop>"
HANG = b"<hang>"

USUAL = {
    "EHLO": b"250-odd.example\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 go ahead\r\n",
    "DOT": b"250 2.0.0 taken\r\n",
    "RSET": b"250 2.0.0 flushed\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
}

Script = Callable[[str, str], bytes | None]
"""From the verb (or BANNER, DOT) and the current recipient to the answer; None for the usual."""


def usual(_verb: str, _recipient: str) -> bytes | None:
    return None


@dataclass
class Received:
    sender: str
    recipient: str
    body: bytes


@dataclass
class ScriptedServer:
    """Records every message whose final dot arrived, whatever was answered to it."""

    script: Script = usual
    received: list[Received] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    """The verbs of each connection, in order."""
    largest_group: int = 0
    """Most commands that arrived in one read."""
    server: asyncio.Server | None = None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.server.wait_closed()

    def hang_up(self) -> None:
        """Close every connection without a word."""
        for task in self.tasks:
            task.cancel()

    @property
    def port(self) -> int:
        assert self.server is not None
        port = self.server.sockets[0].getsockname()[1]
        assert isinstance(port, int)
        return port

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            await self._converse(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            self.tasks.discard(task)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verbs: list[str] = []
        self.commands.append(verbs)
        sender = recipient = ""
        banner = self.script("BANNER", "")
        if not await self._answer(writer, b"220 odd.example\r\n" if banner is None else banner):
            return
        while line := await reader.readline():
            text = line.decode("utf-8").rstrip("\r\n")
            verb = text[:4].upper()
            verbs.append(verb)
            pending = bytes(reader._buffer)  # type: ignore[attr-defined]
            self.largest_group = max(self.largest_group, 1 + pending.count(b"\n"))
            if verb == "MAIL":
                sender = text[text.index("<") + 1 : text.index(">")]
            if verb == "RCPT":
                recipient = text[text.index("<") + 1 : text.index(">")]
            answer = self.script(verb, recipient)
            answer = USUAL.get(verb, b"500 what?\r\n") if answer is None else answer
            if not await self._answer(writer, answer):
                return
            if verb == "DATA" and answer.startswith(b"354"):
                body = b""
                while not (body.endswith(b"\r\n.\r\n") or body == b".\r\n"):
                    body += await reader.readuntil(b"\r\n")
                verbs.append("DOT")
                self.received.append(Received(sender, recipient, body.removesuffix(b".\r\n")))
                answer = self.script("DOT", recipient)
                if not await self._answer(writer, USUAL["DOT"] if answer is None else answer):
                    return
            if verb == "QUIT":
                return

    async def _answer(self, writer: asyncio.StreamWriter, answer: bytes) -> bool:
        if answer == HANG:
            await asyncio.Event().wait()
        if answer.endswith(DROP):
            writer.write(answer.removesuffix(DROP))
            await writer.drain()
            return False
        writer.write(answer)
        await writer.drain()
        return True
