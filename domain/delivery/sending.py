"""Draining the queue: claiming, sending and recording side by side, on different batches."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from domain.base import clock
from domain.base.database import in_fresh_task
from domain.base.errors import DomainError
from domain.base.ids import new_id
from domain.delivery.claim import BATCH, LEASE_SECONDS, Claimed, claim_batch
from domain.delivery.journal import Journal, Step
from domain.delivery.outcomes import Settled, record_outcomes, settle, unrenderable, untried
from domain.delivery.recovery import recover_journals
from domain.delivery.transport import (
    Outcome,
    Outgoing,
    Sender,
    TransportUnavailableError,
    Verdict,
)

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Compose = Callable[[Claimed], Outgoing]
Prepare = Callable[[Sequence[Claimed]], Awaitable[Compose]]
"""Loads what a batch needs once, and returns what makes each message's mail without waiting."""

# From its claim a message may be handed over for this long; the rest of the lease is for the
# server's answer and for writing it down.
HAND_OVER_SECONDS: Final = LEASE_SECONDS / 2
# A claim takes Postgres as long as it takes to send some hundred messages.
CLAIM_BELOW: Final = BATCH
COMPOSED_AT_ONCE: Final = 16
STRAGGLING_SECONDS: Final = 5.0
MOST_UNRECORDED: Final = 10 * BATCH
RECORD_ATTEMPTS: Final = 6


@dataclass(slots=True)
class _Ready:
    claimed: Claimed
    compose: Compose
    hand_over_until: float


class Dispatch:
    """The outbox of one drain: messages between their claim and the record of what came of them."""

    def __init__(
        self,
        journal: Journal,
        *,
        now: Clock,
        monotonic: Callable[[], float],
        chance: random.Random,
    ) -> None:
        self._journal = journal
        self._now = now
        self._monotonic = monotonic
        self._chance = chance
        self._ready: deque[_Ready] = deque()
        self._composed: deque[tuple[_Ready, Outgoing]] = deque()
        self._under_way: dict[UUID, _Ready] = {}
        self._settled: list[Settled] = []
        self.moved = asyncio.Event()
        """Set when it is time to claim or to record."""
        self.is_stalled = False

    def add(self, batch: Sequence[Claimed], compose: Compose, hand_over_until: float) -> None:
        self._ready.extend(_Ready(claimed, compose, hand_over_until) for claimed in batch)

    def is_low(self) -> bool:
        """Whether it is time to claim the next batch."""
        return len(self._ready) <= CLAIM_BELOW

    def has_straggler(self) -> bool:
        """Whether a message has been on its way for long; others need not wait for its server."""
        oldest = next(iter(self._under_way.values()), None)
        since = self._monotonic() - STRAGGLING_SECONDS
        return oldest is not None and oldest.hand_over_until < since + HAND_OVER_SECONDS

    def unsettled(self) -> int:
        return self.waiting() + len(self._under_way)

    def unrecorded(self) -> int:
        return len(self._settled)

    def collect(self) -> list[Settled]:
        """What has been settled since the last call."""
        settled, self._settled = self._settled, []
        return settled

    def give_back(self) -> None:
        """Put what has not been taken back into the queue."""
        now = self._now()
        while self._composed:
            self._note(untried(self._composed.popleft()[0].claimed, now))
        while self._ready:
            self._note(untried(self._ready.popleft().claimed, now))

    # What the transport calls.

    def take(self) -> Outgoing | None:
        while self._ready and not self._composed:
            self._compose_some()
        if not self._composed:
            return None
        ready, outgoing = self._composed.popleft()
        self._under_way[outgoing.message_id] = ready
        return outgoing

    def waiting(self) -> int:
        return len(self._composed) + len(self._ready)

    def hand_over(self, outgoing: Outgoing) -> bool:
        ready = self._under_way[outgoing.message_id]
        if self._monotonic() > ready.hand_over_until:
            return False
        try:
            self._journal.write(outgoing.message_id, Step.HANDED_OVER)
        except OSError:
            # What cannot be noted must not be sent: a crash could then send it twice.
            logger.exception("the delivery journal cannot be written")
            return False
        return True

    def settle(self, outcome: Outcome) -> None:
        ready = self._under_way.pop(outcome.message_id)
        if outcome.verdict is not Verdict.IN_DOUBT:
            step = Step.ACCEPTED if outcome.verdict is Verdict.ACCEPTED else Step.NOT_TAKEN
            try:
                self._journal.write(outcome.message_id, step)
            except OSError:
                # The outcome is known and will be recorded; only a crash before that would ask.
                logger.exception("the delivery journal cannot be written")
        self._note(settle(ready.claimed, outcome, self._now(), self._chance))

    def stall(self, reason: str) -> None:
        logger.info("%d messages go back to the queue: %s", self.waiting(), reason)
        self.is_stalled = True
        self.give_back()
        self.moved.set()

    def _compose_some(self) -> None:
        """Compose a few in a row, while the processor has the renderer at hand."""
        was_low = self.is_low()
        at = self._monotonic()
        for _ in range(min(COMPOSED_AT_ONCE, len(self._ready))):
            ready = self._ready.popleft()
            if at > ready.hand_over_until:
                # The server is so slow that the lease is half over: anybody may claim it anew.
                self._note(untried(ready.claimed, self._now()))
                continue
            outgoing = self._compose(ready)
            if outgoing is not None:
                self._composed.append((ready, outgoing))
        if self.is_low() and not was_low:
            self.moved.set()

    def _compose(self, ready: _Ready) -> Outgoing | None:
        claimed = ready.claimed
        try:
            return ready.compose(claimed)
        except DomainError as error:
            self._note(unrenderable(claimed, error.message))
        except Exception:
            # A fault of ours: the message waits for a version that has it mended.
            logger.exception("message %s cannot be composed", claimed.message_id)
            outcome = Outcome(claimed.message_id, Verdict.NOT_HANDED_OVER, 0, "internal error")
            self._note(settle(claimed, outcome, self._now(), self._chance))
        return None

    def _note(self, settled: Settled) -> None:
        self._settled.append(settled)
        if len(self._settled) >= BATCH or not self.unsettled():
            self.moved.set()


async def drain(
    sender: Sender,
    prepare: Prepare,
    journal_folder: Path,
    *,
    now: Clock = clock.now,
    seconds: float = 20.0,
    should_stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Send what is due for about `seconds`; True when there may be more.

    It goes on past that while a slow server keeps it from ending, so that others are not kept too.
    Before that, settles what dead senders of this machine left. When no server can be reached
    nothing is claimed. Every message it claimed is settled and recorded when it returns; when it
    raises, or is cancelled, the journal stays and the next drain reads it.
    """
    await in_fresh_task(lambda: recover_journals(journal_folder, now()))
    try:
        await sender.connect()
    except TransportUnavailableError as error:
        logger.debug("nothing is claimed: %s", error)
        return False
    owner = new_id(now())
    journal = Journal(journal_folder, owner)
    is_settled = False
    try:
        run = _Drain(sender, prepare, journal, owner, now, seconds, should_stop)
        has_more = await run.run()
        is_settled = True
    finally:
        journal.close(is_settled=is_settled)
    return has_more


class _Drain:
    """One run: keeps a claim, the sending and a record going side by side."""

    def __init__(
        self,
        sender: Sender,
        prepare: Prepare,
        journal: Journal,
        owner: UUID,
        now: Clock,
        seconds: float,
        should_stop: Callable[[], bool],
    ) -> None:
        self._monotonic = asyncio.get_running_loop().time
        self._sender = sender
        self._prepare = prepare
        self._owner = owner
        self._now = now
        self._ends_at = self._monotonic() + seconds
        self._should_stop = should_stop
        self._dispatch = Dispatch(
            journal,
            now=now,
            monotonic=self._monotonic,
            chance=random.Random(),  # noqa: S311  jitter
        )
        self._is_empty = False
        self._failure: BaseException | None = None
        self._claiming: asyncio.Task[None] | None = None
        self._recording: asyncio.Task[None] | None = None

    async def run(self) -> bool:
        self._sender.serve(self._dispatch)
        while True:
            self._dispatch.moved.clear()
            self._begin_claim()
            self._begin_record()
            busy = [task for task in (self._claiming, self._recording) if task is not None]
            if not busy and not self._dispatch.unsettled():
                break
            await self._wait(busy)
        if self._failure is not None:
            raise self._failure
        return not self._is_empty and not self._dispatch.is_stalled

    def _begin_claim(self) -> None:
        must_stop = self._should_stop() or self._failure is not None
        if must_stop:
            self._dispatch.give_back()
        is_over = must_stop or self._is_empty or self._dispatch.is_stalled
        is_low = self._dispatch.is_low()
        has_room = self._dispatch.unrecorded() < MOST_UNRECORDED
        has_time = self._monotonic() < self._ends_at or self._dispatch.has_straggler()
        if self._claiming is None and is_low and has_room and has_time and not is_over:
            self._claiming = asyncio.create_task(self._claim())

    def _begin_record(self) -> None:
        unrecorded = self._dispatch.unrecorded()
        is_last = self._claiming is None and not self._dispatch.unsettled()
        if self._recording is None and (unrecorded >= BATCH or (unrecorded and is_last)):
            settled = self._dispatch.collect()
            self._recording = asyncio.create_task(self._record(settled))

    async def _wait(self, busy: "list[asyncio.Task[None]]") -> None:
        moved = asyncio.create_task(self._dispatch.moved.wait())
        try:
            # Now and then it looks whether it must stop, though nothing has moved.
            await asyncio.wait([*busy, moved], timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
        finally:
            moved.cancel()
        for task in busy:
            if task.done():
                # The rest is brought to its end first; the journal stays for what is missing.
                self._failure = self._failure or task.exception()
        if self._claiming is not None and self._claiming.done():
            self._claiming = None
        if self._recording is not None and self._recording.done():
            self._recording = None

    async def _claim(self) -> None:
        until = self._monotonic() + HAND_OVER_SECONDS
        batch = await claim_batch(self._now(), self._owner)
        if batch is None:
            self._is_empty = True
        elif batch:
            compose = await self._prepare(batch)
            self._dispatch.add(batch, compose, until)
            if self._dispatch.is_stalled:
                self._dispatch.give_back()
            else:
                self._sender.wake()

    async def _record(self, settled: Sequence[Settled]) -> None:
        now = self._now()
        for attempt in range(1, RECORD_ATTEMPTS + 1):
            try:
                await in_fresh_task(lambda: record_outcomes(settled, self._owner, now))
            except Exception:
                if attempt == RECORD_ATTEMPTS:
                    raise
                # Mail is out and must be written down; a restart of Postgres takes a few seconds.
                logger.warning("outcomes are not recorded yet, attempt %d", attempt, exc_info=True)
                await asyncio.sleep(0.1 * 2**attempt)
            else:
                return


__all__ = ["Compose", "Dispatch", "Prepare", "drain"]
