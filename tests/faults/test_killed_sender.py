"""A worker that is killed while it sends: everybody is accounted for, and nobody is mailed twice.

The tables are compared with what the mail server has kept, by the Message-ID of each mail.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from domain.base.clock import now
from domain.base.database import execute, fetch, fetchval
from domain.delivery.recovery import recover_expired
from domain.identity.accounts import Session
from server.mailbox.running import Mailbox
from tasks.broker import Bell
from tests.domain.delivery.shop import Shop, open_shop

MESSAGES = 1000
CONNECTIONS = 8

WORKER = """
import os
from domain.base.settings import Settings
from tasks.worker import run_worker
run_worker(Settings.from_environment(os.environ), {"delivery"})
"""


class Workers:
    """Worker processes on one data folder, one at a time."""

    def __init__(self, variables: dict[str, str], log: Path) -> None:
        self._variables = variables
        self._log = log.open("w")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER], env=os.environ | self._variables, stderr=self._log
        )

    async def end(self, number: signal.Signals) -> None:
        """Signal it and wait for its end; meanwhile the mailbox, which lives here, goes on."""
        if self._process is not None:
            self._process.send_signal(number)
            await asyncio.to_thread(self._process.wait)
            self._process = None

    async def close(self) -> None:
        await self.end(signal.SIGKILL)
        self._log.close()


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[Mailbox]:
    box = Mailbox(tmp_path / "mailbox")
    await box.start()
    yield box
    await box.stop()


@pytest.fixture
async def shop(session: Session) -> Shop:
    return await open_shop(session.workspace_id)


@pytest.fixture
async def workers(
    database_url: str, redis_url: str, tmp_path: Path, mailbox: Mailbox
) -> AsyncIterator[Workers]:
    made = Workers(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": "k" * 32,
            "DATA_DIR": str(tmp_path / "data"),
            "SMTP_URL": f"{mailbox.smtp_url}?connections={CONNECTIONS}",
        },
        tmp_path / "worker.log",
    )
    yield made
    await made.close()


async def until_none(where: str) -> None:
    """Wait until no message is like that."""
    async with asyncio.timeout(60):
        left: object = True
        while left:
            await asyncio.sleep(0.05)
            left = await fetchval(f"SELECT count(*) FROM message WHERE {where}")


def mails_by_message(mailbox: Mailbox) -> Counter[UUID]:
    """How many mails were kept of each message."""
    ids = [mailbox.parsed(mail.id)["Message-ID"] for mail in mailbox.messages()]
    return Counter(UUID(str(one).strip("<>").partition("@")[0]) for one in ids)


async def by_status() -> dict[str, set[UUID]]:
    found: dict[str, set[UUID]] = {}
    for row in await fetch("SELECT id, status FROM message"):
        found.setdefault(row["status"], set()).add(row["id"])
    return found


async def ring(redis_url: str) -> None:
    bell = Bell(redis_url)
    await bell.ring("delivery.drain", {})
    bell.close()


async def test_killed_three_times_in_the_middle_nobody_is_missed_or_mailed_twice(
    shop: Shop, mailbox: Mailbox, workers: Workers, redis_url: str
) -> None:
    ids = set(await shop.queue(MESSAGES))
    await ring(redis_url)
    kills = (150, 450, 800)
    for count in kills:
        workers.start()
        await mailbox.wait_for(count)
        await workers.end(signal.SIGKILL)
        assert len(mailbox.messages()) < MESSAGES
    workers.start()
    await until_none("status IN ('queued', 'sending')")
    await workers.end(signal.SIGTERM)

    mails = mails_by_message(mailbox)
    statuses = await by_status()
    sent, unknown = statuses.pop("sent"), statuses.pop("unknown", set())
    assert statuses == {}
    assert sent | unknown == ids
    assert {message: mails[message] for message in sent} == dict.fromkeys(sent, 1)
    assert all(mails[message] <= 1 for message in unknown)
    assert sum(mails.values()) == len(sent) + sum(mails[message] for message in unknown)
    assert len(unknown) <= CONNECTIONS * len(kills)
    reasons = await fetch("SELECT DISTINCT reason FROM message WHERE status = 'unknown'")
    assert {row["reason"] for row in reasons} <= {"sender_died"}
    counters = await shop.counters()
    assert counters.pop("unknown", 0) == len(unknown)
    assert counters == {"queued": MESSAGES, "sent": len(sent)}


async def test_where_unknown_is_resent_everybody_is_mailed_and_only_those_in_doubt_twice(
    shop: Shop, mailbox: Mailbox, workers: Workers, redis_url: str
) -> None:
    await execute("UPDATE workspace SET on_unknown = 'resend'")
    ids = set(await shop.queue(MESSAGES))
    await ring(redis_url)
    workers.start()
    await mailbox.wait_for(400)
    await workers.end(signal.SIGKILL)
    workers.start()
    await until_none(
        "status = 'sending' OR (status = 'queued' AND reason IS DISTINCT FROM 'resent_unknown')"
    )
    in_doubt = (await by_status()).get("queued", set())
    # Their minute of waiting is over at once.
    await execute("UPDATE message SET send_after = $1 WHERE status = 'queued'", now())
    await ring(redis_url)
    await until_none("status IN ('queued', 'sending')")
    await workers.end(signal.SIGTERM)

    mails = mails_by_message(mailbox)
    assert await by_status() == {"sent": ids}
    twice = {message for message in ids if mails[message] > 1}
    assert set(mails) == ids
    assert twice <= in_doubt
    assert max(mails.values()) <= 2


async def test_with_the_machine_lost_what_it_had_in_hand_is_unknown(
    shop: Shop, mailbox: Mailbox, workers: Workers, redis_url: str, tmp_path: Path
) -> None:
    ids = set(await shop.queue(MESSAGES))
    await ring(redis_url)
    workers.start()
    await mailbox.wait_for(400)
    await workers.end(signal.SIGKILL)
    for journal in (tmp_path / "data" / "journal").iterdir():
        journal.unlink()
    in_hand = (await by_status())["sending"]
    lost = await fetchval("SELECT DISTINCT owner FROM message WHERE status = 'sending'")
    # A lease is five minutes; the next worker need not wait for it to go on with the rest.
    workers.start()
    await ring(redis_url)
    await until_none(f"status = 'queued' OR (status = 'sending' AND owner <> '{lost}')")
    await workers.end(signal.SIGTERM)
    await execute("UPDATE message SET lease_until = $1 WHERE id = ANY($2)", shop.at, list(in_hand))
    assert await recover_expired(now()) == len(in_hand)

    mails = mails_by_message(mailbox)
    assert await by_status() == {"sent": ids - in_hand, "unknown": in_hand}
    assert all(mails[message] == 1 for message in ids - in_hand)
    assert all(mails[message] <= 1 for message in in_hand)
