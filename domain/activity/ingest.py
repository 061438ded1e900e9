"""Group commit of tracking hits: many requests, one transaction, each answered after the commit."""

import asyncio
import logging
from collections import deque
from datetime import datetime
from typing import Final

from domain.activity.hits import Hit, HitMessage, record_hits
from domain.base import clock
from domain.base.database import in_fresh_task

logger = logging.getLogger(__name__)

QUEUE_LIMIT: Final = 10_000
BATCH_LIMIT: Final = 500
WRITE_TIMEOUT_SECONDS: Final = 10.0
_ATTEMPTS: Final = 2


class IngestUnavailableError(Exception):
    """The hit is not recorded: too many are waiting, or Postgres does not take them."""


class HitIngest:
    """One a process: `start` it in the process's event loop and `stop` it at the end.

    A batch is whatever has come while the one before was being written, so that a lone hit waits
    for nobody and a storm is written hundreds at a time.
    """

    def __init__(self, *, queue_limit: int = QUEUE_LIMIT, batch_limit: int = BATCH_LIMIT) -> None:
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._waiting: deque[tuple[Hit, asyncio.Future[HitMessage | None]]] = deque()
        self._arrived = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many hits are not being written yet."""
        return len(self._waiting)

    async def start(self) -> None:
        self._writer = asyncio.create_task(self._write(), name="activity.ingest")

    async def stop(self) -> None:
        """Write what is waiting, then end."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        self._arrived.set()
        await writer

    async def record(self, hit: Hit) -> HitMessage | None:
        """Return once the hit is committed: its message, or None as `record_hits` says.

        Raises IngestUnavailableError, and the hit is not recorded as far as is known.
        """
        if self._writer is None or len(self._waiting) >= self._queue_limit:
            raise IngestUnavailableError("too many hits are waiting to be written")
        answer: asyncio.Future[HitMessage | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((hit, answer))
        self._arrived.set()
        return await answer

    async def _write(self) -> None:
        while self._writer is not None or self._waiting:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                size = min(len(self._waiting), self._batch_limit)
                batch = [self._waiting.popleft() for _ in range(size)]
                await self._write_batch(batch)

    async def _write_batch(
        self, batch: list[tuple[Hit, asyncio.Future[HitMessage | None]]]
    ) -> None:
        try:
            found = await _record([hit for hit, _ in batch], clock.now())
        except Exception:
            logger.exception("%d tracking hits could not be written", len(batch))
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(IngestUnavailableError("the hit could not be written"))
            return
        for (_, answer), message in zip(batch, found, strict=True):
            # A request that was given up has cancelled its answer; its hit is recorded anyhow.
            if not answer.done():
                answer.set_result(message)


async def _record(hits: list[Hit], now: datetime) -> list[HitMessage | None]:
    """Write, and once more if that fails: a repeat of what was committed after all does nothing."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
                return await in_fresh_task(lambda: record_hits(hits, now))
        except Exception:
            if attempt == _ATTEMPTS:
                raise
            logger.warning("writing tracking hits again after a failure", exc_info=True)
    raise AssertionError
