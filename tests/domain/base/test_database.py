import asyncio

import pytest

from domain.base import database as db
from domain.base import doorbells
from domain.base.migrations import missing_operations


class Bell:
    """Answers doorbells by noting them."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, name: str, ids: dict[str, str]) -> None:
        self.rung.append((name, ids))


@pytest.fixture
def bell(database: str) -> Bell:
    answering = Bell()
    doorbells.connect(answering)
    return answering


async def test_a_doorbell_rings_after_the_outermost_commit(bell: Bell) -> None:
    async with db.transaction():
        async with db.transaction():
            await doorbells.ring("delivery.drain", workspace_id=7)
        assert bell.rung == []
    assert bell.rung == [("delivery.drain", {"workspace_id": "7"})]


async def test_a_rollback_drops_its_doorbells(bell: Bell) -> None:
    async def fail() -> None:
        async with db.transaction():
            await doorbells.ring("delivery.drain")
            message = "rolled back"
            raise LookupError(message)

    with pytest.raises(LookupError):
        await fail()
    assert bell.rung == []


async def test_outside_a_transaction_a_doorbell_rings_at_once(bell: Bell) -> None:
    await doorbells.ring("delivery.drain")
    assert bell.rung == [("delivery.drain", {})]


async def test_transactions_of_tasks_that_run_at_once_keep_their_doorbells_apart(
    bell: Bell,
) -> None:
    async def unit(number: int) -> None:
        async with db.transaction():
            await doorbells.ring("unit", number=number)
            await db.fetchval("SELECT pg_sleep(0.01)")
            if number == 2:
                raise asyncio.CancelledError

    results = await asyncio.gather(*(unit(n) for n in (1, 2, 3)), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), asyncio.CancelledError, type(None)]
    assert sorted(ids["number"] for _, ids in bell.rung) == ["1", "3"]


async def test_a_failure_after_the_commit_does_not_reach_the_caller(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        message = "no one is at home"
        raise ConnectionError(message)

    async with db.transaction():
        await db.after_commit(fail)
        value = await db.fetchval("SELECT 7")
    assert value == 7
    assert "a call after commit failed" in caplog.text


async def test_a_rolled_back_statement_leaves_nothing(database: str) -> None:
    async def write_and_fail() -> None:
        async with db.transaction():
            await db.execute("UPDATE workspace SET name = 'changed'")
            message = "rolled back"
            raise LookupError(message)

    with pytest.raises(LookupError):
        await write_and_fail()
    assert await db.fetchval("SELECT count(*) FROM workspace WHERE name = 'changed'") == 0


async def test_execute_counts_the_rows_it_touched(database: str) -> None:
    assert await db.execute("UPDATE workspace SET name = name") == 2
    assert await db.execute("SELECT 1") == 1
    assert await db.execute("SET application_name = 'x'") == 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://ann:s%40fe@db.example.com:6432/shop?statement_cache_size=0",
            {
                "host": "db.example.com",
                "port": 6432,
                "user": "ann",
                "password": "s@fe",
                "database": "shop",
                "statement_cache_size": 0,
            },
        ),
        (
            "postgresql://postgres@/shop?host=/run/pg",
            {"host": "/run/pg", "port": 5432, "password": None, "database": "shop"},
        ),
        ("postgres://a@b/shop?sslmode=require", {"ssl": "require", "database": "shop"}),
    ],
)
def test_a_url_becomes_credentials(url: str, expected: dict[str, object]) -> None:
    connections = db.tortoise_config(url)["connections"]
    assert isinstance(connections, dict)
    credentials = connections["default"]["credentials"]
    assert {key: credentials[key] for key in expected} == expected


async def test_the_migrations_make_what_the_models_say(database_url: str) -> None:
    assert await missing_operations() == []
