"""One worker process: Dramatiq's consumers and threads around an event loop with the ORM."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, Final

import dramatiq
import redis
import uvloop
from dramatiq.asyncio import EventLoopThread, get_event_loop_thread, set_event_loop_thread
from dramatiq.middleware import AsyncIO, Middleware

from domain.base.settings import Settings
from tasks.broker import Answering, actors, create_broker, load_actors, waiting_key
from tasks.stores import open_stores

if TYPE_CHECKING:
    from dramatiq import Broker, MessageProxy, Worker

logger = logging.getLogger(__name__)

# How long an idle consumer waits at most before it looks again.
IDLE_POLL_MS: Final = 100
# After SIGTERM: running units may finish, then they are cancelled.
DRAIN_MS: Final = 20_000
CANCEL_SECONDS: Final = 5.0

Resource = Callable[[Settings], AbstractAsyncContextManager[object]]
resources: Final[list[Resource]] = []
_stopping = threading.Event()


def resource(opener: Resource) -> Resource:
    """Have `opener` entered on the loop of every worker after the ORM, and left at its end.

    For what units share: connection pools, keys, clients.
    """
    resources.append(opener)
    return opener


def is_stopping() -> bool:
    """Whether this worker was asked to end: a long unit returns after its current batch."""
    return _stopping.is_set()


class LoopThread(AsyncIO):
    """Dramatiq's event loop, on uvloop and on a thread that cannot keep the process alive."""

    def before_worker_boot(self, _broker: "Broker", _worker: "Worker") -> None:
        thread = EventLoopThread(logging.getLogger("dramatiq.loop"))
        thread.daemon = True
        thread.start(timeout=10.0)
        set_event_loop_thread(thread)

    def after_worker_shutdown(self, _broker: "Broker", _worker: "Worker") -> None:
        thread = get_event_loop_thread()
        if thread is not None:
            thread.run_coroutine(_cancel_rest())
        super().after_worker_shutdown(_broker, _worker)  # type: ignore[no-untyped-call]


async def _cancel_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        logger.warning("cancelled %d units that did not end in time", len(rest))
        await asyncio.wait(rest, timeout=CANCEL_SECONDS)


class Surroundings(Middleware):
    """Opens the ORM, the bell and the resources before the first message is taken.

    Placed after `LoopThread`. Dramatiq only logs what a hook raises and would run on without a
    database; so the process ends instead, and its supervisor tries again.
    """

    def __init__(self, settings: Settings, application: str) -> None:
        self._settings = settings
        self._application = application
        self._stack = AsyncExitStack()

    def before_worker_boot(self, _broker: "Broker", _worker: "Worker") -> None:
        try:
            _run_on_loop(self._open)
        except Exception:
            logger.exception("the worker cannot start")
            logging.shutdown()
            os._exit(1)

    def after_worker_shutdown(self, _broker: "Broker", _worker: "Worker") -> None:
        _run_on_loop(self._stack.aclose)

    async def _open(self) -> None:
        await self._stack.enter_async_context(open_stores(self._settings, self._application))
        for opener in resources:
            await self._stack.enter_async_context(opener(self._settings))


def _run_on_loop(act: Callable[[], Awaitable[None]]) -> None:
    thread = get_event_loop_thread()
    if thread is None:
        message = "the event loop is not running"
        raise RuntimeError(message)
    thread.run_coroutine(act())


class Taken(Middleware):
    """Lets a doorbell ring again from the moment its message is taken up, before any reading."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def before_process_message(self, _broker: "Broker", message: "MessageProxy") -> None:
        try:
            self._client.delete(waiting_key(message.actor_name, message.kwargs))
        except redis.RedisError as error:
            # The key ends by itself.
            logger.debug("cannot mark %s as taken: %s", message.actor_name, error)


def declare_actors(broker: "Broker") -> None:
    for chosen in actors.values():
        declare = dramatiq.actor(actor_name=chosen.name, queue_name=chosen.queue, broker=broker)
        declare(Answering(chosen).answer)


def run_worker(settings: Settings, queues: set[str] | None = None, *, name: str = "worker") -> None:
    """Work until SIGTERM or SIGINT, then finish what runs. Call it from the main thread."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    load_actors()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    client = redis.Redis.from_url(settings.redis_url)
    broker = create_broker(
        client, [LoopThread(), Surroundings(settings, f"dripgraph {name}"), Taken(client)]
    )
    declare_actors(broker)
    worker = dramatiq.Worker(
        broker,
        queues=queues,
        worker_threads=settings.worker_threads,
        worker_timeout=IDLE_POLL_MS,
    )
    worker.start()
    logger.info("working on %s", ", ".join(sorted(queues or broker.queues)))
    ended.wait()
    logger.info("finishing what runs")
    _stopping.set()
    worker.stop(timeout=DRAIN_MS)
    broker.close()
    client.close()
