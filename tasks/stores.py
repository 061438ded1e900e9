"""What every process opens first: Postgres, the live channel, the cache, the doorbells."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.activity import live
from domain.base import cache, database, doorbells
from domain.base.settings import Settings
from tasks.broker import Bell


@asynccontextmanager
async def open_stores(settings: Settings, application: str) -> AsyncIterator[None]:
    """Connect this process, under the name that Postgres shows for its connections."""
    await database.connect(
        settings.database_url,
        pool_max=settings.database_pool_size,
        read_pool_max=settings.read_pool_size,
        application=application,
    )
    live.connect(settings.redis_url)
    cache.connect(settings.redis_url)
    bell = Bell(settings.redis_url)
    doorbells.connect(bell.ring)
    try:
        yield
    finally:
        doorbells.connect(None)
        bell.close()
        await cache.disconnect()
        await live.disconnect()
        await database.disconnect()
