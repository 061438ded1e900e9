"""Sign-ins and sign-ups that come too often: counted by identity and by address, never by request.

Some tries are free; after them each must wait longer than the one before. A try is counted before
it is judged, so that those that run at once, or under aliases of one operation, all count. What is
counted is the address that was written, whether or not there is an account with it: a refusal tells
nothing. A client that has signed in to an account before is counted apart from the rest of the
world, so that nobody is locked out by the tries of others.

Counts are in Redis for all processes. Each process keeps its own too, which it goes by while Redis
is away.
"""

import hashlib
import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.base.errors import RateLimitedError
from domain.base.networks import network_of
from domain.base.redis import PAUSE_SECONDS, redis_client
from domain.base.settings import Settings

logger = logging.getLogger(__name__)

_PREFIX: Final = "dripgraph:{tries}:"
_KNOWN_SECONDS: Final = 30 * 86400
_MAX_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rule:
    """After `free` tries the next waits `first_wait`, then twice as long, to at most `last_wait`.

    All is forgotten `window` after the last try. In seconds.
    """

    name: str
    free: int
    first_wait: int
    last_wait: int
    window: int

    def wait(self, tries: int) -> int:
        """How long after this many tries the next one must wait."""
        if tries < self.free:
            return 0
        doublings = min(tries - self.free, 32)
        return min(self.first_wait << doublings, self.last_wait)


SIGN_IN_IDENTITY: Final = Rule("in-identity", 5, 1, 300, 3600)
SIGN_IN_ADDRESS: Final = Rule("in-address", 50, 1, 900, 3600)
SIGN_UP_IDENTITY: Final = Rule("up-identity", 5, 5, 900, 3600)
SIGN_UP_ADDRESS: Final = Rule("up-address", 20, 10, 3600, 3600)

# KEYS are the counts, then perhaps the sign that this client is known, with its own count after it.
# ARGV: the time; then for each count free, first_wait, last_wait, window. Answers how long to wait;
# counts only when that is nothing.
_BEGIN: Final = """
local now = tonumber(ARGV[1])
local keys = {KEYS[1], KEYS[2]}
if KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1 then keys[1] = KEYS[4] end
local longest = 0
for i = 1, 2 do
  local free, first, last = ARGV[i * 4 - 2], ARGV[i * 4 - 1], ARGV[i * 4]
  local kept = redis.call('HMGET', keys[i], 'tries', 'at')
  local tries = tonumber(kept[1] or '0')
  if tries >= tonumber(free) then
    local wait = math.min(first * 2 ^ math.min(tries - free, 32), last)
    longest = math.max(longest, (kept[2] or now) + wait - now)
  end
end
if longest > 0 then return tostring(longest) end
for i = 1, 2 do
  redis.call('HINCRBY', keys[i], 'tries', 1)
  redis.call('HSET', keys[i], 'at', ARGV[1])
  redis.call('EXPIRE', keys[i], ARGV[i * 4 + 1])
end
return '0'
"""
# KEYS: counts of the identity, the known client, the address; then the sign that it is known.
_SUCCEED: Final = """
redis.call('DEL', KEYS[1], KEYS[2])
if tonumber(redis.call('HGET', KEYS[3], 'tries') or '0') > 0 then
  redis.call('HINCRBY', KEYS[3], 'tries', -1)
end
redis.call('SET', KEYS[4], '', 'EX', ARGV[1])
"""


class _OwnCounts:
    """The counts that one process keeps by itself: tries and the time of the last, by key."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, float, int]] = {}

    def wait(self, key: str, rule: Rule, now: float) -> float:
        tries, at, _ = self._read(key, now)
        return max(at + rule.wait(tries) - now, 0.0)

    def add(self, key: str, rule: Rule, now: float) -> None:
        if len(self._kept) >= _MAX_KEPT:
            self._kept = {key: one for key, one in self._kept.items() if one[1] + one[2] > now}
            # Of those still too many the oldest go, which are first.
            for old in list(self._kept)[: len(self._kept) - _MAX_KEPT // 2]:
                del self._kept[old]
        tries, _, _ = self._read(key, now)
        self._kept.pop(key, None)
        self._kept[key] = (tries + 1, now, rule.window)

    def take_back(self, key: str) -> None:
        if key in self._kept:
            tries, at, window = self._kept[key]
            self._kept[key] = (max(tries - 1, 0), at, window)

    def forget(self, key: str) -> None:
        self._kept.pop(key, None)

    def _read(self, key: str, now: float) -> tuple[int, float, int]:
        found = self._kept.get(key)
        return found if found is not None and found[1] + found[2] > now else (0, now, 0)


class Tries:
    """One a process. It counts with the others from `start` to `stop`, before and after alone."""

    def __init__(self, settings: Settings) -> None:
        self._redis_url = settings.redis_url
        self._secret = settings.secret_key.encode()
        self._own = _OwnCounts()
        self._redis: Redis | None = None
        self._silent_until = 0.0

    async def start(self) -> None:
        self._redis = redis_client(self._redis_url)

    async def stop(self) -> None:
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = None

    async def begin_sign_in(self, email: str, client: str, now: datetime) -> None:
        """Count a try. Raises RateLimitedError, and then does not count it."""
        identity, address, pair = self._keys(email, client)
        await self._begin(
            [
                (SIGN_IN_IDENTITY, _key(SIGN_IN_IDENTITY, identity)),
                (SIGN_IN_ADDRESS, _key(SIGN_IN_ADDRESS, address)),
            ],
            [f"{_PREFIX}known:{pair}", _key(SIGN_IN_IDENTITY, pair)],
            now,
        )

    async def succeed_sign_in(self, email: str, client: str, now: datetime) -> None:
        """Begin the identity's count anew, take back the address's last try, know the client."""
        identity, address, pair = self._keys(email, client)
        of_identity, of_pair = _key(SIGN_IN_IDENTITY, identity), _key(SIGN_IN_IDENTITY, pair)
        of_address = _key(SIGN_IN_ADDRESS, address)
        self._own.forget(of_identity)
        self._own.take_back(of_address)
        await self._ask(
            _SUCCEED,
            [of_identity, of_pair, of_address, f"{_PREFIX}known:{pair}"],
            [str(_KNOWN_SECONDS)],
            now.timestamp(),
        )

    async def begin_sign_up(self, email: str, client: str, now: datetime) -> None:
        """Count a try, done or not. Raises RateLimitedError, and then does not count it."""
        identity, address, _ = self._keys(email, client)
        await self._begin(
            [
                (SIGN_UP_IDENTITY, _key(SIGN_UP_IDENTITY, identity)),
                (SIGN_UP_ADDRESS, _key(SIGN_UP_ADDRESS, address)),
            ],
            [],
            now,
        )

    async def _begin(
        self, counts: Sequence[tuple[Rule, str]], known: Sequence[str], now: datetime
    ) -> None:
        at = now.timestamp()
        values = [f"{at:.3f}"]
        for rule, _ in counts:
            values += map(str, (rule.free, rule.first_wait, rule.last_wait, rule.window))
        answer = await self._ask(_BEGIN, [*(key for _, key in counts), *known], values, at)
        if answer is None:
            wait = max(self._own.wait(key, rule, at) for rule, key in counts)
        else:
            wait = float(answer)
        if wait > 0:
            raise RateLimitedError(
                f"Too many tries: try again in {ceil(wait):,} s.", retry_after_seconds=wait
            )
        for rule, key in counts:
            self._own.add(key, rule, at)

    async def _ask(
        self, script: str, keys: Sequence[str], values: Sequence[str], at: float
    ) -> bytes | None:
        """The script's answer; None while Redis is away."""
        if self._redis is None or at < self._silent_until:
            return None
        try:
            answer = await self._redis.eval(script, len(keys), *keys, *values)
        except (RedisError, OSError) as error:
            self._silent_until = at + PAUSE_SECONDS
            logger.warning("Redis is away, tries are each process's own count: %s", error)
            return None
        return cast("bytes | None", answer)

    def _keys(self, email: str, client: str) -> tuple[str, str, str]:
        """Identity, address and both together, not to be read by who reads Redis."""
        identity, network = email.strip().casefold(), network_of(client)
        pair = f"{identity}\0{network}"
        return self._digest(identity), self._digest(network), self._digest(pair)

    def _digest(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(errors="replace"), hashlib.sha256).hexdigest()[
            :32
        ]


def _key(rule: Rule, of: str) -> str:
    return f"{_PREFIX}{rule.name}:{of}"
