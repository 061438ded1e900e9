"""Buckets of points over several processes, on a real Redis that goes away and comes back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import pytest
import redis.asyncio

from domain.base.errors import RateLimitedError
from domain.base.settings import Settings
from domain.identity.viewer import Access, Viewer
from server.embedded import temporary_stores
from server.rates import Rates

WORKSPACE, ADA, EVE = (UUID(int=number) for number in (1, 2, 3))
CLIENT = "192.0.2.1"


def viewer(user_id: UUID = ADA, workspace_id: UUID = WORKSPACE) -> Viewer:
    return Viewer(workspace_id=workspace_id, access=frozenset(Access), user_id=user_id)


def settings_of(redis_url: str, **limits: int) -> Settings:
    given = {"credential": 6_000, "workspace": 60_000, "address": 60_000} | limits
    return Settings.from_environment(
        {"REDIS_URL": redis_url, "SECRET_KEY": "k" * 32, "DATA_DIR": "."}
        | {f"RATE_LIMIT_{name.upper()}": str(points) for name, points in given.items()}
    )


Start = Callable[[Settings], Awaitable[Rates]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts processes, each with buckets of its own."""
    started: list[Rates] = []

    async def start_one(settings: Settings) -> Rates:
        started.append(Rates(settings))
        await started[-1].start()
        return started[-1]

    yield start_one
    for one in started:
        await one.stop()


def refusal_of(rates: Rates, asking: Viewer | None, points: float, client: str = CLIENT) -> str:
    with pytest.raises(RateLimitedError) as refusal:
        rates.charge(asking, client, points)
    return refusal.value.message


async def test_a_bucket_takes_a_minutes_points_at_once_and_then_says_when_to_return(
    redis_url: str,
) -> None:
    rates = Rates(settings_of(redis_url))
    ada = viewer()
    for _ in range(6):
        rates.charge(ada, CLIENT, 1_000)
    assert refusal_of(rates, ada, 1_000) == (
        "The limit of 6,000 points a minute for each credential is reached: try again in 10 s."
    )


async def test_who_was_refused_is_not_charged(redis_url: str) -> None:
    rates = Rates(settings_of(redis_url))
    ada = viewer()
    rates.charge(ada, CLIENT, 6_000)
    for _ in range(100):
        refusal_of(rates, ada, 1_000)
    assert rates.state_of(ada, CLIENT).reset_seconds == pytest.approx(60, abs=1)


async def test_points_that_were_not_needed_are_given_back(redis_url: str) -> None:
    rates = Rates(settings_of(redis_url))
    ada = viewer()
    charge = rates.charge(ada, CLIENT, 6_000)
    state = charge.settle(1_000)
    assert (state.policy.name, state.remaining) == ("credential", 5_000)
    assert dict(state.headers()) == {
        b"ratelimit-policy": b'"credential";q=6000;w=60',
        b"ratelimit": b'"credential";r=5000;t=10',
    }


async def test_an_operation_larger_than_a_bucket_needs_an_empty_one(redis_url: str) -> None:
    rates = Rates(settings_of(redis_url))
    ada = viewer()
    rates.charge(ada, CLIENT, 9_000)
    refusal_of(rates, ada, 1)


async def test_each_kind_of_bucket_has_its_own_limit(redis_url: str) -> None:
    limits = {"credential": 1_000, "workspace": 1_500, "address": 1_800}
    rates = Rates(settings_of(redis_url, **limits))
    rates.charge(viewer(ADA), CLIENT, 1_000)
    assert "for each credential" in refusal_of(rates, viewer(ADA), 100)
    rates.charge(viewer(EVE), CLIENT, 500)
    assert "for each workspace" in refusal_of(rates, viewer(EVE), 100)
    rates.charge(None, CLIENT, 300)
    assert "for each address" in refusal_of(rates, None, 100)
    rates.charge(None, "192.0.2.2", 100)


async def test_addresses_of_one_ipv6_network_share_a_bucket(redis_url: str) -> None:
    rates = Rates(settings_of(redis_url, address=1_000))
    rates.charge(None, "2001:db8::1", 1_000)
    refusal_of(rates, None, 1, "2001:db8::ffff:1")
    rates.charge(None, "2001:db8:0:1::1", 1_000)


async def test_processes_share_a_bucket(redis_url: str, start: Start) -> None:
    settings = settings_of(redis_url)
    one, other = await start(settings), await start(settings)
    one.charge(viewer(), CLIENT, 4_000)
    assert await one.tell()
    other.charge(viewer(), CLIENT, 1_000)
    assert await other.tell()
    assert "credential" in refusal_of(other, viewer(), 2_000)
    one.charge(viewer(), CLIENT, 1)
    assert await one.tell()
    assert "credential" in refusal_of(one, viewer(), 1_500)


async def test_what_is_given_back_is_told_too(redis_url: str, start: Start) -> None:
    settings = settings_of(redis_url)
    one, other = await start(settings), await start(settings)
    charge = one.charge(viewer(), CLIENT, 6_000)
    assert await one.tell()
    charge.settle(0)
    one.charge(viewer(), CLIENT, 1)
    assert await one.tell()
    other.charge(viewer(), CLIENT, 1)
    assert await other.tell()
    assert other.state_of(viewer(), CLIENT).remaining > 5_900


async def test_a_hundred_requests_are_told_in_one_round_trip(redis_url: str, start: Start) -> None:
    rates = await start(settings_of(redis_url))
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        before = (await client.info("commandstats")).get("cmdstat_eval", {"calls": 0})["calls"]
        for _ in range(100):
            rates.charge(viewer(), CLIENT, 1)
        assert await rates.tell()
        after = (await client.info("commandstats"))["cmdstat_eval"]["calls"]
    assert after - before == 3  # one for each bucket


async def test_without_redis_a_process_keeps_the_limits_by_itself(start: Start) -> None:
    rates = await start(settings_of("redis://127.0.0.1:1/0"))
    rates.charge(viewer(), CLIENT, 6_000)
    assert not await rates.tell()
    assert "credential" in refusal_of(rates, viewer(), 1_000)


async def test_redis_that_goes_and_comes_back_takes_up_the_count(start: Start) -> None:
    with temporary_stores() as stores:
        settings = settings_of(stores.redis_url)
        one = await start(settings)
        one.charge(viewer(), CLIENT, 1_000)
        assert await one.tell()
        async with redis.asyncio.Redis.from_url(stores.redis_url) as client:
            # Redis answers nothing for a while, and then has forgotten all.
            await client.flushall()
            await client.client_pause(60_000, all=False)
            one.charge(viewer(), CLIENT, 2_000)
            assert not await one.tell()
            refusal_of(one, viewer(), 5_500)
            await client.client_unpause()
            assert await one.tell()
        other = await start(settings)
        other.charge(viewer(), CLIENT, 1)
        assert await other.tell()
        assert 3_900 < other.state_of(viewer(), CLIENT).remaining < 4_100
