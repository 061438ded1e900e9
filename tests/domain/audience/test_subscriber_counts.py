from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from domain.audience import subscribers
from domain.audience.subscribers import SubscriberFilter, list_subscribers
from domain.base import cache
from domain.base.clock import now
from domain.base.database import execute
from domain.base.ids import new_id
from domain.base.pages import PageRequest
from domain.identity.accounts import Session


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    cache.connect(redis_url)
    async with redis.asyncio.Redis.from_url(redis_url) as found:
        yield found
    await cache.disconnect()


async def add(session: Session, email: str, tag: str) -> None:
    at = now()
    await execute(
        """INSERT INTO subscriber (id, workspace_id, email, status, tags, created_at, updated_at)
           VALUES ($1, $2, $3, 'active', ARRAY[$4], $5, $5)""",
        new_id(at),
        session.workspace_id,
        email,
        tag,
        at,
    )


async def counted(session: Session, tag: str | None = None) -> int:
    page = await list_subscribers(session.workspace_id, PageRequest(1), SubscriberFilter(tag=tag))
    assert page.count is not None
    return await page.count()


async def test_a_short_list_is_counted_each_time(
    session: Session, client: redis.asyncio.Redis
) -> None:
    await add(session, "a@example.com", "x")
    assert await counted(session) == 1
    await add(session, "b@example.com", "x")
    assert await counted(session) == 2
    assert await client.keys("dripgraph:*") == []


async def test_a_long_list_is_counted_once_in_a_while_and_each_filter_by_itself(
    session: Session, client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers, "MANY", 2)
    await add(session, "a@example.com", "x")
    await add(session, "b@example.com", "y")
    assert [await counted(session) for _ in range(2)] == [2, 2]
    await add(session, "c@example.com", "y")
    assert (await counted(session), await counted(session, "x"), await counted(session, "y")) == (
        2,
        1,
        2,
    )
    (key,) = await client.keys("dripgraph:cache:*")
    assert 0 < await client.pttl(key) <= 30_000
    # At the end of its life it is counted anew.
    await client.delete(key)
    assert await counted(session) == 3
