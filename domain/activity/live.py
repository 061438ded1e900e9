"""Says over Redis that something watched has moved, so that watchers read Postgres at once.

A word that is lost costs promptness only: watchers look at Postgres every two seconds anyhow. The
number of messages sent in each second is counted here too, for the rate that is shown.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final, cast
from uuid import UUID

from redis.exceptions import RedisError

from domain.base import clock
from domain.base.database import after_commit
from domain.base.redis import PAUSE_SECONDS, redis_client

logger = logging.getLogger(__name__)

CHANNEL_PREFIX: Final = "dripgraph:live:"
RATE_WINDOW_SECONDS: Final = 10
_COUNT_KEPT_SECONDS: Final = 3 * RATE_WINDOW_SECONDS


class _Publisher:
    def __init__(self, url: str) -> None:
        self.redis = redis_client(url)
        self._silent_until = 0.0

    async def publish(self, channel: str, sequence_id: UUID | None, sent: int) -> None:
        at = clock.now().timestamp()
        if at < self._silent_until:
            return
        try:
            async with self.redis.pipeline(transaction=False) as pipe:
                if sequence_id is not None and sent:
                    key = _count_key(sequence_id, int(at))
                    pipe.incrby(key, sent)
                    pipe.expire(key, _COUNT_KEPT_SECONDS)
                pipe.publish(channel, b"")
                await pipe.execute()
        except (RedisError, OSError) as error:
            self._silent_until = at + PAUSE_SECONDS
            logger.warning("Redis did not take a live notice: %s", error)


_publisher: _Publisher | None = None


def connect(redis_url: str) -> None:
    """Name the Redis of this process, at start. Without it nothing is published."""
    global _publisher  # noqa: PLW0603  one publisher a process, set at start
    _publisher = _Publisher(redis_url)


async def disconnect() -> None:
    global _publisher
    if _publisher is not None:
        publisher, _publisher = _publisher, None
        await publisher.redis.aclose()


def sequence_channel(sequence_id: UUID) -> str:
    return f"{CHANNEL_PREFIX}sequence:{sequence_id}"


def job_channel(job_id: UUID) -> str:
    return f"{CHANNEL_PREFIX}job:{job_id}"


def _count_key(sequence_id: UUID, second: int) -> str:
    return f"dripgraph:sent:{{{sequence_id}}}:{second}"


async def notify(workspace_id: UUID, sequence_id: UUID, *, sent: int = 0) -> None:
    """Tell watchers of a sequence, after commit, that its numbers have moved.

    `sent` is how many messages this transaction recorded as sent. `add_to_rollups` calls this by
    itself.
    """
    del workspace_id  # Ids are unique everywhere; readers filter on the workspace.
    await _after_commit(sequence_channel(sequence_id), sequence_id, sent)


async def notify_job(job_id: UUID) -> None:
    """Tell watchers of a job, after commit, that it has moved."""
    await _after_commit(job_channel(job_id), None, 0)


async def _after_commit(channel: str, sequence_id: UUID | None, sent: int) -> None:
    async def send() -> None:
        if _publisher is not None:
            await _publisher.publish(channel, sequence_id, sent)

    await after_commit(send)


async def sent_lately(sequence_ids: Sequence[UUID], now: datetime) -> list[int] | None:
    """Messages of each sequence recorded as sent in the last ten whole seconds before `now`.

    None when Redis is absent or does not answer.
    """
    if _publisher is None:
        return None
    end = int(now.timestamp())
    try:
        async with _publisher.redis.pipeline(transaction=False) as pipe:
            for sequence_id in sequence_ids:
                pipe.mget(
                    [_count_key(sequence_id, s) for s in range(end - RATE_WINDOW_SECONDS, end)]
                )
            rows = cast("list[list[bytes | None]]", await pipe.execute())
    except (RedisError, OSError) as error:
        logger.warning("Redis did not tell the sending rate: %s", error)
        return None
    return [sum(int(count) for count in row if count is not None) for row in rows]
