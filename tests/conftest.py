"""Real servers for the session, a fresh database for each test that asks for one."""

import dataclasses
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

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

TEMPLATE = "dripgraph_template"


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
async def template_database(stores: StoreUrls) -> "Template":
    """A migrated database with two owners to copy; making it once keeps a fresh one cheap."""
    admin = await asyncpg.connect(stores.database_url)
    await admin.execute(f"CREATE DATABASE {TEMPLATE}")
    await admin.close()
    url = database_named(stores.database_url, TEMPLATE)
    await migrate(url)
    await db.connect(url, pool_max=1)
    partitions.forget_known()
    await partitions.ensure_ahead(now())
    settings = test_settings(url, stores.redis_url, ".")
    ada, eve = await new_session(settings, "ada"), await new_session(settings, "eve")
    await db.disconnect()
    return Template(ada, eve)


@pytest.fixture
async def database_url(stores: StoreUrls, template_database: "Template") -> AsyncIterator[str]:
    """A database of the test's own, for tests that start processes."""
    name = f"test_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(stores.database_url)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
    try:
        yield database_named(stores.database_url, name)
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """The same, with this process connected to it."""
    partitions.forget_known()
    await db.connect(database_url, pool_max=8)
    try:
        yield database_url
    finally:
        doorbells.connect(None)
        await db.disconnect()


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
class Template:
    """Sessions that every database copied from the template knows."""

    ada: Session
    eve: Session


def test_settings(database_url: str, redis_url: str, data_dir: str) -> Settings:
    return Settings.from_environment(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": "a secret of the tests, long enough to be taken",
            "DATA_DIR": data_dir,
            "PUBLIC_URL": "http://mail.example.com",
            "ACCESS_TOKEN_SECONDS": "7200",
        }
    )


test_settings.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return test_settings(database_url, redis_url, str(tmp_path / "data"))


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
async def session(database: str, template_database: Template) -> Session:
    """The owner of the test's workspace."""
    return template_database.ada


@pytest.fixture
async def api(session: Session, settings: Settings) -> AsyncIterator[Api]:
    """The public API over HTTP, in process, signed in as the owner of `session`'s workspace."""
    transport = httpx.ASGITransport(app=create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Api(client, session.tokens.access_token)


@pytest.fixture
async def stranger(api: Api, template_database: Template) -> Api:
    """The owner of another workspace, on the same server."""
    return Api(api.client, template_database.eve.tokens.access_token)
