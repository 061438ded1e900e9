import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from uuid import UUID, uuid4

import pytest
import redis.asyncio

from domain.activity import live
from domain.activity.hub import TICK_SECONDS, LiveHub
from domain.activity.rollups import RollupRow, SendStats, add_to_rollups
from domain.base import jobs
from domain.base.clock import now
from domain.base.database import Record, execute
from domain.base.errors import NotFoundError
from domain.identity.accounts import Session
from server.embedded import RunningServer, StoreUrls, start_valkey
from tests.domain.activity.rows import add_sequence


@pytest.fixture
async def hub(database: str, redis_url: str) -> AsyncIterator[LiveHub]:
    live.connect(redis_url)
    made = LiveHub(redis_url)
    await made.start()
    yield made
    await made.stop()
    await live.disconnect()


@pytest.fixture
def told_of_jobs() -> Iterator[None]:
    jobs.watch(live.notify_job)
    yield
    jobs.watch(None)


@pytest.fixture
async def sequence_id(session: Session) -> UUID:
    return await add_sequence(session.workspace_id)


async def until(iterator: AsyncGenerator[SendStats, None], sent: int) -> list[SendStats]:
    """The values up to the one with so many sent."""
    seen: list[SendStats] = []
    async for value in iterator:
        seen.append(value)
        if value.sent == sent:
            return seen
    raise AssertionError("the watch ended early")


async def test_a_watcher_sees_the_present_first_and_then_each_change(
    hub: LiveHub, session: Session, sequence_id: UUID
) -> None:
    row = RollupRow(session.workspace_id, sequence_id, "hello", now(), sent=2, queued=3)
    await add_to_rollups([row])
    async with aclosing(hub.watch_stats(session.workspace_id, sequence_id)) as stats:
        first = await anext(stats)
        assert (first.sent, first.queued) == (2, 3)
        await add_to_rollups([row])
        assert (await until(stats, 4))[-1].queued == 6


async def test_ten_thousand_fast_changes_give_four_values_a_second_and_the_last_is_exact(
    hub: LiveHub, session: Session, sequence_id: UUID
) -> None:
    row = RollupRow(session.workspace_id, sequence_id, "hello", now(), sent=1)

    async def change() -> None:
        for _ in range(100):
            for _ in range(100):
                await live.notify(session.workspace_id, sequence_id)
            await add_to_rollups([row._replace(sent=100)])

    async with aclosing(hub.watch_stats(session.workspace_id, sequence_id)) as stats:
        await anext(stats)
        loop = asyncio.get_running_loop()
        began = loop.time()
        changing = asyncio.create_task(change())
        seen = await until(stats, 10_000)
        elapsed = loop.time() - began
        await changing
    assert len(seen) <= elapsed / TICK_SECONDS + 1
    assert [one.sent for one in seen] == sorted({one.sent for one in seen})


async def test_a_slow_watcher_gets_the_newest_value_only(
    hub: LiveHub, session: Session, sequence_id: UUID
) -> None:
    row = RollupRow(session.workspace_id, sequence_id, "hello", now(), sent=1)
    mine = aclosing(hub.watch_stats(session.workspace_id, sequence_id))
    other = aclosing(hub.watch_stats(session.workspace_id, sequence_id))
    async with mine as slow, other as quick:
        await anext(slow)
        await anext(quick)
        for number in range(1, 4):
            await add_to_rollups([row])
            await until(quick, number)
        assert (await anext(slow)).sent == 3


async def test_fifty_watchers_share_one_subscription_and_see_the_same_end(
    hub: LiveHub, session: Session, sequence_id: UUID, redis_url: str
) -> None:
    client = redis.asyncio.Redis.from_url(redis_url)
    row = RollupRow(session.workspace_id, sequence_id, "hello", now(), sent=7)
    watches = [hub.watch_stats(session.workspace_id, sequence_id) for _ in range(50)]
    await asyncio.gather(*(anext(watch) for watch in watches))
    assert await client.pubsub_numpat() == 1
    assert await client.pubsub_channels() == []
    await add_to_rollups([row])
    ends = await asyncio.gather(*(until(watch, 7) for watch in watches))
    assert {end[-1].sent for end in ends} == {7}
    await client.aclose()


async def test_a_change_whose_word_was_lost_is_seen_anyhow(
    hub: LiveHub, session: Session, sequence_id: UUID
) -> None:
    async with aclosing(hub.watch_stats(session.workspace_id, sequence_id)) as stats:
        await anext(stats)
        await live.disconnect()
        await add_to_rollups([RollupRow(session.workspace_id, sequence_id, "a", now(), sent=5)])
        assert (await until(stats, 5))[-1].sent == 5


async def test_a_sequence_that_does_not_exist_here_cannot_be_watched(
    hub: LiveHub, session: Session, sequence_id: UUID
) -> None:
    for key in ((session.workspace_id, uuid4()), (uuid4(), sequence_id)):
        with pytest.raises(NotFoundError):
            await anext(hub.watch_stats(*key))


async def test_who_watches_does_not_open_a_strangers_eyes(
    hub: LiveHub, session: Session, sequence_id: UUID
) -> None:
    job_id = await jobs.create_job(session.workspace_id, "import", {}, now())
    seen = await asyncio.gather(
        *(
            anext(watch(workspace_id, identifier))
            for watch, identifier in ((hub.watch_stats, sequence_id), (hub.watch_job, job_id))
            for workspace_id in (session.workspace_id, uuid4())
        ),
        return_exceptions=True,
    )
    assert [isinstance(one, NotFoundError) for one in seen] == [False, True, False, True]


async def test_a_watch_ends_when_its_sequence_is_deleted_and_when_the_hub_stops(
    hub: LiveHub, session: Session, sequence_id: UUID
) -> None:
    other_id = await add_sequence(session.workspace_id)
    doomed = hub.watch_stats(session.workspace_id, sequence_id)
    lasting = hub.watch_stats(session.workspace_id, other_id)
    await anext(doomed)
    await anext(lasting)
    await execute("DELETE FROM sequence WHERE id = $1", sequence_id)
    await live.notify(session.workspace_id, sequence_id)
    assert [one async for one in doomed] == []
    await hub.stop()
    assert [one async for one in lasting] == []


@pytest.mark.usefixtures("told_of_jobs")
async def test_a_job_is_watched_as_it_moves(hub: LiveHub, session: Session) -> None:
    job_id = await jobs.create_job(session.workspace_id, "import", {}, now())
    watch = hub.watch_job(session.workspace_id, job_id)
    first = await anext(watch)
    assert (first["status"], first["id"]) == ("queued", job_id)
    claimed = await jobs.claim_job(["import"], uuid4(), now())
    assert claimed is not None
    seen: Record = await anext(watch)
    assert seen["status"] == "running"


@pytest.fixture
def own_valkey(stores: StoreUrls, tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    return start_valkey(tmp_path_factory.mktemp("valkey"))


async def test_values_go_on_without_redis_and_are_prompt_once_it_is_back(
    session: Session,
    sequence_id: UUID,
    own_valkey: RunningServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    live.connect(own_valkey.url)
    hub = LiveHub(own_valkey.url)
    await hub.start()
    row = RollupRow(session.workspace_id, sequence_id, "hello", now(), sent=1)
    try:
        async with aclosing(hub.watch_stats(session.workspace_id, sequence_id)) as stats:
            await anext(stats)
            await asyncio.to_thread(own_valkey.stop)
            await add_to_rollups([row])
            assert (await until(stats, 1))[-1].sent_per_second == 0.0
            again = await asyncio.to_thread(start_valkey, own_valkey.data_dir)
            while "Redis is back" not in caplog.text:
                await add_to_rollups([row])
                await anext(stats)
            await asyncio.to_thread(again.stop)
    finally:
        await hub.stop()
        await live.disconnect()
    assert "Redis is away, live values come every 2 s" in caplog.text
