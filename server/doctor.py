"""`dripgraph doctor`: looks at what a deployment stands on, and changes nothing."""

import asyncio
import resource
import shutil
import smtplib
import sys
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import redis.asyncio

from domain.base import clock, database
from domain.base.settings import Settings

ANSWER_SECONDS: Final = 5.0
OLDEST_POSTGRES: Final = 160000
CLOCK_TOLERANCE: Final = timedelta(seconds=2)
LEAST_FREE_BYTES: Final = 1 << 30
LEAST_OPEN_FILES: Final = 1024


class Finding(Enum):
    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    finding: Finding
    subject: str
    text: str


async def examine(settings: Settings) -> list[Check]:
    """Every check, in the order in which to mend things. The settings name both stores."""
    return [
        _settings(settings),
        *await _postgres(settings),
        await _redis(settings),
        await asyncio.to_thread(_relay, settings),
        _writing(settings),
        _disk(settings),
        _open_files(),
    ]


def _settings(settings: Settings) -> Check:
    text = f"{settings.environment}, served as {settings.public_url}, data in {settings.data_dir}"
    return Check(Finding.GOOD, "settings", f"{text}, Python {sys.version.split()[0]}")


async def _postgres(settings: Settings) -> list[Check]:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            connection = await database.connect_alone(settings.database_url)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        return [Check(Finding.BAD, "PostgreSQL", f"does not answer: {_told(error)}")]
    try:
        return [
            await _version(connection),
            await _migrations(connection),
            await _clocks(connection),
        ]
    finally:
        await connection.close()


async def _version(connection: database.Connection) -> Check:
    number = int(str(await connection.fetchval("SHOW server_version_num")))
    text = f"version {await connection.fetchval('SHOW server_version')}"
    if number < OLDEST_POSTGRES:
        return Check(Finding.BAD, "PostgreSQL", f"{text}: 16 or newer is needed")
    return Check(Finding.GOOD, "PostgreSQL", text)


async def _migrations(connection: database.Connection) -> Check:
    table = await connection.fetchval("SELECT to_regclass('tortoise_migrations')::text")
    if table is None:
        return Check(Finding.BAD, "migrations", "none applied: run `dripgraph migrate`")
    pending = _known_migrations() - {
        record["name"] for record in await connection.fetch("SELECT name FROM tortoise_migrations")
    }
    if pending:
        names = ", ".join(sorted(pending))
        return Check(Finding.BAD, "migrations", f"not applied: {names}: run `dripgraph migrate`")
    return Check(Finding.GOOD, "migrations", "all applied")


def _known_migrations() -> set[str]:
    import pkgutil

    from domain import migrations

    return {module.name for module in pkgutil.iter_modules(migrations.__path__)}


async def _clocks(connection: database.Connection) -> Check:
    before = clock.now()
    theirs = await connection.fetchval("SELECT clock_timestamp()")
    apart = max(before - theirs, theirs - clock.now(), timedelta(0))
    if apart > CLOCK_TOLERANCE:
        text = f"this machine and PostgreSQL are {apart.total_seconds():.0f} s apart: run NTP"
        return Check(Finding.BAD, "clocks", text)
    return Check(Finding.GOOD, "clocks", "agree with PostgreSQL's")


async def _redis(settings: Settings) -> Check:
    client = redis.asyncio.Redis.from_url(
        settings.redis_url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
    )
    async with client:
        try:
            about = await client.info()
        except redis.RedisError as error:
            return Check(Finding.BAD, "Redis", f"does not answer: {_told(error)}")
    name = "Valkey" if "valkey_version" in about else "Redis"
    text = f"{name} {about.get('valkey_version', about['redis_version'])}"
    if about["maxmemory_policy"] != "noeviction":
        text += f" evicts by {about['maxmemory_policy']}: set maxmemory-policy noeviction"
        return Check(Finding.NOTE, "Redis", text)
    return Check(Finding.GOOD, "Redis", text)


def _relay(settings: Settings) -> Check:
    parts = urlsplit(settings.relay_url)
    secure = parts.scheme == "smtps"
    port = parts.port or (465 if secure else 587)
    connect = smtplib.SMTP_SSL if secure else smtplib.SMTP
    where = f"{parts.hostname}:{port}"
    try:
        with connect(parts.hostname or "", port, timeout=ANSWER_SECONDS) as session:
            session.ehlo()
            offers = [name for name in ("starttls", "pipelining", "auth") if session.has_extn(name)]
    except (OSError, smtplib.SMTPException) as error:
        if not settings.smtp_url:
            return Check(Finding.NOTE, "mail", f"the built-in mailbox at {where} is not running")
        return Check(Finding.BAD, "mail", f"{where} does not answer: {_told(error)}")
    kind = "" if settings.smtp_url else " (the built-in mailbox: nothing leaves this machine)"
    return Check(Finding.GOOD, "mail", f"{where} offers {', '.join(offers) or 'nothing'}{kind}")


def _writing(settings: Settings) -> Check:
    if settings.anthropic_api_key:
        return Check(Finding.GOOD, "ANTHROPIC_API_KEY", "is set")
    return Check(Finding.NOTE, "ANTHROPIC_API_KEY", "is not set: writing works locally")


def _disk(settings: Settings) -> Check:
    # The folder is made by the first process that writes into it.
    folder = next(one for one in (settings.data_dir, *settings.data_dir.parents) if one.exists())
    free = shutil.disk_usage(folder).free
    text = f"{free / (1 << 30):.1f} GiB free for {settings.data_dir}"
    return Check(Finding.GOOD if free >= LEAST_FREE_BYTES else Finding.BAD, "disk", text)


def _open_files() -> Check:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < LEAST_OPEN_FILES:
        return Check(Finding.BAD, "open files", f"at most {soft}: raise `ulimit -n` to 4096")
    return Check(Finding.GOOD, "open files", f"at most {soft}")


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
