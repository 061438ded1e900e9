"""A Sender without a network: it judges each message by its recipient."""

import asyncio
from collections.abc import Callable

from domain.delivery.transport import (
    Outbox,
    Outcome,
    Outgoing,
    TransportUnavailableError,
    Verdict,
)

Judge = Callable[[Outgoing], tuple[Verdict, int, str]]


def accept(_: Outgoing) -> tuple[Verdict, int, str]:
    return Verdict.ACCEPTED, 250, "250 ok"


class MemorySender:
    """Sends one message per turn of the loop; `sent` lists those it handed over."""

    def __init__(self, judge: Judge = accept, *, is_reachable: bool = True) -> None:
        self._judge = judge
        self._is_reachable = is_reachable
        self._outbox: Outbox | None = None
        self._task: asyncio.Task[None] | None = None
        self.sent: list[Outgoing] = []
        self.stalls_after: int | None = None

    async def connect(self) -> None:
        if not self._is_reachable:
            raise TransportUnavailableError("nobody there")

    def serve(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def wake(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._send())

    async def close(self) -> None:
        if self._task is not None:
            await self._task

    async def _send(self) -> None:
        assert self._outbox is not None
        while (outgoing := self._outbox.take()) is not None:
            await asyncio.sleep(0)
            verdict, code, reply = self._judge(outgoing)
            if verdict is not Verdict.NOT_HANDED_OVER:
                assert self._outbox.hand_over(outgoing)
                self.sent.append(outgoing)
            self._outbox.settle(Outcome(outgoing.message_id, verdict, code, reply))
            if len(self.sent) == self.stalls_after:
                self._outbox.stall("the server has gone away")
