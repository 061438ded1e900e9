"""Real servers for the session, a fresh database for each test that asks for one."""

import contextlib
import dataclasses
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import redis.asyncio

from domain.base import database as db
from domain.base import doorbells, partitions
from domain.base.clock import now
from domain.base.migrations import migrate
from domain.base.settings import Settings
from domain.identity.accounts import Session, sign_up
from server.app import create_app
from server.embedded import StoreUrls, temporary_stores
from tests.api_client import Api
from tests.reference import Reference

POOL_SIZE = 8
# What the driver sends by itself: transactions, resets, the look-up of types.
DRIVERS_OWN = re.compile(r"^\s*(BEGIN|COMMIT|ROLLBACK|SELECT pg_adv)|typeinfo_tree|\('jit'\)")


def database_named(url: str, name: str) -> str:
    """The URL with another database; a socket's URL keeps its empty host."""
    before, _, query = url.partition("?")
    return f"{before[: before.rindex('/')]}/{name}?{query}"


@pytest.fixture(scope="session")
def stores() -> Iterator[StoreUrls]:
    """One Postgres and one Valkey for the whole session."""
    with temporary_stores() as urls:
        yield urls


@pytest.fixture(scope="session")
async def prepared(stores: StoreUrls) -> "Prepared":
    """A migrated database with two owners; tests share it, and each finds it as it is now."""
    admin = await asyncpg.connect(stores.database_url)
    await admin.execute("CREATE DATABASE dripgraph_test")
    await admin.close()
    url = database_named(stores.database_url, "dripgraph_test")
    await migrate(url)
    await db.connect(url, pool_max=1)
    await partitions.ensure_ahead(now())
    settings = test_settings(url, stores.redis_url, ".")
    ada, eve = await new_session(settings, "ada"), await new_session(settings, "eve")
    tables = await db.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace AND relname <> 'tortoise_migrations'"
    )
    await db.disconnect()
    kept = {
        "workspace": f"id IN ('{ada.workspace_id}', '{eve.workspace_id}')",
        "account": f"id IN ('{ada.user_id}', '{eve.user_id}')",
        "membership": f"user_id IN ('{ada.user_id}', '{eve.user_id}')",
    }
    statements = ["SET session_replication_role = replica"]
    for (table,) in tables:
        where = f" WHERE NOT ({kept[table]})" if table in kept else ""
        statements.append(f"DELETE FROM {table}{where}")
    for owner in (ada, eve):
        name = "Ada''s shop" if owner is ada else "Eve''s shop"
        statements.append(
            f"UPDATE workspace SET name = '{name}', from_name = NULL, from_email = NULL,"
            f" on_unknown = 'hold', is_demo = false WHERE id = '{owner.workspace_id}'"
        )
    statements.append("UPDATE membership SET role = 'owner'")
    emptying = "; ".join(statements)
    # The first test finds what every other does.
    admin = await asyncpg.connect(url)
    await admin.execute(emptying)
    await admin.close()
    return Prepared(url, ada, eve, emptying)


@pytest.fixture
async def database_url(prepared: "Prepared") -> AsyncIterator[str]:
    """A database that holds the two owners and nothing else."""
    yield prepared.url
    admin = await asyncpg.connect(prepared.url)
    # A process that the test killed may have left a backend in the midst of a transaction.
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await admin.execute(prepared.emptying)
    await admin.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """The same, with this process connected to it."""
    await db.connect(database_url, pool_max=POOL_SIZE)
    try:
        yield database_url
    finally:
        doorbells.connect(None)
        await db.disconnect()


@pytest.fixture
async def statements(database: str) -> list[str]:
    """The text of each statement that this process has sent; clear it to begin counting."""
    sent: list[str] = []

    def note(record: asyncpg.connection.LoggedQuery) -> None:
        if not DRIVERS_OWN.search(record.query):
            sent.append(record.query)

    async with contextlib.AsyncExitStack() as stack:
        for _ in range(POOL_SIZE):
            raw = await stack.enter_async_context(db.connection())
            raw.add_query_logger(note)
    reads = db._reads
    assert reads is not None
    reads.prepare = lambda raw: raw.add_query_logger(note)
    for raw in reads._free:
        reads.prepare(raw)
    sent.clear()
    return sent


@pytest.fixture
async def redis_url(stores: StoreUrls) -> AsyncIterator[str]:
    """The session's Valkey, emptied."""
    client = redis.asyncio.Redis.from_url(stores.redis_url)
    await client.flushall()
    try:
        yield stores.redis_url
    finally:
        await client.aclose()


@dataclasses.dataclass(frozen=True)
class Prepared:
    """`emptying` deletes all that tests have written."""

    url: str
    ada: Session
    eve: Session
    emptying: str


def test_settings(database_url: str, redis_url: str, data_dir: str, **changed: str) -> Settings:
    return Settings.from_environment(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": "a secret of the tests, long enough to be taken",
            "DATA_DIR": data_dir,
            "PUBLIC_URL": "http://mail.example.com",
            "ACCESS_TOKEN_SECONDS": "7200",
            **changed,
        }
    )


test_settings.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return test_settings(database_url, redis_url, str(tmp_path / "data"))


@pytest.fixture
def settings_with(database_url: str, redis_url: str, tmp_path: Path) -> Callable[..., Settings]:
    """Settings in which some differ, by the names they have in the environment."""
    return lambda **changed: test_settings(
        database_url, redis_url, str(tmp_path / "data"), **changed
    )


async def new_session(settings: Settings, name: str) -> Session:
    return await sign_up(
        settings,
        email=f"{name}@example.com",
        password="correct horse battery",
        name=name.title(),
        workspace_name=f"{name.title()}'s shop",
        now=now(),
    )


@pytest.fixture
async def session(database: str, prepared: Prepared) -> Session:
    """The owner of the test's workspace."""
    return prepared.ada


@pytest.fixture
async def api(
    session: Session, settings: Settings, request: pytest.FixtureRequest
) -> AsyncIterator[Api]:
    """The public API over HTTP, in process, signed in as the owner of `session`'s workspace.

    Its queries are executed once more by the reference, but where statements are counted.
    """
    transport = httpx.ASGITransport(app=create_app(settings))
    checks = [] if "statements" in request.fixturenames else [Reference(settings).check]
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", event_hooks={"response": checks}
    ) as client:
        yield Api(client, session.tokens.access_token)


@pytest.fixture
async def stranger(api: Api, prepared: Prepared) -> Api:
    """The owner of another workspace, on the same server."""
    return Api(api.client, prepared.eve.tokens.access_token)
