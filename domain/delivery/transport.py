"""The seam between delivery, which decides, and what carries mail away, which only sends."""

from enum import Enum
from typing import NamedTuple, Protocol
from uuid import UUID


class Outgoing(NamedTuple):
    """A message ready for the wire. `body` is complete: CRLF line ends, not yet dot-stuffed.

    `may_lead_with_dot` is False when whoever built the body knows that no line of it begins with a
    dot, which spares looking for one.
    """

    message_id: UUID
    sender: str
    recipient: str
    body: bytes
    may_lead_with_dot: bool = True


class Verdict(Enum):
    """What is known of one attempt. Only IN_DOUBT may have been delivered without our knowing."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_HANDED_OVER = "not_handed_over"
    IN_DOUBT = "in_doubt"


class Outcome(NamedTuple):
    """`code` is the server's, or 0 when it gave none and `reply` is our own account of it."""

    message_id: UUID
    verdict: Verdict
    code: int
    reply: str


class TransportUnavailableError(Exception):
    """No connection to the mail server can be had now; nothing was handed over."""


class Outbox(Protocol):
    """Where a transport takes messages from and says what became of them.

    Every message taken is settled exactly once. None of the methods blocks or raises.
    """

    def take(self) -> Outgoing | None:
        """The next message, or None when none is ready."""

    def waiting(self) -> int:
        """How many messages could be taken now."""

    def hand_over(self, outgoing: Outgoing) -> bool:
        """Asked right before the body goes out. False: it must not go out any more."""

    def settle(self, outcome: Outcome) -> None:
        """The end of the attempt."""

    def stall(self, reason: str) -> None:
        """No message can be taken until further notice, for this reason."""


class Sender(Protocol):
    """A transport with kept-open connections."""

    async def connect(self) -> None:
        """Have at least one connection open, or raise TransportUnavailableError."""

    def serve(self, outbox: Outbox) -> None:
        """Take messages from this outbox from now on."""

    def wake(self) -> None:
        """Say that the outbox has messages to take."""

    async def close(self) -> None:
        """Take leave of the server on all connections."""
