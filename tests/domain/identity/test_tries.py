import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import redis.asyncio

from domain.base.errors import RateLimitedError
from domain.base.settings import Settings
from domain.identity.tries import Tries

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOME, AWAY = "192.0.2.1", "198.51.100.7"


@pytest.fixture
async def processes(settings_without_servers: Settings) -> AsyncIterator[tuple[Tries, Tries]]:
    """Two processes over one Redis."""
    both = (Tries(settings_without_servers), Tries(settings_without_servers))
    for one in both:
        await one.start()
    yield both
    for one in both:
        await one.stop()


@pytest.fixture
def settings_without_servers(redis_url: str, tmp_path: object) -> Settings:
    return Settings.from_environment(
        {"REDIS_URL": redis_url, "SECRET_KEY": "k" * 32, "DATA_DIR": str(tmp_path)}
    )


async def waits(
    tries: Tries, count: int, *, email: str = "ada@example.com", client: str = HOME, after: int = 0
) -> list[float]:
    """What each of so many tries at one time is told to wait; 0 for those that may go on."""
    found = []
    for _ in range(count):
        try:
            await tries.begin_sign_in(email, client, NOW + timedelta(seconds=after))
        except RateLimitedError as refusal:
            found.append(refusal.retry_after_seconds)
        else:
            found.append(0)
    return found


async def test_the_sixth_try_waits_and_each_further_one_twice_as_long(
    processes: tuple[Tries, Tries],
) -> None:
    tries, _ = processes
    assert await waits(tries, 7) == [0, 0, 0, 0, 0, 1, 1]
    assert await waits(tries, 2, after=1) == [0, 2]
    assert await waits(tries, 2, after=3) == [0, 4]
    assert await waits(tries, 1, after=5) == [2]


async def test_waits_end_at_five_minutes_and_all_is_forgotten_in_an_hour(
    processes: tuple[Tries, Tries],
) -> None:
    tries, _ = processes
    await waits(tries, 5)
    for doubled in range(1, 13):
        assert await waits(tries, 1, after=doubled * 300) == [0]
    assert await waits(tries, 1, after=12 * 300) == [300]


async def test_processes_count_together(processes: tuple[Tries, Tries]) -> None:
    one, other = processes
    assert await waits(one, 3) == [0, 0, 0]
    assert await waits(other, 3) == [0, 0, 1]


async def test_tries_at_once_all_count(processes: tuple[Tries, Tries]) -> None:
    one, other = processes
    found = await asyncio.gather(*(waits(each, 1) for each in (one, other) * 5))
    assert sorted(found) == [[0]] * 5 + [[1]] * 5


async def test_spellings_of_one_address_are_one_identity(processes: tuple[Tries, Tries]) -> None:
    tries, _ = processes
    await waits(tries, 5, email=" ADA@example.com")
    assert await waits(tries, 1, email="ada@EXAMPLE.com ") == [1]
    assert await waits(tries, 1, email="eve@example.com") == [0]


async def test_success_begins_anew(processes: tuple[Tries, Tries]) -> None:
    one, other = processes
    await waits(one, 5)
    await one.succeed_sign_in("ada@example.com", HOME, NOW)
    assert await waits(other, 6) == [0, 0, 0, 0, 0, 1]


async def test_who_signed_in_from_here_before_is_not_locked_out_by_the_rest_of_the_world(
    processes: tuple[Tries, Tries],
) -> None:
    tries, _ = processes
    await tries.succeed_sign_in("ada@example.com", HOME, NOW)
    assert await waits(tries, 6, client=AWAY) == [0, 0, 0, 0, 0, 1]
    assert await waits(tries, 6, client=HOME) == [0, 0, 0, 0, 0, 1]


async def test_one_address_may_try_fifty_identities(processes: tuple[Tries, Tries]) -> None:
    tries, _ = processes
    found = [await waits(tries, 1, email=f"{number}@example.com") for number in range(51)]
    assert found == [[0]] * 50 + [[1]]
    assert await waits(tries, 1, client=AWAY) == [0]


async def test_a_network_of_ipv6_is_one_address(processes: tuple[Tries, Tries]) -> None:
    tries, _ = processes
    for number in range(50):
        client = f"2001:db8:1:2::{number:x}"
        await tries.begin_sign_in(f"{number}@example.com", client, NOW)
    assert await waits(tries, 1, client="2001:db8:1:2:ffff::1") == [1]
    assert await waits(tries, 1, client="2001:db8:1:3::1") == [0]


async def test_good_sign_ins_of_an_office_do_not_count_against_it(
    processes: tuple[Tries, Tries],
) -> None:
    tries, _ = processes
    for number in range(60):
        email = f"{number}@example.com"
        await tries.begin_sign_in(email, HOME, NOW)
        await tries.succeed_sign_in(email, HOME, NOW)
    assert await waits(tries, 1) == [0]


async def test_twenty_accounts_an_hour_from_one_address(processes: tuple[Tries, Tries]) -> None:
    one, other = processes
    for number in range(20):
        await (one, other)[number % 2].begin_sign_up(f"{number}@example.com", HOME, NOW)
    with pytest.raises(RateLimitedError) as refusal:
        await one.begin_sign_up("ada@example.com", HOME, NOW)
    assert refusal.value.message == "Too many tries: try again in 10 s."
    await one.begin_sign_up("ada@example.com", AWAY, NOW)


async def test_redis_holds_no_address_that_can_be_read(
    processes: tuple[Tries, Tries], redis_url: str
) -> None:
    tries, _ = processes
    await waits(tries, 1)
    await tries.succeed_sign_in("ada@example.com", HOME, NOW)
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        keys = b" ".join(await client.keys("*"))
    assert b"example" not in keys
    assert HOME.encode() not in keys


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "unix:///nowhere/redis.sock"])
async def test_without_redis_a_process_counts_alone(
    settings_without_servers: Settings, url: str, tmp_path: object
) -> None:
    settings = Settings.from_environment(
        {"REDIS_URL": url, "SECRET_KEY": "k" * 32, "DATA_DIR": str(tmp_path)}
    )
    tries = Tries(settings)
    await tries.start()
    assert await waits(tries, 7) == [0, 0, 0, 0, 0, 1, 1]
    assert await waits(tries, 2, after=1) == [0, 2]
    await tries.succeed_sign_in("ada@example.com", HOME, NOW)
    assert await waits(tries, 6, after=2) == [0, 0, 0, 0, 0, 1]
    await tries.stop()


async def test_what_was_counted_with_redis_still_counts_when_it_goes_away(
    processes: tuple[Tries, Tries], redis_url: str
) -> None:
    tries, _ = processes
    await waits(tries, 5)
    await tries.stop()
    assert await waits(tries, 1) == [1]
