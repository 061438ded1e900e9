"""What the keys cost: `(id, workspace_id)` with foreign keys that carry it, and monthly partitions.

The same rows go by COPY into four tables that differ in their keys only, interleaved; then single
rows are looked up by id alone. Ends with one JSON line of ratios to the plain table.
"""

import asyncio
import json
import random
import statistics
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from domain.base.ids import first_id_at, new_id
from server.embedded import temporary_stores

ROWS = 50_000
PARENTS = 10_000
ROUNDS = 5
LOOKUPS = 2_000
START = datetime(2026, 1, 1, tzinfo=UTC)
MONTHS = 12

COLUMNS = "id uuid NOT NULL, workspace_id uuid NOT NULL, parent_id uuid NOT NULL, note text"
SIMPLE = "FOREIGN KEY (parent_id) REFERENCES parent (id)"
COMPOSITE = "FOREIGN KEY (parent_id, workspace_id) REFERENCES parent (id, workspace_id)"
TABLES = {
    "plain": f"({COLUMNS}, PRIMARY KEY (id))",
    "composite": f"({COLUMNS}, PRIMARY KEY (id, workspace_id))",
    "plain_fk": f"({COLUMNS}, PRIMARY KEY (id), {SIMPLE})",
    "composite_fk": f"({COLUMNS}, PRIMARY KEY (id, workspace_id), {COMPOSITE})",
    "partitioned_fk": f"({COLUMNS}, PRIMARY KEY (id, workspace_id), {COMPOSITE})"
    " PARTITION BY RANGE (id)",
}


def month(index: int) -> datetime:
    return datetime(START.year + index // 12, index % 12 + 1, 1, tzinfo=UTC)


async def prepare(connection: asyncpg.Connection, workspace: UUID) -> list[UUID]:
    await connection.execute(
        "CREATE TABLE parent (id uuid PRIMARY KEY, workspace_id uuid NOT NULL,"
        " UNIQUE (id, workspace_id))"
    )
    parents = [new_id(START) for _ in range(PARENTS)]
    await connection.copy_records_to_table(
        "parent", records=[(parent, workspace) for parent in parents]
    )
    for name, definition in TABLES.items():
        await connection.execute(f"CREATE TABLE {name} {definition}")
    for index in range(MONTHS):
        await connection.execute(
            f"CREATE TABLE partitioned_fk_{index} PARTITION OF partitioned_fk FOR VALUES"
            f" FROM ('{first_id_at(month(index))}') TO ('{first_id_at(month(index + 1))}')"
        )
    return parents


async def measure(url: str) -> dict[str, float]:
    connection = await asyncpg.connect(url)
    workspace = new_id(START)
    parents = await prepare(connection, workspace)
    chance = random.Random(7)
    copies: dict[str, list[float]] = {name: [] for name in TABLES}
    lookups: dict[str, list[float]] = {name: [] for name in TABLES}
    for _ in range(ROUNDS):
        rows = [
            (
                new_id(START + timedelta(seconds=chance.uniform(0, 364 * 86_400))),
                workspace,
                chance.choice(parents),
                "note",
            )
            for _ in range(ROWS)
        ]
        wanted = [chance.choice(rows)[0] for _ in range(LOOKUPS)]
        for name in TABLES:
            started = time.perf_counter()
            await connection.copy_records_to_table(name, records=rows)
            copies[name].append(time.perf_counter() - started)
            statement = await connection.prepare(f"SELECT note FROM {name} WHERE id = $1")
            started = time.perf_counter()
            for identifier in wanted:
                await statement.fetchrow(identifier)
            lookups[name].append(time.perf_counter() - started)
    await connection.close()
    result: dict[str, float] = {"rows": ROWS * ROUNDS}
    for name in TABLES:
        for kind, times in (("copy", copies), ("lookup", lookups)):
            ratios = [a / b for a, b in zip(times[name], times["plain"], strict=True)]
            result[f"{kind}_{name}"] = round(statistics.median(ratios), 2)
    return result


def main() -> None:
    with temporary_stores(durable=True) as stores:
        print(json.dumps(asyncio.run(measure(stores.database_url))))


if __name__ == "__main__":
    main()
