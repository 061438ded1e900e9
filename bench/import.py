# ruff: noqa: N999  the file is named as `make bench NAME=import` names it
"""Import 100,000 people from CSV beside a bare COPY of the same rows into the same table.

Rounds are interleaved and the medians taken: `seconds` is the whole path from file to last row,
upload to pieces included; `ratio_to_copy` divides it by the COPY of the same round; `peak_mib` is
the most memory that a process had resident which did one import and nothing else.
"""

import argparse
import asyncio
import csv
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson

from domain.audience.imports import IMPORT_SUBSCRIBERS, run_import, start_import
from domain.base import database
from domain.base.clock import now
from domain.base.ids import new_id
from domain.base.jobs import run_job
from domain.base.migrations import migrate
from server.embedded import temporary_stores

COLUMNS = [
    *["id", "workspace_id", "email", "status", "first_name", "last_name", "timezone", "locale"],
    *["attributes", "tags", "created_at", "updated_at", "unsubscribed_at"],
]
HEADER = [
    *["email", "first_name", "last_name", "timezone", "locale", "tags", "created_at"],
    *["plan", "age", "spent", "newsletter"],
]
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC"]
TAGS = ["", "new", "vip;shop", "new;trial;web"]
PLANS = ["free", "pro", "team"]


def write_file(path: Path, rows: int) -> None:
    chance = random.Random(7)
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(HEADER)
        for number in range(rows):
            day = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=chance.randrange(2000))
            writer.writerow(
                [
                    f"First.Last{chance.randrange(10**9)}.{number}@example{number % 977}.com",
                    f"First{number}",
                    "O'Last, Jr.",
                    chance.choice(ZONES),
                    "de-DE",
                    chance.choice(TAGS),
                    day.date().isoformat(),
                    chance.choice(PLANS),
                    chance.randrange(90),
                    f"{chance.random() * 100:.2f}",
                    chance.choice(["true", "false"]),
                ]
            )


async def chunks_of(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(64 * 1024):
            yield chunk


async def import_file(path: Path, workspace_id: UUID) -> None:
    job_id = await start_import(workspace_id, chunks_of(path), now())
    await run_job(job_id, {IMPORT_SUBSCRIBERS: run_import}, new_id(now()), now)


async def run_round(path: Path, workspace_id: UUID, url: str) -> tuple[float, float]:
    """Seconds of the import and of the COPY of what it left in the table."""
    await database.execute("TRUNCATE subscriber CASCADE")
    began = time.perf_counter()
    await import_file(path, workspace_id)
    taken = time.perf_counter() - began
    raw = await asyncpg.connect(url)
    landed = await raw.fetch(f"SELECT {', '.join(COLUMNS)} FROM subscriber ORDER BY random()")
    await raw.execute("TRUNCATE subscriber CASCADE")
    began = time.perf_counter()
    await raw.copy_records_to_table("subscriber", records=landed, columns=COLUMNS)
    copied = time.perf_counter() - began
    await raw.close()
    return taken, copied


async def run_rounds(
    path: Path, workspace_id: UUID, url: str, rounds: int
) -> list[tuple[float, float]]:
    await database.connect(url, pool_max=4)
    found = [await run_round(path, workspace_id, url) for _ in range(rounds)]
    await database.disconnect()
    return found


def peak_mib_of_child(path: Path, workspace_id: UUID, url: str) -> float:
    child = os.fork()
    if child == 0:

        async def once() -> None:
            await database.connect(url, pool_max=4)
            await import_file(path, workspace_id)

        asyncio.run(once())
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    assert status == 0
    return usage.ru_maxrss / 1024


async def prepare(url: str) -> UUID:
    await migrate(url)
    raw = await asyncpg.connect(url)
    workspace_id = new_id(now())
    await raw.execute(
        "INSERT INTO workspace (id, name, on_unknown, is_demo, created_at)"
        " VALUES ($1, 'Bench', 'hold', false, now())",
        workspace_id,
    )
    await raw.close()
    return workspace_id


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with temporary_stores(durable=True) as stores, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        write_file(path, given.rows)
        url = stores.database_url
        workspace_id = asyncio.run(prepare(url))
        peak_mib = peak_mib_of_child(path, workspace_id, url)
        rounds = asyncio.run(run_rounds(path, workspace_id, url, given.rounds))
    line = {
        "rows": given.rows,
        "seconds": round(statistics.median(taken for taken, _ in rounds), 2),
        "ratio_to_copy": round(statistics.median(taken / copied for taken, copied in rounds), 2),
        "peak_mib": round(peak_mib, 1),
    }
    print(orjson.dumps(line).decode())


if __name__ == "__main__":
    main()
