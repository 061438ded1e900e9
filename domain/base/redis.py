"""Redis, which hastens, counts and caches. It may be away at any time; nobody waits for it long."""

from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

TIMEOUT_SECONDS: Final = 0.25
# After a failure Redis is left alone for a moment.
PAUSE_SECONDS: Final = 1.0


def redis_client(url: str, timeout_seconds: float | None = TIMEOUT_SECONDS) -> Redis:
    """A pooled client that fails soon instead of trying again."""
    return Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds,
        retry=Retry(NoBackoff(), 0),
    )
