"""The Redis of cached reads: entries that end by themselves, and the versions of their topics."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, TypeVar, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.base.redis import PAUSE_SECONDS, TIMEOUT_SECONDS, redis_client

logger = logging.getLogger(__name__)

VERSION_SECONDS: Final = 86_400

# The version and, of each key, its entry and what is left of its life: all of one moment. One
# command, because a client's commands cost more than the server's.
_SEE: Final = """
redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[2], 'NX')
local found = {redis.call('get', KEYS[1])}
for i = 2, #KEYS do
  found[#found + 1] = redis.call('get', KEYS[i])
  found[#found + 1] = redis.call('pttl', KEYS[i])
end
return found
"""

T = TypeVar("T")
Command = tuple[str | bytes | int, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """`age_seconds` is since its load began, told too low by at most a command's time."""

    version: str
    value: Any
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Seen:
    """The topic's version, and what there is of each key."""

    version: str
    entries: Sequence[Entry | None]


class Cache:
    """One a process and event loop: its Redis, and the loads under way.

    Nothing loaded before `distrusted_until` is shown; `changed_at` is when this process last said
    that something changed. Both are times of `monotonic`.
    """

    def __init__(self, redis_url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._redis = redis_client(redis_url, timeout_seconds)
        self._timeout_seconds = timeout_seconds
        self._silent_until = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()
        self.changed_at = 0.0
        self.distrusted_until = 0.0

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    async def change(self, version_key: str) -> None:
        """Give a topic a new version; when Redis does not take it, distrust what it holds."""
        self.changed_at = monotonic()
        given = await self.run([("SET", version_key, draw(), "EX", VERSION_SECONDS)])
        if given is None:
            self.distrusted_until = monotonic() + self._timeout_seconds

    async def see(self, version_key: str, keys: Sequence[str], keep_ms: int) -> Seen | None:
        """One round trip; None when Redis is away."""
        asked_at = monotonic()
        given = await self._try(
            lambda redis: cast(
                "Awaitable[object]",
                redis.eval(_SEE, 1 + len(keys), version_key, *keys, draw(), str(VERSION_SECONDS)),
            )
        )
        if given is None:
            return None
        entries: list[Entry | None] = []
        for at in range(1, len(given), 2):
            left_ms = cast("int", given[at + 1])
            age_seconds = (keep_ms - left_ms) / 1000
            is_trusted = left_ms > 0 and asked_at - age_seconds > self.distrusted_until
            entries.append(_read_entry(given[at], age_seconds) if is_trusted else None)
        return Seen(cast("bytes", given[0]).decode(), entries)

    async def run(self, commands: Sequence[Command]) -> list[object] | None:
        """The answers, all of one moment; None when Redis is away."""

        async def execute(redis: Redis) -> object:
            async with redis.pipeline(transaction=True) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                return await pipe.execute()

        return await self._try(execute)

    async def _try(self, ask: Callable[[Redis], Awaitable[object]]) -> list[object] | None:
        if monotonic() < self._silent_until:
            return None
        try:
            return cast("list[object]", await ask(self._redis))
        except (RedisError, OSError) as error:
            self._silent_until = monotonic() + PAUSE_SECONDS
            logger.warning("Redis is away, reads are made anew each time: %s", error)
            return None

    def start(self, work: Coroutine[Any, Any, T], name: str) -> "asyncio.Task[T]":
        """A task that outlives the request that began it."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def _end(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        # Whoever waits is told by the task itself; perhaps nobody does any more.
        if not task.cancelled() and task.exception() is not None:
            logger.debug("a load failed", exc_info=task.exception())


def draw() -> str:
    """A version or a lock's token that never was before."""
    return secrets.token_hex(12)


def write_entry(version: str, value: object) -> bytes:
    return orjson.dumps({"version": version, "value": value})


def _read_entry(held: object, age_seconds: float) -> Entry | None:
    if not isinstance(held, bytes):
        return None
    read = orjson.loads(held)
    return Entry(read["version"], read["value"], age_seconds)
