"""The clock: once a second it looks for due work in Postgres and rings who does it.

Any number may run. One leads, by an advisory lock held in a transaction on a connection of its
own, so that it works through PgBouncer too; the others wait for it to be free.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import asyncpg

from domain.base import clock, database, doorbells, partitions
from domain.base.settings import Settings
from tasks.broker import Bell, load_actors

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 5.0
# A duty looks and rings, which takes milliseconds. One whose connection leads nowhere any more
# would wait for a quarter of an hour otherwise, and nothing of its kind would happen meanwhile.
DUTY_SECONDS: Final = 60.0
# Any number will do that no other advisory lock of ours uses.
LEADER_LOCK: Final = 0x64726970
COMPLAINT_INTERVAL_SECONDS: Final = 60.0

Rings = bool | list[dict[str, str]]
Act = Callable[[datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Duty:
    """Something the leader does every so often. It may be late, and it may happen twice."""

    name: str
    every_seconds: float
    act: Act


duties: Final[dict[str, Duty]] = {}


def every(seconds: float, name: str) -> Callable[[Act], Act]:
    """Have the decorated coroutine function run as duty `name`, with the time, on the leader.

    Raises ValueError when the name is taken.
    """

    def register(act: Act) -> Act:
        if name in duties:
            message = f"two duties are named {name}"
            raise ValueError(message)
        duties[name] = Duty(name, seconds, act)
        return act

    return register


def ring_when_due(
    doorbell: str, due: Callable[[datetime], Awaitable[Rings]], *, every_seconds: float = 1.0
) -> None:
    """Ring `doorbell` whenever `due` finds work: once for True, or once for each set of ids."""

    async def act(now: datetime) -> None:
        found = await due(now)
        calls: list[dict[str, str]] = ([{}] if found else []) if isinstance(found, bool) else found
        for ids in calls:
            await doorbells.ring(doorbell, **ids)

    every(every_seconds, doorbell)(act)


@every(3600.0, "partitions.ahead")
async def make_partitions_ahead(now: datetime) -> None:
    await partitions.ensure_ahead(now)


@dataclass(slots=True)
class Agenda:
    """When each duty is next, and which still run: a slow duty holds up no other."""

    entries: list[Duty]
    _next_at: dict[str, float] = field(default_factory=dict)
    _running: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    _quiet_until: dict[str, float] = field(default_factory=dict)

    def start_due(self, now: datetime) -> None:
        at = now.timestamp()
        for duty in self.entries:
            # Further off than its interval it can only be because the clock was put back.
            wait = self._next_at.get(duty.name, 0.0) - at
            is_due = wait <= 0 or wait > duty.every_seconds
            if is_due and duty.name not in self._running:
                self._next_at[duty.name] = at + duty.every_seconds
                task = asyncio.create_task(self._run(duty, now))
                self._running[duty.name] = task

    async def finish(self) -> None:
        """Wait for the duties that still run."""
        await asyncio.gather(*self._running.values())

    async def _run(self, duty: Duty, now: datetime) -> None:
        try:
            async with asyncio.timeout(DUTY_SECONDS):
                await duty.act(now)
            self._quiet_until.pop(duty.name, None)
        except Exception:
            # It comes round again; a long outage is told once a minute.
            at = now.timestamp()
            quiet = self._quiet_until.get(duty.name, 0.0) - at
            if quiet <= 0 or quiet > COMPLAINT_INTERVAL_SECONDS:
                self._quiet_until[duty.name] = at + COMPLAINT_INTERVAL_SECONDS
                logger.exception("duty %s failed, it will be tried again", duty.name)
        finally:
            del self._running[duty.name]


class Leadership:
    """The right to act, held as long as our connection to Postgres lives."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._connection: asyncpg.Connection | None = None

    async def is_held(self) -> bool:
        """Keep, or try to get, the lead. False while another has it or Postgres is away."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._try()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            logger.warning("the scheduler has no connection to Postgres: %s", error)
            self.release()
            return False

    async def _try(self) -> bool:
        if self._connection is not None:
            await self._connection.execute("SELECT 1")
            return True
        connection = await database.connect_alone(
            self._url,
            application_name="dripgraph scheduler lead",
            # A leader whose machine vanished is noticed by the server within seconds.
            tcp_keepalives_idle="1",
            tcp_keepalives_interval="1",
            tcp_keepalives_count="2",
        )
        try:
            # Between statements this transaction holds no snapshot, hence holds up no vacuum.
            await connection.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0")
            if await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LEADER_LOCK):
                self._connection = connection
        finally:
            # Left open it might hold the lock, when the answer came too late, and nobody would
            # lead.
            if self._connection is None:
                connection.terminate()
        return self._connection is not None

    def release(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


@contextlib.asynccontextmanager
async def _surroundings(settings: Settings) -> AsyncIterator[None]:
    await database.connect(
        settings.database_url,
        pool_max=settings.database_pool_size,
        application="dripgraph scheduler",
    )
    bell = Bell(settings.redis_url)
    doorbells.connect(bell.ring)
    try:
        yield
    finally:
        doorbells.connect(None)
        bell.close()
        await database.disconnect()


async def run_scheduler(settings: Settings, entries: list[Duty], ended: asyncio.Event) -> None:
    """Lead, or wait to lead, and do the duties, until `ended` is set."""
    leadership = Leadership(settings.database_url)
    agenda = Agenda(entries)
    leads = False
    async with _surroundings(settings):
        while not ended.is_set():
            led, leads = leads, await leadership.is_held()
            if leads != led:
                logger.info("leading" if leads else "no longer leading")
            if leads:
                agenda.start_due(clock.now())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), TICK_SECONDS)
        await agenda.finish()
        leadership.release()


async def main(settings: Settings) -> None:
    """Run every duty of `tasks` until SIGTERM or SIGINT."""
    load_actors()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await run_scheduler(settings, list(duties.values()), ended)
