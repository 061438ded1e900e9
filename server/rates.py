"""How much may be asked in a minute, by who asks, their workspace and their address.

Each is a leaky bucket of points (what operations cost). A process decides by its own view of the
buckets, with no word to Redis; what it has let through it adds to Redis a tenth of a second later,
for all buckets in one round trip, and learns what the other processes have let through. A burst is
told at once. So all processes together let through at most what each of them grants within that
time beyond the limit. While Redis is away, each keeps the limits by itself.
"""

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.base.errors import RateLimitedError
from domain.base.networks import network_of
from domain.base.redis import PAUSE_SECONDS, redis_client
from domain.base.settings import Settings
from domain.identity.viewer import Viewer

logger = logging.getLogger(__name__)

WINDOW_SECONDS: Final = 60.0
SYNC_SECONDS: Final = 0.1
MAX_BUCKETS: Final = 20_000
# A share of a bucket that one process spends without telling the others at once.
UNTOLD_SHARE: Final = 0.05
_PREFIX: Final = "dripgraph:rate:"

# Adds points to a bucket and answers its level. The bucket is kept as the time at which it is empty
# again, by the clock of Redis, so that it needs no one to empty it.
_ADD: Final = """
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local rate = tonumber(ARGV[2])
local empty_at = tonumber(redis.call('GET', KEYS[1]) or '0')
if empty_at < now then empty_at = now end
empty_at = empty_at + tonumber(ARGV[1]) / rate
if empty_at <= now then
  redis.call('DEL', KEYS[1])
  return '0'
end
local left = math.ceil((empty_at - now) * 1000)
redis.call('SET', KEYS[1], string.format('%.6f', empty_at), 'PX', left)
return string.format('%.6f', (empty_at - now) * rate)
"""


@dataclass(frozen=True)
class Policy:
    """A bucket's size in points, which it also gives back in a minute."""

    name: str
    points: int

    @property
    def per_second(self) -> float:
        return self.points / WINDOW_SECONDS

    @cached_property
    def header(self) -> tuple[bytes, bytes]:
        text = f'"{self.name}";q={self.points};w={WINDOW_SECONDS:.0f}'
        return b"ratelimit-policy", text.encode()


class Bucket:
    """One bucket as this process sees it. Times are of the monotonic clock, in seconds."""

    __slots__ = ("empty_at", "is_untold", "key", "per_second", "policy", "size", "untold")

    def __init__(self, policy: Policy, key: str) -> None:
        self.policy = policy
        self.key = key
        self.size = policy.points
        self.per_second = policy.per_second
        self.empty_at = 0.0
        self.untold = 0.0
        self.is_untold = False

    def level(self, now: float) -> float:
        return max(self.empty_at - now, 0.0) * self.per_second

    def add(self, points: float, now: float) -> None:
        """Negative points are given back."""
        empty_at = self.empty_at
        empty_at = max(empty_at, now)
        self.empty_at = max(empty_at + points / self.per_second, now)
        self.untold += points

    def learn(self, level: float, now: float) -> None:
        """Take over the level that all processes together have come to."""
        self.empty_at = now + max(level + self.untold, 0.0) / self.per_second


class RateState(NamedTuple):
    """Of the bucket that is nearest to its limit: its policy, points left, seconds until empty."""

    policy: Policy
    remaining: int
    reset_seconds: float

    @property
    def resets_at(self) -> datetime:
        return datetime.fromtimestamp(math.ceil(time.time() + self.reset_seconds), UTC)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`RateLimit` and `RateLimit-Policy` of the IETF's draft (httpapi-ratelimit-headers-10)."""
        reset = math.ceil(self.reset_seconds)
        text = f'"{self.policy.name}";r={self.remaining};t={reset}'
        return [self.policy.header, (b"ratelimit", text.encode())]


class Charge:
    """The points of one operation, taken from its buckets."""

    __slots__ = ("_buckets", "_rates", "requested")

    def __init__(self, rates: "Rates", buckets: Sequence[Bucket], requested: float) -> None:
        self._rates = rates
        self._buckets = buckets
        self.requested = requested

    def settle(self, actual: float) -> RateState:
        """Make what was taken what it did cost."""
        difference = actual - self.requested
        now = time.monotonic()
        if difference:
            self._rates.add(self._buckets, difference, now)
            self.requested = actual
        return self._rates.state(self._buckets, now)


class Rates:
    """The buckets of one process; `start` in its event loop makes them one with the others'."""

    def __init__(self, settings: Settings) -> None:
        self._redis_url = settings.redis_url
        self.credential = Policy("credential", settings.rate_limit_credential)
        self.workspace = Policy("workspace", settings.rate_limit_workspace)
        self.address = Policy("address", settings.rate_limit_address)
        self._buckets: dict[tuple[str, object], Bucket] = {}
        # By the viewer object that authentication keeps: a look-up that hashes no ids.
        self._groups: dict[int | str, tuple[Viewer | None, str, tuple[Bucket, ...]]] = {}
        self._untold: list[Bucket] = []
        self._haste = asyncio.Event()
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._redis: Redis | None = None
        self._telling = asyncio.Lock()
        self._is_redis_away = False

    async def start(self) -> None:
        self._redis = redis_client(self._redis_url)
        self._task = asyncio.create_task(self._tell_on_and_on(), name="rates.tell")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = None

    def charge(self, viewer: Viewer | None, client: str, points: float) -> Charge:
        """Take an operation's points. Raises RateLimitedError, and then takes none.

        An operation larger than a bucket counts as much as the bucket: it needs an empty one.
        """
        found = self._groups.get(client if viewer is None else id(viewer))
        if found is not None and found[0] is viewer and found[1] == client:
            buckets = found[2]
        else:
            buckets = self._group(viewer, client)
        now = time.monotonic()
        for bucket in buckets:
            # An empty bucket takes anything; its `empty_at` has passed.
            if bucket.empty_at <= now:
                continue
            excess = bucket.level(now) + min(points, bucket.size) - bucket.size
            if excess > 0:
                wait = excess / bucket.per_second
                raise RateLimitedError(
                    f"The limit of {bucket.size:,} points a minute for each"
                    f" {bucket.policy.name} is reached: try again in {math.ceil(wait):,} s.",
                    retry_after_seconds=wait,
                )
        self.add(buckets, points, now)
        return Charge(self, buckets, points)

    def add(self, buckets: Sequence[Bucket], points: float, now: float) -> None:
        """Whatever the limits say."""
        for bucket in buckets:
            bucket.add(points, now)
            if not bucket.is_untold:
                bucket.is_untold = True
                self._untold.append(bucket)
                self._something.set()
            if bucket.untold > bucket.size * UNTOLD_SHARE:
                self._haste.set()

    @staticmethod
    def state(buckets: Sequence[Bucket], now: float) -> RateState:
        """That of the bucket with the smallest share left."""
        nearest, nearest_level = buckets[0], buckets[0].level(now)
        share = nearest_level / nearest.size
        for bucket in buckets[1:]:
            level = bucket.level(now)
            if level > share * bucket.size:
                nearest, nearest_level, share = bucket, level, level / bucket.size
        remaining = max(math.floor(nearest.size - nearest_level), 0)
        return RateState(nearest.policy, remaining, nearest_level / nearest.per_second)

    def state_of(self, viewer: Viewer | None, client: str) -> RateState:
        return self.state(self._group(viewer, client), time.monotonic())

    def _group(self, viewer: Viewer | None, client: str) -> tuple[Bucket, ...]:
        key = client if viewer is None else id(viewer)
        found = self._groups.get(key)
        if found is not None and found[0] is viewer and found[1] == client:
            return found[2]
        if len(self._buckets) > MAX_BUCKETS or len(self._groups) > MAX_BUCKETS:
            self._forget()
        group: tuple[Bucket, ...] = (self._bucket(self.address, network_of(client)),)
        if viewer is not None:
            group = (
                self._bucket(self.credential, viewer.api_key_id or viewer.user_id),
                self._bucket(self.workspace, viewer.workspace_id),
                *group,
            )
        self._groups[key] = (viewer, client, group)
        return group

    def _bucket(self, policy: Policy, of: object) -> Bucket:
        found = self._buckets.get((policy.name, of))
        if found is None:
            found = Bucket(policy, f"{_PREFIX}{policy.name}:{of}")
            self._buckets[policy.name, of] = found
        return found

    def _forget(self) -> None:
        """Drop the buckets that are empty; of too many, all whose points have been told."""
        now = time.monotonic()
        kept = {key: one for key, one in self._buckets.items() if one.empty_at > now}
        if len(kept) > MAX_BUCKETS // 2:
            kept = {key: one for key, one in kept.items() if one.is_untold}
        self._buckets = kept
        self._groups.clear()

    async def _tell_on_and_on(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            try:
                async with asyncio.timeout(SYNC_SECONDS):
                    await self._haste.wait()
            except TimeoutError:
                pass
            self._haste.clear()
            if not await self.tell():
                self._something.set()
                await asyncio.sleep(PAUSE_SECONDS)

    async def tell(self) -> bool:
        """Add to Redis what has been let through here, and learn what has been elsewhere.

        False when Redis is away: what was to be told then waits.
        """
        if self._redis is None:
            return False
        async with self._telling:
            return await self._tell(self._redis)

    async def _tell(self, redis: Redis) -> bool:
        buckets, self._untold = self._untold, []
        sent: list[float] = []
        now = time.monotonic()
        for bucket in buckets:
            # What has leaked out again while Redis was away is nothing to tell.
            sent.append(min(bucket.untold, bucket.level(now)))
            bucket.untold = 0.0
            bucket.is_untold = False
        try:
            async with redis.pipeline(transaction=False) as pipe:
                for bucket, points in zip(buckets, sent, strict=True):
                    pipe.eval(_ADD, 1, bucket.key, f"{points:.3f}", f"{bucket.per_second:.6f}")
                levels = await pipe.execute()
        except (RedisError, OSError) as error:
            if not self._is_redis_away:
                logger.warning("Redis is away, rate limits are each process's own: %s", error)
            self._is_redis_away = True
            for bucket, points in zip(buckets, sent, strict=True):
                bucket.untold += points
                if not bucket.is_untold:
                    bucket.is_untold = True
                    self._untold.append(bucket)
            return False
        if self._is_redis_away:
            logger.warning("Redis is back: rate limits are those of all processes together")
        self._is_redis_away = False
        now = time.monotonic()
        for bucket, level in zip(buckets, levels, strict=True):
            bucket.learn(float(level), now)
        return True
