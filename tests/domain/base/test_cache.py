"""Cached reads: what two processes may be shown, and how often they load."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import redis.asyncio

from domain.base.cache import MAX_VALUE_BYTES, Cached
from domain.base.cache_store import Cache
from domain.base.clock import now
from domain.base.database import transaction

WORKSPACE = uuid4()
FRESH, STALE = 5, 60


class Source:
    """What is committed, and a gate that loads wait at."""

    def __init__(self) -> None:
        self.value = 1
        self.loads = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Event()

    async def load(self, _: UUID, keys: Sequence[str]) -> dict[str, int]:
        self.loads += 1
        seen = self.value
        self.arrived.set()
        await self.gate.wait()
        return dict.fromkeys(keys, seen)


class Process:
    """One process's cache and its read of the source."""

    def __init__(self, redis_url: str, source: Source, timeout_seconds: float = 60) -> None:
        self.cache = Cache(redis_url, timeout_seconds)
        self.read: Cached[str, int] = Cached(
            "test",
            topic="numbers",
            load=source.load,
            fresh_seconds=FRESH,
            stale_seconds=STALE,
            encode=int,
            decode=int,
            is_small=None,
            cache=lambda: self.cache,
        )

    async def value(self, key: str = "a", workspace_id: UUID = WORKSPACE) -> int:
        return (await self.read.read(workspace_id, [key]))[key].value

    async def settled(self) -> None:
        await asyncio.gather(*self.cache._tasks)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(redis_url) as found:
        yield found


@pytest.fixture
async def processes(redis_url: str, source: Source) -> AsyncIterator[tuple[Process, Process]]:
    made = Process(redis_url, source), Process(redis_url, source)
    yield made
    for process in made:
        await process.cache.close()


Pair = tuple[Process, Process]


async def entry_key(client: redis.asyncio.Redis) -> bytes:
    (key,) = [key for key in await client.keys("dripgraph:cache:*") if b":lock:" not in key]
    return bytes(key)


async def grow_old(client: redis.asyncio.Redis, seconds: float) -> None:
    """Make the one entry so old: Redis counts what is left of its life."""
    await client.pexpire(await entry_key(client), int((STALE - seconds) * 1000))


async def test_what_one_process_loaded_is_served_to_all(processes: Pair, source: Source) -> None:
    one, other = processes
    assert [await one.value(), await other.value(), await one.value()] == [1, 1, 1]
    assert source.loads == 1


async def test_a_change_is_seen_by_whoever_reads_after_it(processes: Pair, source: Source) -> None:
    one, other = processes
    await one.value()
    source.value = 2
    await other.read.changed(WORKSPACE)
    assert [await one.value(), await other.value()] == [2, 2]
    assert source.loads == 2


async def test_a_load_that_began_before_a_change_is_not_served_after_it(
    processes: Pair, source: Source
) -> None:
    one, other = processes
    source.gate.clear()
    early = asyncio.create_task(one.value())
    await source.arrived.wait()
    source.value = 2
    await other.read.changed(WORKSPACE)
    late = [asyncio.create_task(process.value()) for process in processes]
    source.gate.set()
    assert (await early, await late[0], await late[1]) == (1, 2, 2)


async def test_nothing_is_served_or_kept_inside_a_transaction(
    database: str, processes: Pair, source: Source, client: redis.asyncio.Redis
) -> None:
    one, _ = processes
    async with transaction():
        source.value = 7
        assert await one.value() == 7
        await one.read.changed(WORKSPACE)
        assert await client.keys("dripgraph:*") == []
    assert [key.decode() for key in await client.keys("dripgraph:*")] == [
        f"dripgraph:version:{{{WORKSPACE}}}:numbers"
    ]


async def test_a_change_that_is_rolled_back_changes_nothing(
    database: str, processes: Pair, source: Source
) -> None:
    one, _ = processes
    await one.value()

    async def fail() -> None:
        async with transaction():
            await one.read.changed(WORKSPACE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await one.value()
    assert source.loads == 1


async def test_another_workspace_has_its_own(processes: Pair, source: Source) -> None:
    one, _ = processes
    other_workspace = uuid4()
    await one.value()
    source.value = 2
    assert await one.value(workspace_id=other_workspace) == 2
    await one.read.changed(other_workspace)
    assert await one.value() == 1


async def test_an_old_value_is_served_at_once_with_its_age_while_one_load_runs(
    processes: Pair, source: Source, client: redis.asyncio.Redis
) -> None:
    one, other = processes
    await one.value()
    await grow_old(client, 20)
    source.value = 2
    source.gate.clear()
    source.arrived.clear()
    aged = (await one.read.read(WORKSPACE, ["a"]))["a"]
    assert aged.value == 1
    assert round((now() - aged.as_of) / timedelta(seconds=1)) == 20
    await source.arrived.wait()
    assert [await one.value(), await other.value()] == [1, 1]
    source.gate.set()
    for process in processes:
        await process.settled()
    assert [await one.value(), await other.value()] == [2, 2]
    assert source.loads == 2


async def test_a_value_ends_at_the_age_that_is_declared(
    processes: Pair, client: redis.asyncio.Redis
) -> None:
    await processes[0].value()
    assert 0 < await client.pttl(await entry_key(client)) <= STALE * 1000


async def test_readers_of_one_process_share_a_load(processes: Pair, source: Source) -> None:
    one, _ = processes
    source.gate.clear()
    readers = [asyncio.create_task(one.value()) for _ in range(20)]
    await source.arrived.wait()
    source.gate.set()
    assert await asyncio.gather(*readers) == [1] * 20
    assert source.loads == 1


async def test_a_reader_that_leaves_takes_the_load_from_nobody(
    processes: Pair, source: Source
) -> None:
    one, _ = processes
    source.gate.clear()
    first = asyncio.create_task(one.value())
    await source.arrived.wait()
    second = asyncio.create_task(one.value())
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    source.gate.set()
    assert (await second, source.loads) == (1, 1)


async def test_processes_share_a_load(processes: Pair, source: Source) -> None:
    one, other = processes
    source.gate.clear()
    first = asyncio.create_task(one.value())
    await source.arrived.wait()
    second = asyncio.create_task(other.value())
    source.gate.set()
    assert (await first, await second, source.loads) == (1, 1, 1)


async def test_a_process_that_died_while_loading_holds_up_nobody_for_long(
    processes: Pair, source: Source, client: redis.asyncio.Redis
) -> None:
    one, other = processes
    source.gate.clear()
    dying = asyncio.create_task(one.value())
    await source.arrived.wait()
    source.arrived.clear()
    waiting = asyncio.create_task(other.value())
    (lock,) = await client.keys("dripgraph:cache:*:lock:*")
    # Its life is what Redis gives it: this is its end.
    assert 0 < await client.pttl(lock) <= 10_000
    await client.delete(lock)
    await source.arrived.wait()
    source.gate.set()
    assert (await waiting, await dying) == (1, 1)


async def test_a_load_that_fails_is_told_to_its_readers_and_kept_from_the_next(
    processes: Pair, source: Source, client: redis.asyncio.Redis
) -> None:
    one, _ = processes
    source.value = "no number"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="no number"):
        await one.value()
    assert await client.keys("dripgraph:cache:*") == []
    source.value = 3
    assert await one.value() == 3


async def test_without_redis_each_read_is_made_anew(source: Source) -> None:
    process = Process("redis://127.0.0.1:1/0", source)
    found = []
    for value in (1, 2):
        source.value = value
        found.append(await process.value())
        await process.read.changed(WORKSPACE)
    await process.cache.close()
    assert (found, source.loads) == ([1, 2], 2)


async def test_a_process_whose_change_redis_did_not_take_serves_nothing_older(
    redis_url: str, processes: Pair, source: Source, client: redis.asyncio.Redis
) -> None:
    one, other = Process(redis_url, source, timeout_seconds=0.2), processes[1]
    await one.value()
    await client.client_pause(60_000, all=False)
    source.value = 2
    await one.read.changed(WORKSPACE)
    assert await one.value() == 2
    await client.client_unpause()
    one.cache._silent_until = 0.0
    assert await one.value() == 2
    # The others are told by the new value; had there been none, at the declared age.
    assert await other.value() == 2
    await one.cache.close()


async def test_redis_that_lost_everything_costs_a_load(
    processes: Pair, source: Source, client: redis.asyncio.Redis
) -> None:
    one, _ = processes
    await one.value()
    kept = await client.dump(await entry_key(client))
    key = await entry_key(client)
    await client.flushall()
    # Even an entry that came back has no version that is drawn again.
    await client.restore(key, STALE * 1000, kept)
    source.value = 2
    assert await one.value() == 2


async def test_small_values_are_read_anew_and_never_kept(
    redis_url: str, client: redis.asyncio.Redis
) -> None:
    source = Source()
    cache = Cache(redis_url)
    read: Cached[str, int] = Cached(
        "test.small", topic="numbers", load=source.load, fresh_seconds=FRESH, stale_seconds=STALE,
        encode=int, decode=int, is_small=lambda value: value < 100, cache=lambda: cache,
    )  # fmt: skip

    async def value() -> int:
        return (await read.read(WORKSPACE, ["a"]))["a"].value

    assert [await value(), await value()] == [1, 1]
    assert (source.loads, await client.keys("dripgraph:*")) == (2, [])
    source.value = 100
    # Seen to be large, loaded once more to be kept, and then served.
    assert [await value(), await value(), await value(), await value()] == [100] * 4
    assert source.loads == 4
    source.value = 5
    await read.changed(WORKSPACE)
    assert [await value(), await value()] == [5, 5]
    assert source.loads == 6
    await cache.close()


async def test_a_value_that_is_too_long_is_not_kept(
    redis_url: str, client: redis.asyncio.Redis
) -> None:
    loads = 0

    async def load(workspace_id: UUID, keys: Sequence[str]) -> dict[str, str]:
        nonlocal loads
        loads += 1
        return dict.fromkeys(keys, "x" * MAX_VALUE_BYTES)

    cache = Cache(redis_url)
    read: Cached[str, str] = Cached(
        "test.long", topic="texts", load=load, fresh_seconds=FRESH, stale_seconds=STALE,
        encode=str, decode=str, cache=lambda: cache,
    )  # fmt: skip
    for _ in range(2):
        await read.read(WORKSPACE, ["a"])
    assert (loads, await client.keys("dripgraph:cache:*")) == (2, [])
    await cache.close()


@pytest.mark.parametrize("seed", range(5))
async def test_no_reader_sees_a_value_older_than_the_last_change_that_was_answered(
    redis_url: str, seed: int
) -> None:
    """Writers and readers of three processes in any order that the dice give."""
    dice = random.Random(seed)

    class Slow(Source):
        async def load(self, _: UUID, keys: Sequence[str]) -> dict[str, int]:
            seen = self.value
            for _ in range(dice.randrange(30)):
                await asyncio.sleep(0)
            return dict.fromkeys(keys, seen)

    source = Slow()
    processes = [Process(redis_url, source) for _ in range(3)]
    answered = 1
    wrong: list[tuple[int, int]] = []

    async def write(process: Process) -> None:
        nonlocal answered
        source.value += 1
        committed = source.value
        await process.read.changed(WORKSPACE)
        answered = max(answered, committed)

    async def read(process: Process) -> None:
        least = answered
        found = (await process.read.read(WORKSPACE, ["a", "b"]))["ab"[dice.randrange(2)]].value
        if found < least:
            wrong.append((found, least))

    running: set[asyncio.Task[None]] = set()
    for _ in range(400):
        act = write if dice.random() < 0.2 else read
        running.add(asyncio.create_task(act(dice.choice(processes))))
        for _ in range(dice.randrange(8)):
            await asyncio.sleep(0)
    await asyncio.gather(*running)
    for process in processes:
        await process.cache.close()
    assert wrong == []
