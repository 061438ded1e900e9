"""Values of heavy reads, kept in Redis for the workspace that they were read for.

What a reader is promised: a value loaded at most `stale_seconds` ago, and never one loaded before
a write whose `changed` had been answered. Redis makes reads cheaper, never other than that:

- A value carries the version that its topic had **before** it was loaded, and is served only while
  the topic still has it. Versions are drawn at random, so that one that Redis lost never returns.
- `changed` draws a new one after commit. When Redis does not take it, this process serves nothing
  that was loaded before; to the others the promise is `stale_seconds`, which is why that is short.
- Redis itself ends a value at that age: no clock of another host is believed.
- Inside a transaction nothing is served or kept: it sees what others must not see yet.

Past `fresh_seconds` a value is still served at once, while one reader's task loads it anew. What is
missing is loaded once: readers of one process share a load, processes keep a short lock.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from domain.base import clock
from domain.base.cache_store import Cache, Command, Seen, draw, write_entry
from domain.base.database import after_commit, has_transaction

logger = logging.getLogger(__name__)

MAX_VALUE_BYTES: Final = 256 << 10
MAX_HEAVY_KNOWN: Final = 10_000
MAX_REFRESHES: Final = 4
_POLL_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16)
_UNLOCK: Final = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"
)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

counts: dict[str, Counter[str]] = {}
"""What became of reads, by their name: fresh, stale, missing, shared, small, alone."""


@dataclass(frozen=True, slots=True)
class Aged(Generic[V]):
    """`as_of` is when its load began, UTC."""

    value: V
    as_of: datetime


_cache: Cache | None = None


def connect(redis_url: str) -> None:
    """Name the Redis of this process, at start. Without it every read is made anew."""
    global _cache  # noqa: PLW0603  one a process, set at start
    _cache = Cache(redis_url)


async def disconnect() -> None:
    global _cache
    if _cache is not None:
        closing, _cache = _cache, None
        await closing.close()


@dataclass(frozen=True, slots=True)
class _Load(Generic[K, V]):
    task: "asyncio.Task[dict[K, Aged[V]]]"
    version: str | None
    began_at: float


class Cached(Generic[K, V]):
    """One kind of read. `load` answers all keys that it is given.

    `encode` and `decode` go between a value and what JSON can hold. Values for which `is_small`
    are cheap to make and so are read anew each time; Redis is not asked for them.
    """

    def __init__(
        self,
        name: str,
        *,
        topic: str,
        load: Callable[[UUID, Sequence[K]], Awaitable[Mapping[K, V]]],
        fresh_seconds: float,
        stale_seconds: float,
        encode: Callable[[V], object],
        decode: Callable[[Any], V],
        key_text: Callable[[K], str] = str,
        is_small: Callable[[V], bool] | None = None,
        load_seconds: float = 10,
        cache: Callable[[], Cache | None] = lambda: _cache,
    ) -> None:
        self._name = name
        self._topic = topic
        self._load = load
        self._fresh_seconds = fresh_seconds
        self._keep_ms = int(stale_seconds * 1000)
        self._encode = encode
        self._decode = decode
        self._key_text = key_text
        self._is_small = is_small
        self._load_seconds = load_seconds
        self._cache = cache
        self._heavy: set[tuple[UUID, K]] = set()
        self._loads: dict[tuple[UUID, K], _Load[K, V]] = {}
        self._refreshing: set[tuple[UUID, K]] = set()
        self._refreshes = 0
        self._counts = counts.setdefault(name, Counter())

    async def changed(self, workspace_id: UUID) -> None:
        """Say, after commit, that values loaded before must not be served any more."""
        cache = self._cache()
        if cache is not None:
            await after_commit(lambda: cache.change(self._version_key(workspace_id)))

    async def read(self, workspace_id: UUID, keys: Sequence[K]) -> dict[K, Aged[V]]:
        wanted = list(dict.fromkeys(keys))
        cache = self._cache()
        if cache is None or has_transaction():
            self._counts["alone"] += len(wanted)
            return await self._loaded(workspace_id, wanted)
        found: dict[K, Aged[V]] = {}
        light = [] if self._is_small is None else wanted
        if self._heavy:
            light = [key for key in light if (workspace_id, key) not in self._heavy]
        if light:
            self._counts["small"] += len(light)
            found = await self._loaded(workspace_id, light)
        heavy = [key for key in wanted if key not in found]
        if heavy:
            found.update(await self._kept(cache, workspace_id, heavy))
        return found

    async def _kept(self, cache: Cache, workspace_id: UUID, keys: list[K]) -> dict[K, Aged[V]]:
        seen = await self._see(cache, workspace_id, keys)
        if seen is None:
            self._counts["alone"] += len(keys)
            return await self._share(cache, workspace_id, None, keys)
        found, old = self._usable(seen, keys)
        missing = [key for key in keys if key not in found]
        self._counts["fresh"] += len(found) - len(old)
        self._counts["stale"] += len(old)
        if old:
            self._refresh(cache, workspace_id, seen.version, old)
        if missing:
            found.update(await self._share(cache, workspace_id, seen.version, missing))
        return found

    def _usable(self, seen: Seen, keys: Sequence[K]) -> tuple[dict[K, Aged[V]], list[K]]:
        """What may be served, and the keys of that which is no longer fresh."""
        found: dict[K, Aged[V]] = {}
        old: list[K] = []
        now = clock.now()
        for key, entry in zip(keys, seen.entries, strict=True):
            if entry is None or entry.version != seen.version:
                continue
            as_of = now - timedelta(seconds=entry.age_seconds)
            found[key] = Aged(self._decode(entry.value), as_of)
            if entry.age_seconds > self._fresh_seconds:
                old.append(key)
        return found, old

    async def _share(
        self, cache: Cache, workspace_id: UUID, version: str | None, keys: list[K]
    ) -> dict[K, Aged[V]]:
        """Load what no one in this process is loading, and wait for what somebody is."""
        loads: dict[K, _Load[K, V]] = {}
        for key in keys:
            load = self._loads.get((workspace_id, key))
            if load is not None and load.version == version and self._is_shareable(cache, load):
                loads[key] = load
        own = [key for key in keys if key not in loads]
        self._counts["shared"] += len(loads)
        self._counts["missing"] += len(own) if version is not None else 0
        if own:
            task = cache.start(self._fill(cache, workspace_id, version, own), f"cache.{self._name}")
            load = _Load(task, version, monotonic())
            places = [(workspace_id, key) for key in own]
            self._loads.update(dict.fromkeys(places, load))
            task.add_done_callback(lambda _: self._forget(places, load))
            loads.update(dict.fromkeys(own, load))
        # A reader that is cancelled leaves the load to the others.
        found = {key: (await asyncio.shield(load.task))[key] for key, load in loads.items()}
        return {key: found[key] for key in keys}

    def _is_shareable(self, cache: Cache, load: _Load[K, V]) -> bool:
        is_young = monotonic() - load.began_at <= self._keep_ms / 1000
        return is_young and load.began_at > cache.changed_at

    def _forget(self, places: list[tuple[UUID, K]], load: _Load[K, V]) -> None:
        for place in places:
            if self._loads.get(place) is load:
                del self._loads[place]

    async def _fill(
        self, cache: Cache, workspace_id: UUID, version: str | None, keys: list[K]
    ) -> dict[K, Aged[V]]:
        if version is None:
            return await self._loaded(workspace_id, keys)
        found: dict[K, Aged[V]] = {}
        waits = iter(_POLL_SECONDS)
        deadline = monotonic() + self._load_seconds
        rest = keys
        while True:
            is_late = monotonic() > deadline
            mine = await self._lock(cache, workspace_id, version, rest)
            if is_late:
                mine = dict.fromkeys(rest, "") | mine
            if mine:
                found.update(await self._load_and_keep(cache, workspace_id, version, mine))
            rest = [key for key in rest if key not in found]
            if not rest:
                return found
            # Another process loads these.
            await asyncio.sleep(next(waits, _POLL_SECONDS[-1]))
            seen = await self._see(cache, workspace_id, rest)
            if seen is None:
                found.update(await self._loaded(workspace_id, rest))
                return found
            version = seen.version
            found.update(self._usable(seen, rest)[0])
            rest = [key for key in rest if key not in found]
            if not rest:
                return found

    def _refresh(self, cache: Cache, workspace_id: UUID, version: str, keys: list[K]) -> None:
        """Load anew, aside, what nobody else loads."""
        due = [key for key in keys if (workspace_id, key) not in self._refreshing]
        if not due or self._refreshes >= MAX_REFRESHES:
            return
        places = {(workspace_id, key) for key in due}
        self._refreshing |= places
        self._refreshes += 1

        async def refresh() -> None:
            try:
                mine = await self._lock(cache, workspace_id, version, due)
                if mine:
                    await self._load_and_keep(cache, workspace_id, version, mine)
            except Exception:
                logger.exception("%s could not be read anew", self._name)
            finally:
                self._refreshing -= places
                self._refreshes -= 1

        cache.start(refresh(), f"cache.{self._name}.refresh")

    async def _loaded(self, workspace_id: UUID, keys: Sequence[K]) -> dict[K, Aged[V]]:
        as_of = clock.now()
        values = await self._load(workspace_id, keys)
        if self._is_small is not None:
            for key in keys:
                self._weigh((workspace_id, key), is_small=self._is_small(values[key]))
        return {key: Aged(values[key], as_of) for key in keys}

    def _weigh(self, place: tuple[UUID, K], *, is_small: bool) -> None:
        if is_small:
            self._heavy.discard(place)
        elif place not in self._heavy:
            # Forgetting costs one load each.
            if len(self._heavy) >= MAX_HEAVY_KNOWN:
                self._heavy.clear()
            self._heavy.add(place)

    async def _load_and_keep(
        self, cache: Cache, workspace_id: UUID, version: str, locks: Mapping[K, str]
    ) -> dict[K, Aged[V]]:
        """Load what was locked, keep it, and give up the locks (by their tokens)."""
        began_at = monotonic()
        commands: list[Command] = []
        try:
            found = await self._loaded(workspace_id, list(locks))
            left_ms = self._keep_ms - int((monotonic() - began_at) * 1000)
            for key, aged in found.items():
                written = write_entry(version, self._encode(aged.value))
                is_kept = self._is_small is None or not self._is_small(aged.value)
                if is_kept and left_ms > 0 and len(written) <= MAX_VALUE_BYTES:
                    commands.append(("SET", self._key(workspace_id, key), written, "PX", left_ms))
            return found
        finally:
            for key, token in locks.items():
                commands.append(
                    ("EVAL", _UNLOCK, 1, self._lock_key(workspace_id, version, key), token)
                )
            await cache.run(commands)

    async def _lock(
        self, cache: Cache, workspace_id: UUID, version: str, keys: Sequence[K]
    ) -> dict[K, str]:
        """The tokens of those keys that no other process loads; all when Redis is away."""
        tokens = {key: draw() for key in keys}
        lock_ms = int(self._load_seconds * 1000)
        given = await cache.run(
            [
                ("SET", self._lock_key(workspace_id, version, key), token, "PX", lock_ms, "NX")
                for key, token in tokens.items()
            ]
        )
        if given is None:
            return tokens
        return {key: tokens[key] for key, is_mine in zip(keys, given, strict=True) if is_mine}

    async def _see(self, cache: Cache, workspace_id: UUID, keys: Sequence[K]) -> Seen | None:
        return await cache.see(
            self._version_key(workspace_id),
            [self._key(workspace_id, key) for key in keys],
            self._keep_ms,
        )

    # A workspace's keys share a hash tag: on a cluster they are on one node.
    def _version_key(self, workspace_id: UUID) -> str:
        return f"dripgraph:version:{{{workspace_id}}}:{self._topic}"

    def _key(self, workspace_id: UUID, key: K) -> str:
        return (
            f"dripgraph:cache:{{{workspace_id}}}:{self._name}:{self._keep_ms}:{self._key_text(key)}"
        )

    def _lock_key(self, workspace_id: UUID, version: str, key: K) -> str:
        return f"{self._key(workspace_id, key)}:lock:{version}"
