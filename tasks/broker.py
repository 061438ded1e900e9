"""Dramatiq on Redis: how doorbells reach the units of work that answer them.

A message is a doorbell carrying ids; Postgres says what there is to do. So a lost message costs a
second (the scheduler rings again), a doubled one nothing, and a failed unit is not retried here.
"""

import asyncio
import importlib
import logging
import pkgutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware

import tasks

logger = logging.getLogger(__name__)

NAMESPACE: Final = "dripgraph"
QUEUES: Final = ("delivery", "sequences", "jobs")
# A worker that has been silent for this long has its messages given to others.
HEARTBEAT_TIMEOUT_MS: Final = 10_000
# Out of a million: every command looks for the messages of dead workers.
MAINTENANCE_CHANCE: Final = 1_000_000
DEAD_MESSAGE_TTL_MS: Final = 3_600_000
# A doorbell already waiting is not rung again; a message that got lost stops counting after this.
WAITING_TTL_MS: Final = 10_000
WARNING_INTERVAL_SECONDS: Final = 30.0

Unit = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Actor:
    """A unit of work under its doorbell's name: ids as text in, safe to repeat."""

    name: str
    queue: str
    unit: Unit
    at_once: int
    in_all: int | None = None


actors: Final[dict[str, Actor]] = {}


def actor(name: str, *, at_once: int = 1, in_all: int | None = None) -> Callable[[Unit], Unit]:
    """Let the decorated coroutine function answer the doorbell `name` (`noun.verb`).

    A process runs `at_once` units of the same name and ids at the same time, no more, and `in_all`
    of the same name. Doorbells beyond the latter are dropped: the scheduler must ring again.

    Raises ValueError when the name is taken.
    """

    def register(unit: Unit) -> Unit:
        if name in actors:
            message = f"two units answer the doorbell {name}"
            raise ValueError(message)
        actors[name] = Actor(name, queue_of(name), unit, at_once, in_all)
        return unit

    return register


def queue_of(name: str) -> str:
    """The queue of a doorbell: its noun's own, else `jobs`."""
    noun = name.partition(".")[0]
    return noun if noun in QUEUES else "jobs"


def create_broker(client: "redis.Redis", middleware: list[Middleware] | None = None) -> RedisBroker:
    """A broker that knows our queues; `middleware` is for workers only."""
    broker = RedisBroker(  # type: ignore[no-untyped-call]
        client=client,
        namespace=NAMESPACE,
        heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
        maintenance_chance=MAINTENANCE_CHANCE,
        dead_message_ttl=DEAD_MESSAGE_TTL_MS,
        middleware=middleware or [],
    )
    for queue in QUEUES:
        broker.declare_queue(queue)
    return broker


class Bell:
    """Sends doorbells from any process; connect it by `doorbells.connect(bell.ring)`.

    A bell that cannot be rung is a logged warning, never the caller's error.
    """

    def __init__(self, redis_url: str) -> None:
        # Whoever rings is answering a request or holding up a batch: give up soon.
        self._client = redis.Redis.from_url(
            redis_url, socket_timeout=2.0, socket_connect_timeout=2.0
        )
        self._broker = create_broker(self._client)
        self._quiet_until = 0.0

    async def ring(self, name: str, ids: dict[str, str]) -> None:
        try:
            await asyncio.to_thread(self._ring, name, ids)
        except redis.RedisError as error:
            if time.monotonic() >= self._quiet_until:
                self._quiet_until = time.monotonic() + WARNING_INTERVAL_SECONDS
                logger.warning("cannot ring %s, the scheduler will: %s", name, error)

    def _ring(self, name: str, ids: dict[str, str]) -> None:
        if self._client.set(waiting_key(name, ids), b"1", nx=True, px=WAITING_TTL_MS):
            self._broker.enqueue(
                dramatiq.Message(
                    queue_name=queue_of(name), actor_name=name, args=(), kwargs=ids, options={}
                )
            )

    def close(self) -> None:
        self._broker.close()
        self._client.close()


def waiting_key(name: str, ids: dict[str, str]) -> str:
    """The key that stands while a message with this name and these ids waits to be taken."""
    marks = "&".join(f"{key}={ids[key]}" for key in sorted(ids))
    return f"{NAMESPACE}:waiting:{name}?{marks}"


class Answering:
    """Runs an actor's units on the event loop, so many at once of the same name and ids.

    A doorbell beyond that takes no thread: it makes one of the running units run once more.
    """

    def __init__(self, chosen: Actor) -> None:
        self._unit = chosen.unit
        self._at_once = chosen.at_once
        self._in_all = chosen.in_all
        self._running: Counter[frozenset[tuple[str, str]]] = Counter()
        self._again: set[frozenset[tuple[str, str]]] = set()

    async def answer(self, **ids: str) -> None:
        key = frozenset(ids.items())
        if self._running[key] >= self._at_once:
            self._again.add(key)
            return
        if self._in_all is not None and self._running.total() >= self._in_all:
            return
        self._running[key] += 1
        try:
            await self._run(ids)
            while key in self._again:
                self._again.discard(key)
                await self._run(ids)
        finally:
            self._running[key] -= 1
            if not self._running[key]:
                del self._running[key]
                self._again.discard(key)

    async def _run(self, ids: dict[str, str]) -> None:
        # A task of its own starts without the ORM's state of an earlier unit, which a restart of
        # Postgres may have broken.
        await asyncio.ensure_future(self._unit(**ids))


def load_actors() -> None:
    """Import every module of `tasks`, so that its actors, resources and duties are known."""
    for module in pkgutil.iter_modules(tasks.__path__, "tasks."):
        importlib.import_module(module.name)
