"""Thousands of WebSocket clients on one API process, watching sequences whose mail goes out.

5,000 clients (`graphql-transport-ws`) watch 50 sequences, while 1,000 sends a second are recorded
as workers record them: in batches of 200, by the domain's own function, in a process of its own.
The lag is from a batch's commit to each client's receipt of a value that counts it; as values come
at most four a second, up to 250 ms of it are meant. CPU and memory are the API process's. Ends with
one JSON line.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import UUID

import asyncpg
import numpy as np
import orjson
import uvloop

from bench.graphql import free_ports, running
from bench.http_load import cpu_seconds
from bench.live_client import Watcher, opening, subscription
from domain.activity import live
from domain.activity.rollups import RollupRow, add_to_rollups
from domain.base import database
from domain.base.clock import now
from domain.base.database import after_commit, transaction
from domain.base.ids import new_id
from domain.base.migrations import migrate
from domain.base.settings import Settings
from domain.identity.accounts import Session, sign_up
from schema.base.node import encode_id
from server.embedded import temporary_stores

BATCH = 200
WATCH = """subscription Watch($id: ID!) {
  sendStats(sequenceId: $id) {
    queued sent skipped failed unknown delivered bounced opened clicked unsubscribed sentPerSecond
    openRate { value low high } clickRate { value low high }
  }
}"""
STEPS = ("welcome", "tips", "offer", "last call")

Commit = tuple[float, dict[int, int]]
"""When a batch was committed, and how many each sequence had then sent in all."""


async def prepare(settings: Settings, sequences: int) -> tuple[Session, list[UUID]]:
    await migrate(settings.database_url)
    await database.connect(settings.database_url)
    session = await sign_up(
        settings,
        email="bench@example.com",
        password="bench bench bench",
        name="Bench",
        workspace_name="Bench",
        now=now(),
    )
    await database.disconnect()
    connection = await asyncpg.connect(settings.database_url)
    ids = [new_id(now() - timedelta(minutes=number)) for number in range(sequences)]
    definition = orjson.dumps({"start": None, "triggers": [], "steps": [], "reentry": "never"})
    await connection.executemany(
        "INSERT INTO sequence (id, workspace_id, name, status, draft, draft_revision, created_at,"
        " updated_at) VALUES ($1, $2, $3, 'draft', $4, 1, now(), now())",
        [
            (one, session.workspace_id, f"Sequence {number}", definition.decode())
            for number, one in enumerate(ids)
        ],
    )
    await connection.close()
    return session, ids


def drive(
    settings: Settings, workspace_id: UUID, ids: list[UUID], rate: int, to: Connection
) -> None:
    """Record sends at the rate until told to stop, and tell when each batch was committed."""
    uvloop.run(_drive(settings, workspace_id, ids, rate, to))


async def _drive(
    settings: Settings, workspace_id: UUID, ids: list[UUID], rate: int, to: Connection
) -> None:
    await database.connect(settings.database_url)
    live.connect(settings.redis_url)
    totals = [0] * len(ids)
    commits: list[Commit] = []
    number = 0
    started = time.monotonic()
    while not to.poll():
        places = [(number * BATCH + place) % len(ids) for place in range(BATCH)]
        rows = [
            RollupRow(workspace_id, ids[place], STEPS[turn % len(STEPS)], now(), sent=1, opened=1)
            for turn, place in enumerate(places)
        ]
        for place in places:
            totals[place] += 1
        told = {place: totals[place] for place in places}

        async def note(told: dict[int, int] = told) -> None:
            commits.append((time.monotonic(), told))

        async with transaction():
            await after_commit(note)
            await add_to_rollups(rows)
        number += 1
        await asyncio.sleep(max(0.0, started + number * BATCH / rate - time.monotonic()))
    await live.disconnect()
    await database.disconnect()
    to.recv()
    to.send((commits, number * BATCH / (time.monotonic() - started)))


def resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError("the kernel does not tell the memory of a process")


async def watch_all(
    port: int, token: str, ids: list[UUID], clients: int, ends: list[str]
) -> list[Watcher]:
    """Connect and subscribe them all, a hundred at a time, until each has a first value."""
    loop = asyncio.get_running_loop()
    hello = opening(token)
    watchers: list[Watcher] = []
    for start in range(0, clients, 100):
        wave = []
        for number in range(start, min(clients, start + 100)):
            variables: dict[str, object] = {"id": encode_id("Sequence", ids[number % len(ids)])}
            asked = subscription(WATCH, variables, f"watch-{number}")
            _, watcher = await loop.create_connection(
                lambda asked=asked: Watcher(hello, asked, ends.append), "127.0.0.1", port
            )
            wave.append(watcher)
        await asyncio.gather(*(watcher.first for watcher in wave))
        watchers += wave
    return watchers


def lags_ms(
    watchers: list[Watcher], sequences: int, commits: list[Commit], begin: float, end: float
) -> np.ndarray:
    """For each commit in the window and each client that watches it; infinite if never seen."""
    found = []
    by_sequence = [
        [(at, told[place]) for at, told in commits if place in told and begin <= at <= end]
        for place in range(sequences)
    ]
    for number, watcher in enumerate(watchers):
        told = by_sequence[number % sequences]
        counts = np.frombuffer(watcher.counts, dtype=np.int64)
        times = np.append(np.frombuffer(watcher.times, dtype=np.float64), np.inf)
        places = np.searchsorted(counts, [count for _, count in told], side="left")
        found.append(times[places] - np.array([at for at, _ in told]))
    return np.concatenate(found) * 1e3


async def measure(
    options: argparse.Namespace, settings: Settings, session: Session, ids: list[UUID], pid: int
) -> dict[str, float]:
    ends: list[str] = []
    before = resident_kib(pid)
    watchers = await watch_all(
        settings.port, session.tokens.access_token, ids, options.clients, ends
    )
    print(f"{len(watchers)} clients are connected", flush=True)
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    driver = multiprocessing.get_context("spawn").Process(
        target=drive, args=(settings, session.workspace_id, ids, options.rate, theirs)
    )
    driver.start()
    await asyncio.sleep(options.warm_up)
    begin, used = time.monotonic(), cpu_seconds([pid])
    seen = sum(len(watcher.times) for watcher in watchers)
    own = time.process_time()
    await asyncio.sleep(options.seconds)
    end = time.monotonic()
    share = (cpu_seconds([pid]) - used) / (end - begin)
    values = (sum(len(watcher.times) for watcher in watchers) - seen) / (end - begin)
    own = (time.process_time() - own) / (end - begin)
    after = resident_kib(pid)
    await asyncio.sleep(3)
    ours.send("stop")
    commits, rate = await asyncio.to_thread(ours.recv)
    driver.join()
    if ends:
        raise RuntimeError(f"{len(ends)} clients were cut off, the first by: {ends[0]}")
    lags = lags_ms(watchers, len(ids), commits, begin, end)
    print(
        f"{rate:.0f} sends a second recorded, {values:.0f} values a second received;"
        f" lag p50 {np.percentile(lags, 50):.0f}, p99 {np.percentile(lags, 99):.0f},"
        f" most {lags.max():.0f} ms; the clients' own CPU share {own:.2f}"
    )
    for watcher in watchers:
        watcher.is_leaving = True
        watcher.transport.abort()
    return {
        "clients": len(watchers),
        "p99_lag_ms": round(float(np.percentile(lags, 99)), 1),
        "kib_per_client": round((after - before) / len(watchers), 1),
        "cpu_share": round(share, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.live", description=__doc__)
    parser.add_argument("--clients", type=int, default=5_000)
    parser.add_argument("--sequences", type=int, default=50)
    parser.add_argument("--rate", type=int, default=1_000, help="sends a second")
    parser.add_argument("--warm-up", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    needed = options.clients + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        parser.error(f"{needed} open files are needed, and at most {hard} are allowed here")
    if soft < needed:
        # Children inherit it.
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    with ExitStack() as stack:
        stores = stack.enter_context(temporary_stores(durable=True))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        (port,) = free_ports(1)
        environ = {
            "DATABASE_URL": stores.database_url,
            "REDIS_URL": stores.redis_url,
            "SECRET_KEY": "a secret of the benchmark, long enough for it",
            "DATA_DIR": folder,
            "PORT": str(port),
            "ACCESS_TOKEN_SECONDS": "7200",
            "LOG_LEVEL": "WARNING",
        }
        settings = Settings.from_environment(environ)
        session, ids = asyncio.run(prepare(settings, options.sequences))
        load = os.getloadavg()[0]
        pid = stack.enter_context(
            running([sys.executable, "-m", "server.cli", "serve"], environ, port)
        )
        result = uvloop.run(measure(options, settings, session, ids, pid))
    print(f"Load of the machine at the start: {load:.1f} on {os.cpu_count()} cores")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
