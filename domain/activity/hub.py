"""Live values for any number of watchers from one Redis subscription and one read a tick.

Redis only says what has moved; the values are always Postgres's. Every watched thing is read again
two seconds after its last read at the latest, so that a lost word delays a value and no more.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from uuid import UUID

from redis.exceptions import RedisError

from domain.activity.live import CHANNEL_PREFIX, job_channel, sequence_channel
from domain.activity.rollups import SendStats, read_stats
from domain.base.database import Record, fetch, in_fresh_task
from domain.base.errors import NotFoundError
from domain.base.redis import redis_client

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.25
POLL_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = 1.0
# Between two rounds others have their turn, however long it took to serve all watchers.
_PAUSE_SECONDS: Final = 0.05

T = TypeVar("T")
Key = tuple[UUID, UUID]
"""Workspace and thing."""
Read = Callable[[Sequence[Key]], Awaitable[dict[Key, T]]]


@dataclass(slots=True, eq=False)
class _Slot(Generic[T]):
    """What one watcher has not yet taken: the newest value only, however slow the watcher."""

    filled: asyncio.Event = field(default_factory=asyncio.Event)
    is_first: bool = True
    is_over: bool = False
    value: T | None = None

    def put(self, value: T | None) -> None:
        if self.is_first or value != self.value:
            self.is_first, self.value = False, value
            self.filled.set()

    def end(self) -> None:
        self.is_over = True
        self.filled.set()


@dataclass(slots=True)
class _Topic(Generic[T]):
    slots: set[_Slot[T]] = field(default_factory=set)
    has_moved: bool = True
    read_at: float = 0.0


class _Board(Generic[T]):
    """The watched things of one kind."""

    def __init__(self, noun: str, channel: Callable[[UUID], str], read: Read[T]) -> None:
        self._noun = noun
        self._channel = channel
        self._read = read
        self._topics: dict[Key, _Topic[T]] = {}
        self._keys_by_channel: dict[str, set[Key]] = {}
        self.read_at = 0.0

    def __bool__(self) -> bool:
        return bool(self._topics)

    def add(self, key: Key) -> _Slot[T]:
        topic = self._topics.setdefault(key, _Topic())
        self._keys_by_channel.setdefault(self._channel(key[1]), set()).add(key)
        slot: _Slot[T] = _Slot()
        topic.slots.add(slot)
        topic.has_moved = True
        return slot

    def remove(self, key: Key, slot: _Slot[T]) -> None:
        slots = self._topics[key].slots
        slots.discard(slot)
        if not slots:
            del self._topics[key]
            channel = self._channel(key[1])
            self._keys_by_channel[channel].discard(key)
            if not self._keys_by_channel[channel]:
                del self._keys_by_channel[channel]

    def mark(self, channel: str) -> bool:
        """Note that a thing has moved; whether anyone watches it."""
        keys = self._keys_by_channel.get(channel, ())
        for key in keys:
            self._topics[key].has_moved = True
        return bool(keys)

    def mark_all(self) -> None:
        for topic in self._topics.values():
            topic.has_moved = True

    async def refresh(self, now: float) -> None:
        """Read what has moved or is old, all in one read, and fill its watchers' slots.

        Between two things others have a turn, as each may have a thousand watchers.
        """
        due = [
            key
            for key, topic in self._topics.items()
            if topic.has_moved or topic.read_at + POLL_SECONDS <= now
        ]
        if not due:
            return
        for key in due:
            # Cleared before the read: what moves from here on is read again.
            self._topics[key].has_moved = False
        try:
            found = await self._read(due)
        except BaseException:
            for key in due:
                if key in self._topics:
                    self._topics[key].has_moved = True
            raise
        self.read_at = time.monotonic()
        for key in due:
            topic = self._topics.get(key)
            if topic is not None:
                topic.read_at = now
                for slot in topic.slots:
                    slot.put(found.get(key))
                await asyncio.sleep(0)

    def end(self) -> None:
        for topic in self._topics.values():
            for slot in topic.slots:
                slot.end()

    async def watch(self, key: Key, wake: Callable[[], None]) -> AsyncGenerator[T, None]:
        slot = self.add(key)
        wake()
        is_known = False
        try:
            while True:
                await slot.filled.wait()
                slot.filled.clear()
                if slot.is_over:
                    return
                if slot.value is None:
                    if is_known:
                        return
                    raise NotFoundError(f"There is no such {self._noun}.", field=f"{self._noun}Id")
                is_known = True
                yield slot.value
        finally:
            self.remove(key, slot)


async def read_sequences(wanted: Sequence[Key]) -> dict[Key, SendStats]:
    """Statistics for pairs of workspace and sequence, in one read."""
    found = await read_stats(wanted)
    return {(stats.workspace_id, stats.sequence_id): stats for stats in found.values()}


async def read_jobs(wanted: Sequence[Key]) -> dict[Key, Record]:
    """Rows of `job` for pairs of workspace and job, in one read."""
    rows = await fetch(
        """SELECT job.* FROM unnest($1::uuid[], $2::uuid[]) AS wanted (workspace_id, job_id)
           JOIN job ON job.id = wanted.job_id AND job.workspace_id = wanted.workspace_id""",
        [workspace for workspace, _ in wanted],
        [job for _, job in wanted],
    )
    return {(row["workspace_id"], row["id"]): row for row in rows}


class LiveHub:
    """One a process: `start` it in the process's event loop and `stop` it at the end."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._stats = _Board("sequence", sequence_channel, read_sequences)
        self._jobs = _Board("job", job_channel, read_jobs)
        self._moved = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._listen(), name="live.listen"),
            asyncio.create_task(self._tick(), name="live.tick"),
        ]

    async def stop(self) -> None:
        """End every watch and the subscription."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._stats.end()
        self._jobs.end()

    def watch_stats(self, workspace_id: UUID, sequence_id: UUID) -> AsyncGenerator[SendStats, None]:
        """The sequence's numbers now and after each change, at most four a second.

        Raises NotFoundError when the workspace has no such sequence; ends when it is deleted.
        """
        return self._stats.watch((workspace_id, sequence_id), self._moved.set)

    def watch_job(self, workspace_id: UUID, job_id: UUID) -> AsyncGenerator[Record, None]:
        """The row of the job now and after each change, at most four a second.

        Raises NotFoundError when the workspace has no such job. Ends when the watcher leaves off.
        """
        return self._jobs.watch((workspace_id, job_id), self._moved.set)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            is_watched = bool(self._stats) or bool(self._jobs)
            try:
                async with asyncio.timeout(POLL_SECONDS if is_watched else None):
                    await self._moved.wait()
            except TimeoutError:
                pass
            self._moved.clear()
            try:
                await in_fresh_task(lambda: self._refresh(loop.time()))
            except Exception:
                logger.exception("live values could not be read; trying again")
                self._moved.set()
                await asyncio.sleep(_RETRY_SECONDS)
            # From the end of one read to the next, so that no watcher sees two values sooner.
            next_at = max(self._stats.read_at, self._jobs.read_at) + TICK_SECONDS
            await asyncio.sleep(max(next_at - time.monotonic(), _PAUSE_SECONDS))

    async def _refresh(self, now: float) -> None:
        await self._stats.refresh(now)
        await self._jobs.refresh(now)

    async def _listen(self) -> None:
        """Hold the one subscription, and take it up again whenever it is lost."""
        is_lost = False
        while True:
            try:
                async with redis_client(self._redis_url, None) as redis, redis.pubsub() as pubsub:
                    await pubsub.psubscribe(f"{CHANNEL_PREFIX}*")
                    async for message in pubsub.listen():
                        if message["type"] == "psubscribe":
                            if is_lost:
                                logger.warning("Redis is back: live values are prompt again")
                            is_lost = False
                            # Words spoken while we did not listen are made up for.
                            self._stats.mark_all()
                            self._jobs.mark_all()
                            self._moved.set()
                        elif message["type"] == "pmessage":
                            channel = message["channel"].decode()
                            if self._stats.mark(channel) or self._jobs.mark(channel):
                                self._moved.set()
            except (RedisError, OSError) as error:
                if not is_lost:
                    logger.warning("Redis is away, live values come every 2 s: %s", error)
                is_lost = True
            await asyncio.sleep(_RETRY_SECONDS)
