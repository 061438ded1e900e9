"""An outbox in memory."""

import asyncio
from collections import deque
from uuid import UUID

from domain.delivery.transport import Outcome, Outgoing, Sender, Verdict

BODY = b"Subject: Hello\r\nFrom: a@example.com\r\n\r\nGood morning.\r\n"


def outgoing(number: int, recipient: str = "", body: bytes = BODY) -> Outgoing:
    return Outgoing(
        UUID(int=number), "sender@example.com", recipient or f"r{number}@example.com", body
    )


class MemoryOutbox:
    """Holds messages, and the first outcome of each; a second one is a failure."""

    def __init__(self, messages: list[Outgoing]) -> None:
        self.queue = deque(messages)
        self.expected = len(messages)
        self.outcomes: dict[int, Outcome] = {}
        self.handed_over: list[int] = []
        self.stalled: list[str] = []
        self.all_settled = asyncio.Event()

    def take(self) -> Outgoing | None:
        return self.queue.popleft() if self.queue else None

    def waiting(self) -> int:
        return len(self.queue)

    def hand_over(self, outgoing: Outgoing) -> bool:
        self.handed_over.append(outgoing.message_id.int)
        return True

    def settle(self, outcome: Outcome) -> None:
        number = outcome.message_id.int
        assert number not in self.outcomes, "settled twice"
        self.outcomes[number] = outcome
        if len(self.outcomes) == self.expected:
            self.all_settled.set()

    def stall(self, reason: str) -> None:
        self.stalled.append(reason)
        while self.queue:
            message = self.queue.popleft()
            self.settle(Outcome(message.message_id, Verdict.NOT_HANDED_OVER, 0, reason))

    async def send_with(self, sender: Sender) -> dict[int, Outcome]:
        """Send all and return the outcomes by number."""
        sender.serve(self)
        await sender.connect()
        sender.wake()
        await asyncio.wait_for(self.all_settled.wait(), 30)
        return self.outcomes
