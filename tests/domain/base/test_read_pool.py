import asyncio

import asyncpg
import pytest

from domain.base.database import connect_alone
from domain.base.read_pool import ReadPool

SIZE = 2


@pytest.fixture
async def pool(database_url: str):  # noqa: ANN201  a fixture of one file
    made = ReadPool(lambda: connect_alone(database_url, application_name="reads"), SIZE)
    yield made
    await made.close()


async def value(pool: ReadPool, sql: str) -> object:
    return (await pool.fetch(sql, ()))[0][0]


async def test_no_more_connections_are_opened_than_it_may_have(pool: ReadPool) -> None:
    pids = await asyncio.gather(
        *(value(pool, "SELECT pg_backend_pid() FROM pg_sleep(0.002)") for _ in range(40))
    )
    assert len(set(pids)) == SIZE


async def test_a_statement_that_fails_leaves_its_connection_in_use(pool: ReadPool) -> None:
    pid = await value(pool, "SELECT pg_backend_pid()")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await pool.fetch("SELECT 1 / 0", ())
    assert await value(pool, "SELECT pg_backend_pid()") == pid


async def test_a_cancelled_statement_costs_its_connection_and_no_one_elses(pool: ReadPool) -> None:
    slow = asyncio.create_task(pool.fetch("SELECT pg_sleep(60)", ()))
    sleeping = "SELECT max(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
    while (pid := await value(pool, sleeping)) is None:  # noqa: ASYNC110  the server tells
        await asyncio.sleep(0)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    pids = await asyncio.gather(
        *(value(pool, "SELECT pg_backend_pid() FROM pg_sleep(0.002)") for _ in range(10))
    )
    assert pid not in pids
    assert len(set(pids)) == SIZE


async def test_connections_that_the_server_ended_are_replaced(
    pool: ReadPool, database_url: str
) -> None:
    await asyncio.gather(*(value(pool, "SELECT pg_sleep(0.002)") for _ in range(4)))
    admin = await asyncpg.connect(database_url)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'reads'"
    )
    await admin.close()
    answers = await asyncio.gather(
        *(value(pool, "SELECT 7") for _ in range(8)), return_exceptions=True
    )
    # At most the connections that were open can fail, once each.
    assert answers.count(7) >= 8 - SIZE
    assert await asyncio.gather(*(value(pool, "SELECT 7") for _ in range(8))) == [7] * 8


async def test_one_who_waits_and_gives_up_does_not_keep_the_next_from_its_turn(
    pool: ReadPool,
) -> None:
    busy = [asyncio.create_task(value(pool, "SELECT 1 FROM pg_sleep(0.05)")) for _ in range(SIZE)]
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(value(pool, "SELECT 2")) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    assert await asyncio.gather(*busy) == [1] * SIZE
    assert await asyncio.gather(*waiting[1:]) == [2, 2]


async def test_a_closed_pool_answers_nobody(pool: ReadPool) -> None:
    await pool.close()
    with pytest.raises(asyncpg.InterfaceError):
        await pool.fetch("SELECT 1", ())


async def test_execute_answers_the_status_line(pool: ReadPool) -> None:
    assert await pool.execute("UPDATE workspace SET name = name", ()) == "UPDATE 2"


async def test_one_who_gives_up_as_a_connection_comes_free_is_cancelled_and_nothing_else(
    database_url: str,
) -> None:
    pool = ReadPool(lambda: connect_alone(database_url), 1)
    held = await pool._take()
    first, second = (asyncio.create_task(value(pool, "SELECT 2")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    pool._give_back(held)
    assert await second == 2
    with pytest.raises(asyncio.CancelledError):
        await first
    await pool.close()
