"""People counted live while that is cheap, and every few seconds where there are many."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import redis.asyncio

from domain.base import cache
from domain.base.clock import now
from domain.sequences import people as people_module
from domain.sequences.definition import Exit, Manual, Wait
from domain.sequences.enrollments import enroll
from domain.sequences.people import STALE_SECONDS, People, count_people
from domain.sequences.sequences import archive
from tests.domain.sequences.garden import NOW, Garden


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    cache.connect(redis_url)
    async with redis.asyncio.Redis.from_url(redis_url) as found:
        yield found
    await cache.disconnect()


async def test_few_people_are_counted_live(
    garden: Garden, client: redis.asyncio.Redis, statements: list[str]
) -> None:
    people = await garden.add_people(2)
    sequence_id = await garden.grow(Wait("pause", 60, "out"), Exit("out"), triggers=(Manual(),))
    await enroll(garden.workspace_id, sequence_id, people, NOW)
    await asyncio.sleep(0)
    statements.clear()
    for _ in range(2):
        found = (await count_people(garden.workspace_id, [sequence_id]))[sequence_id]
        assert found.value == [People("active", None, 2)]
        assert now() - found.as_of < timedelta(seconds=60)
    # The driver tells of a statement on the loop's next turn.
    await asyncio.sleep(0)
    assert len(statements) == 2
    assert await client.keys("dripgraph:cache:*") == []


async def test_many_people_are_counted_once_for_all_readers_until_somebody_changes_them(
    garden: Garden,
    client: redis.asyncio.Redis,
    statements: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(people_module, "MANY", 2)
    people = await garden.add_people(3)
    sequence_id = await garden.grow(Wait("pause", 60, "out"), Exit("out"), triggers=(Manual(),))
    other_id = await garden.grow(Wait("pause", 60, "out"), Exit("out"), triggers=(Manual(),))

    async def counted() -> list[People]:
        both = await count_people(garden.workspace_id, [sequence_id, other_id])
        assert both[other_id].value == []
        return both[sequence_id].value

    await enroll(garden.workspace_id, sequence_id, people[:2], NOW)
    # Seen to be many, then counted to be kept.
    assert [await counted() for _ in range(2)] == [[People("active", None, 2)]] * 2
    await asyncio.sleep(0)
    statements.clear()
    assert await counted() == [People("active", None, 2)]
    # The other sequence, of few, is counted each time.
    await asyncio.sleep(0)
    assert len(statements) == 1
    (key,) = await client.keys("dripgraph:cache:*")
    assert 0 < await client.pttl(key) <= STALE_SECONDS * 1000
    await enroll(garden.workspace_id, sequence_id, people[2:], NOW)
    assert await counted() == [People("active", None, 3)]
    await archive(garden.workspace_id, sequence_id, NOW)
    assert await counted() == [People("exited", None, 3)]
