"""What `dripgraph doctor` finds."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from domain.base.settings import Settings
from server.doctor import Check, Finding, examine
from server.mailbox import Mailbox

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an SMTP server."""
    mailbox = Mailbox(tmp_path / "mailbox")
    await mailbox.start("127.0.0.1", smtp_port=0, http_port=0)
    yield mailbox.smtp_url
    await mailbox.stop()


async def found(settings: Settings) -> dict[str, Check]:
    return {check.subject: check for check in await examine(settings)}


async def test_sound_deployment_has_nothing_bad(settings: Settings, relay: str) -> None:
    checks = await found(replace(settings, smtp_url=relay, anthropic_api_key="key"))
    assert {subject: check.finding for subject, check in checks.items()} == dict.fromkeys(
        (
            *("settings", "PostgreSQL", "migrations", "clocks"),
            *("Redis", "mail", "ANTHROPIC_API_KEY", "disk", "open files"),
        ),
        Finding.GOOD,
    )
    assert checks["migrations"].text == "all applied"
    assert checks["mail"].text.startswith(f"{relay.removeprefix('smtp://')} offers ")


async def test_migrations_not_applied_are_named(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.database_url)
    last = await connection.fetchrow("SELECT * FROM tortoise_migrations ORDER BY name DESC LIMIT 1")
    assert last is not None
    await connection.execute("DELETE FROM tortoise_migrations WHERE name = $1", last["name"])
    try:
        checks = await found(settings)
    finally:
        columns = ", ".join(last.keys())
        places = ", ".join(f"${place}" for place in range(1, len(last) + 1))
        await connection.execute(
            f"INSERT INTO tortoise_migrations ({columns}) VALUES ({places})", *last.values()
        )
        await connection.close()
    assert checks["migrations"] == Check(
        Finding.BAD, "migrations", f"not applied: {last['name']}: run `dripgraph migrate`"
    )


async def test_servers_that_do_not_answer_are_bad(settings: Settings) -> None:
    checks = await found(
        replace(
            settings,
            database_url="postgresql://nobody@127.0.0.1:1/none",
            redis_url="redis://127.0.0.1:1/0",
            smtp_url="smtp://127.0.0.1:1",
        )
    )
    for subject in ("PostgreSQL", "Redis", "mail"):
        assert checks[subject].finding is Finding.BAD
        assert "does not answer: " in checks[subject].text
    assert "migrations" not in checks


async def test_what_is_left_to_defaults_is_noted(settings: Settings) -> None:
    checks = await found(replace(settings, mailbox_smtp_port=1))
    assert checks["mail"] == Check(
        Finding.NOTE, "mail", "the built-in mailbox at 127.0.0.1:1 is not running"
    )
    assert checks["ANTHROPIC_API_KEY"] == Check(
        Finding.NOTE, "ANTHROPIC_API_KEY", "is not set: writing works locally"
    )


async def test_redis_that_evicts_is_noted(settings: Settings) -> None:
    client = redis.asyncio.Redis.from_url(settings.redis_url)
    await client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        checks = await found(settings)
    finally:
        await client.config_set("maxmemory-policy", "noeviction")
        await client.aclose()
    assert checks["Redis"].finding is Finding.NOTE
    assert checks["Redis"].text.endswith(" evicts by allkeys-lru: set maxmemory-policy noeviction")


async def test_command_ends_with_status_1_when_something_is_bad(settings: Settings) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server.cli", "doctor"),
        cwd=ROOT,
        env={
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "REDIS_URL": settings.redis_url,
            "SECRET_KEY": "k" * 32,
            "DATA_DIR": str(settings.data_dir.parent),
        },
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 1
    assert b"PostgreSQL" in output
    assert b"does not answer" in output
