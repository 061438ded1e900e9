"""Postgres through Tortoise's own asyncpg pool: transactions, rows, and what follows a commit.

Tortoise states models, migrations and simple writes. Set-based work is SQL on the very same
connections, so that both see one transaction.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

import asyncpg
import orjson
from asyncpg.pgproto import pgproto
from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.transactions import in_transaction

from domain.base.read_pool import ReadPool

if TYPE_CHECKING:
    from tortoise.backends.asyncpg.client import AsyncpgDBClient

logger = logging.getLogger(__name__)


Record: TypeAlias = asyncpg.Record
PostgresError: TypeAlias = asyncpg.PostgresError
Connection: TypeAlias = asyncpg.Connection
T = TypeVar("T")

MODEL_MODULES = [
    "domain.base.jobs",
    "domain.identity.models",
    "domain.activity.models",
    "domain.audience.models",
    "domain.content.models",
    "domain.delivery.models",
    "domain.sequences.models",
]

_reads: ReadPool | None = None
_after_commit: ContextVar[list[Callable[[], Awaitable[None]]] | None] = ContextVar(
    "after_commit", default=None
)


def tortoise_config(
    url: str, *, pool_min: int = 1, pool_max: int = 10, application: str = "dripgraph"
) -> dict[str, object]:
    """Tortoise's configuration for a `postgres://` URL.

    A Unix socket is named as libpq does: `postgres://user@/name?host=/folder`. Any other query
    parameter is handed to asyncpg; whole numbers as such (`statement_cache_size=0`).
    """
    parts = urlsplit(url)
    options: dict[str, object] = {
        key: int(value) if value.isdigit() else value for key, value in parse_qsl(parts.query)
    }
    host = options.pop("host", None) or parts.hostname or "127.0.0.1"
    sslmode = options.pop("sslmode", None)
    if sslmode is not None:
        options["ssl"] = sslmode
    return {
        "connections": {
            "default": {
                "engine": "tortoise.backends.asyncpg",
                "credentials": {
                    "host": host,
                    "port": parts.port or 5432,
                    "user": unquote(parts.username or "postgres"),
                    "password": unquote(parts.password) if parts.password else None,
                    "database": unquote(parts.path.lstrip("/")) or "postgres",
                    "minsize": pool_min,
                    "maxsize": pool_max,
                    "application_name": application,
                    **options,
                },
            }
        },
        "apps": {
            "dripgraph": {
                "models": MODEL_MODULES,
                "default_connection": "default",
                "migrations": "domain.migrations",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


async def connect(
    url: str,
    *,
    pool_min: int = 1,
    pool_max: int = 10,
    read_pool_max: int = 10,
    application: str = "dripgraph",
) -> None:
    """Open the process's pools. Every task of the process sees them, whichever task called.

    Transactions and the ORM use one of `pool_max` connections, single statements outside a
    transaction one of `read_pool_max`.
    """
    global _reads  # noqa: PLW0603  one a process, as Tortoise's own
    await Tortoise.init(
        config=tortoise_config(url, pool_min=pool_min, pool_max=pool_max, application=application),
        _enable_global_fallback=True,
    )
    _reads = ReadPool(lambda: connect_alone(url, application_name=application), read_pool_max)


async def connect_alone(url: str, **server_settings: str) -> Connection:
    """A connection outside the pools, for what must hold one: a lock, a subscription."""
    connections = cast("dict[str, dict[str, object]]", tortoise_config(url)["connections"])
    given = cast("dict[str, object]", connections["default"]["credentials"])
    options = {
        key: value
        for key, value in given.items()
        if key not in {"minsize", "maxsize", "application_name"}
    }
    return await asyncpg.connect(**options, server_settings=server_settings)


async def disconnect() -> None:
    global _reads
    if _reads is not None:
        reads, _reads = _reads, None
        await reads.close()
    await Tortoise.close_connections()


def pools() -> dict[str, dict[str, int]]:
    """Figures of the process's pools as they are now; of `write` it is not known who waits."""
    found = {} if _reads is None else {"read": _reads.figures()}
    pool = _client()._pool if Tortoise.is_inited() else None  # noqa: SLF001  no public way
    if pool is not None:
        opened = pool.get_size()
        found["write"] = {
            "limit": pool.get_max_size(),
            "open": opened,
            "in_use": opened - pool.get_idle_size(),
        }
    return found


def _alone() -> ReadPool | None:
    """The pool for a statement by itself; None inside a transaction."""
    return _reads if _after_commit.get() is None else None


def _client() -> "AsyncpgDBClient":
    return cast("AsyncpgDBClient", get_connection("default"))


@asynccontextmanager
async def connection() -> AsyncIterator[Connection]:
    """The running transaction's connection, or one from the pool when there is none.

    Inside a transaction the connection is taken for the length of the block: do not call the
    functions below, or the ORM, while holding it.
    """
    async with _client().acquire_connection() as raw:
        yield raw


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """One transaction; a nested call joins the outer one.

    What was asked for by `after_commit` runs once the outermost block has committed and is dropped
    if it rolls back.
    """
    if _after_commit.get() is not None:
        yield
        return
    calls: list[Callable[[], Awaitable[None]]] = []
    token = _after_commit.set(calls)
    try:
        async with in_transaction("default"):
            yield
    finally:
        _after_commit.reset(token)
    for call in calls:
        await _run_after_commit(call)


async def _run_after_commit(call: Callable[[], Awaitable[None]]) -> None:
    # The facts are committed: a failure here can cost promptness only, never the caller's result.
    try:
        await call()
    except Exception:
        logger.exception("a call after commit failed")


async def after_commit(call: Callable[[], Awaitable[None]]) -> None:
    """Run `call` after the running transaction commits, or at once when there is none."""
    calls = _after_commit.get()
    if calls is None:
        await _run_after_commit(call)
    else:
        calls.append(call)


def has_transaction() -> bool:
    return _after_commit.get() is not None


async def fetch(sql: str, *values: object) -> list[Record]:
    pool = _alone()
    if pool is not None:
        return await pool.fetch(sql, values)
    async with connection() as raw:
        return cast("list[Record]", await raw.fetch(sql, *values))


async def fetchrow(sql: str, *values: object) -> Record | None:
    """The first row. Ask the statement for one row only: all are read."""
    rows = await fetch(sql, *values)
    return rows[0] if rows else None


async def fetchval(sql: str, *values: object) -> object:
    """The first column of the first row, None when there is none."""
    rows = await fetch(sql, *values)
    return rows[0][0] if rows else None


async def execute(sql: str, *values: object) -> int:
    """Run one statement and return how many rows it touched (0 for those that count none)."""
    pool = _alone()
    if pool is not None:
        status = await pool.execute(sql, values)
    else:
        async with connection() as raw:
            status = await raw.execute(sql, *values)
    count = status.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0


def parse_uuid(text: str) -> UUID:
    """The id that a text spells; raises ValueError. asyncpg's own class reads it fastest."""
    identifier: UUID = pgproto.UUID(text)
    return identifier


def to_json(value: object) -> str:
    """Text for a `jsonb` parameter."""
    return orjson.dumps(value).decode()


async def in_fresh_task(unit: Callable[[], Coroutine[object, object, T]]) -> T:
    """Run one unit of background work in a task of its own.

    After a Postgres restart the ORM's transaction context of a task stays broken for good; a fresh
    task starts clean and so recovers by itself.
    """
    return await asyncio.create_task(unit())
