"""One SMTP connection that speaks a pipelined protocol of our own (RFC 5321, RFC 2920).

In steady state there is one write a message: its body, the final dot, and the next message's MAIL,
RCPT and DATA. A body goes out only after 354. Two messages are therefore under way at a time: the
one whose dot is out and whose verdict is awaited (`sealed`), and the one whose envelope is out
(`opened`).
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from domain.delivery.transport import Outcome, Outgoing, Verdict

_MAX_REPLY_BYTES = 32 * 1024
_KEPT_REPLY_CHARACTERS = 500
# Three times as quick as `in`.
_DOT_AFTER_LINE = re.compile(rb"\n\.")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_UNSAFE_ADDRESS = re.compile(r"[\x00-\x20\x7f<>]")
_AFTER_CODE = (b" ", b"-", b"")
_START_OF_BODY = 354
_SERVICE_CLOSING = 421


class Mode(IntEnum):
    """How much is sent before a reply is awaited."""

    SEQUENTIAL = 0
    GROUPED = 1
    PIPELINED = 2


class _Step(IntEnum):
    """What an awaited reply answers."""

    MAIL = 0
    RCPT = 1
    DATA = 2
    DOT = 3
    EMPTY_BODY = 4
    RSET = 5
    QUIT = 6


class Crew(Protocol):
    """Whoever holds the sessions and feeds them."""

    def take(self) -> Outgoing | None: ...

    def hand_over(self, outgoing: Outgoing) -> bool: ...

    def settle(self, outcome: Outcome) -> None: ...

    def give_back(self, outgoing: Outgoing, reason: str) -> None:
        """The message has certainly not left; another session may try it."""

    def session_ended(self, session: "Session") -> None: ...


class Session(asyncio.Protocol):
    """Drives one transport after EHLO, STARTTLS and AUTH.

    All work happens in `data_received`: no task and no future per message.
    """

    def __init__(
        self,
        crew: Crew,
        transport: asyncio.Transport,
        *,
        mode: Mode,
        has_smtputf8: bool,
        message_limit: int,
        now: Callable[[], float],
    ) -> None:
        self._crew = crew
        self._transport = transport
        self._mode = mode
        self._has_smtputf8 = has_smtputf8
        self._messages_left = message_limit
        self._now = now
        self._expected: deque[_Step] = deque()
        self._buffer = b""
        self._lines_before = b""
        self._sealed: Outgoing | None = None
        self._opened: Outgoing | None = None
        self._refusal: tuple[int, bytes] | None = None
        self.is_open = True
        self.awaits_since = now()
        """When the last reply came or the last command went out after silence."""
        self.has_begun = False
        self.has_verdict = False
        """Whether the server has judged a message here, be it by refusing it."""
        self.end_reason = ""

    @property
    def is_idle(self) -> bool:
        return self.is_open and not self._expected

    @property
    def awaits_acceptance(self) -> bool:
        return bool(self._expected) and self._expected[0] is _Step.DOT

    @property
    def awaits_reply(self) -> bool:
        return bool(self._expected)

    def start(self) -> bool:
        """Begin with the next message if idle; say whether one was begun."""
        if not self.is_idle:
            return False
        self._write(b"")
        return bool(self._expected)

    def quit(self) -> None:
        """Take leave; the server answers and closes. Only for an idle session."""
        self._expected.append(_Step.QUIT)
        self.awaits_since = self._now()
        self._transport.write(b"QUIT\r\n")

    def drop(self, reason: str) -> None:
        """Break off now: a message whose dot is out is in doubt, one before it is given back."""
        if not self.is_open:
            return
        self.is_open = False
        self.end_reason = reason
        self._transport.abort()
        self._expected.clear()
        sealed, self._sealed = self._sealed, None
        opened, self._opened = self._opened, None
        if sealed is not None:
            self._crew.settle(Outcome(sealed.message_id, Verdict.IN_DOUBT, 0, reason))
        if opened is not None:
            self._crew.give_back(opened, reason)
        self._crew.session_ended(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.drop(f"connection lost: {exc}" if exc else "the server closed the connection")

    def data_received(self, data: bytes) -> None:
        lines = (self._buffer + data).split(b"\n")
        self._buffer = lines.pop()
        for line in lines:
            if not self.is_open:
                return
            text = line.rstrip()
            if not text[:3].isdigit() or text[3:4] not in _AFTER_CODE:
                self.drop(f"not an SMTP reply: {_readable(text)}")
            elif text[3:4] == b"-":
                self._lines_before += text + b" "
            elif self._lines_before:
                text, self._lines_before = self._lines_before + text, b""
                self._reply(int(text[:3]), text)
            else:
                self._reply(int(text[:3]), text)
        if len(self._buffer) + len(self._lines_before) > _MAX_REPLY_BYTES:
            self.drop("the server's reply has no end")

    def _reply(self, code: int, text: bytes) -> None:
        if not self._expected:
            self.drop(_readable(text))
            return
        self.awaits_since = self._now()
        step = self._expected.popleft()
        if step is _Step.DOT:
            self._judge(code, text)
        elif step is _Step.QUIT:
            self.drop("took leave")
        elif code == _SERVICE_CLOSING or not 200 <= code < 600:  # noqa: PLR2004
            self.drop(_readable(text))
        elif step is _Step.DATA:
            self._answer_data(code, text)
        elif step is _Step.MAIL or step is _Step.RCPT:
            self._answer_envelope(step, code, text)
        elif step is _Step.RSET and code >= 400:  # noqa: PLR2004
            self.drop(_readable(text))
        if self.is_open and not self._expected:
            self._write(b"")

    def _judge(self, code: int, text: bytes) -> None:
        """The reply to a final dot."""
        sealed = self._sealed
        if sealed is None or not (200 <= code < 300 or 400 <= code < 600):  # noqa: PLR2004
            self.drop(_readable(text))
            return
        self._sealed = None
        self.has_verdict = True
        verdict = Verdict.ACCEPTED if code < 300 else Verdict.REFUSED  # noqa: PLR2004
        self._crew.settle(Outcome(sealed.message_id, verdict, code, _readable(text)))
        if code == _SERVICE_CLOSING:
            self.drop(_readable(text))

    def _answer_envelope(self, step: _Step, code: int, text: bytes) -> None:
        if 300 <= code < 400:  # noqa: PLR2004
            self.drop(_readable(text))
            return
        if code >= 400 and self._refusal is None:  # noqa: PLR2004
            self._refusal = (code, text)
        if self._mode is not Mode.SEQUENTIAL:
            return
        if self._refusal is not None:
            self._refuse()
            self._expected.append(_Step.RSET)
            self._transport.write(b"RSET\r\n")
        elif step is _Step.MAIL and self._opened is not None:
            self._expected.append(_Step.RCPT)
            self._transport.write(_rcpt(self._opened))
        else:
            self._expected.append(_Step.DATA)
            self._transport.write(b"DATA\r\n")

    def _answer_data(self, code: int, text: bytes) -> None:
        if code == _START_OF_BODY:
            if self._refusal is None:
                self._send_body()
            else:
                # The server opened a body for nobody: RFC 2920 has it closed by a lone dot.
                self._refuse()
                self._write(b".\r\n", _Step.EMPTY_BODY)
        elif code < 400:  # noqa: PLR2004
            self.drop(_readable(text))
        else:
            if self._refusal is None:
                self._refusal = (code, text)
            self._refuse()
            self._write(b"RSET\r\n", _Step.RSET)

    def _refuse(self) -> None:
        opened, refusal = self._opened, self._refusal
        self._opened, self._refusal = None, None
        self.has_verdict = True
        if opened is not None and refusal is not None:
            code, text = refusal
            self._crew.settle(Outcome(opened.message_id, Verdict.REFUSED, code, _readable(text)))

    def _send_body(self) -> None:
        opened = self._opened
        if opened is None or not self._crew.hand_over(opened):
            self.drop("too late to send")
            return
        self._sealed, self._opened = opened, None
        body = opened.body
        if opened.may_lead_with_dot and (body.startswith(b".") or _DOT_AFTER_LINE.search(body)):
            body = _LEADING_DOT.sub(b"..", body)
        end = b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n"
        self._write(body, _Step.DOT, end)

    def _write(self, head: bytes, step: _Step | None = None, end: bytes = b"") -> None:
        """Send what is due, and in the same write the next envelope where that is allowed."""
        idle_before = not self._expected
        tail = b""
        if step is not None:
            self._expected.append(step)
        if self._mode is Mode.PIPELINED or step is None or (step is _Step.RSET and self._mode):
            tail = self._envelope()
        if head or tail:
            if idle_before:
                self.awaits_since = self._now()
            self._transport.write(b"".join((head, end, tail)))
        elif not self._expected and self._messages_left <= 0:
            self.quit()

    def _envelope(self) -> bytes:
        """Open the next message that this server can be given; empty when there is none."""
        while self._messages_left > 0:
            outgoing = self._crew.take()
            if outgoing is None:
                return b""
            problem = self._problem(outgoing)
            if problem is not None:
                self._crew.settle(Outcome(outgoing.message_id, Verdict.REFUSED, *problem))
                continue
            self._messages_left -= 1
            self.has_begun = True
            self._opened = outgoing
            mail = f"MAIL FROM:<{outgoing.sender}>"
            if not (outgoing.recipient.isascii() and outgoing.sender.isascii()):
                mail += " SMTPUTF8"
            if self._mode is Mode.SEQUENTIAL:
                self._expected.append(_Step.MAIL)
                return mail.encode() + b"\r\n"
            self._expected.extend((_Step.MAIL, _Step.RCPT, _Step.DATA))
            return f"{mail}\r\nRCPT TO:<{outgoing.recipient}>\r\nDATA\r\n".encode()
        return b""

    def _problem(self, outgoing: Outgoing) -> tuple[int, str] | None:
        addresses = outgoing.sender + outgoing.recipient
        if _UNSAFE_ADDRESS.search(addresses) or not outgoing.recipient:
            return 553, "553 5.1.3 not an address that can be written in SMTP"
        if not self._has_smtputf8 and not addresses.isascii():
            return 553, "553 5.6.7 the server takes no addresses outside ASCII (SMTPUTF8)"
        return None


def _rcpt(outgoing: Outgoing) -> bytes:
    return f"RCPT TO:<{outgoing.recipient}>\r\n".encode()


def _readable(text: bytes) -> str:
    """A reply as text that Postgres can keep: no NUL, no control characters, bounded."""
    shown = text.decode("utf-8", "replace")
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else " " for c in shown).strip()
    return shown[:_KEPT_REPLY_CHARACTERS]
