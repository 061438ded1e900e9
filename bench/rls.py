"""What row-level security would cost a read: the same row by primary key, three ways, interleaved.

`plain` filters by the workspace in the statement, as all of ours do. `transaction` sets the
workspace for a transaction and lets a policy filter as well. `session` sets it on the connection
whenever the workspace changes, here with every statement, as a shared pool would see it. The role
that reads is not the owner, so that the policy holds. Ends with one JSON line of ratios to plain.
"""

import json
import resource
import statistics
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import uvloop

from domain.base.ids import new_id
from server.embedded import temporary_stores

ROWS = 20_000
WORKSPACES = 20
READS = 3_000
ROUNDS = 5
START = datetime(2026, 1, 1, tzinfo=UTC)

SET_UP = """
CREATE ROLE reader;
CREATE TABLE plain_row (id uuid, workspace_id uuid, note text, PRIMARY KEY (id, workspace_id));
CREATE TABLE guarded_row (LIKE plain_row INCLUDING ALL);
ALTER TABLE guarded_row ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON guarded_row
  USING (workspace_id = (SELECT current_setting('dripgraph.workspace', true)::uuid));
GRANT SELECT ON plain_row, guarded_row TO reader;
"""
READ = "SELECT note FROM {} WHERE id = $1 AND workspace_id = $2"


async def plain(connection: asyncpg.Connection, identifier: UUID, workspace: UUID) -> str:
    return (await connection.fetchrow(READ.format("plain_row"), identifier, workspace))[0]


async def transaction(connection: asyncpg.Connection, identifier: UUID, workspace: UUID) -> str:
    async with connection.transaction():
        await connection.execute(
            "SELECT set_config('dripgraph.workspace', $1, true)", str(workspace)
        )
        return (await connection.fetchrow(READ.format("guarded_row"), identifier, workspace))[0]


async def session(connection: asyncpg.Connection, identifier: UUID, workspace: UUID) -> str:
    await connection.execute("SELECT set_config('dripgraph.workspace', $1, false)", str(workspace))
    return (await connection.fetchrow(READ.format("guarded_row"), identifier, workspace))[0]


WAYS = {"plain": plain, "transaction": transaction, "session": session}


async def measure(url: str) -> dict[str, float]:
    connection = await asyncpg.connect(url)
    await connection.execute(SET_UP)
    workspaces = [new_id(START) for _ in range(WORKSPACES)]
    rows = [
        (new_id(START + timedelta(seconds=number)), workspaces[number % WORKSPACES], f"{number}")
        for number in range(ROWS)
    ]
    for table in ("plain_row", "guarded_row"):
        await connection.copy_records_to_table(table, records=rows)
    await connection.execute("ANALYZE; SET ROLE reader")
    wall: dict[str, list[float]] = {name: [] for name in WAYS}
    cpu: dict[str, list[float]] = {name: [] for name in WAYS}
    for turn in range(ROUNDS + 1):
        for name, read in WAYS.items():
            started, used = time.perf_counter(), _cpu()
            for number in range(READS):
                identifier, workspace, note = rows[number * 7 % ROWS]
                if await read(connection, identifier, workspace) != note:
                    raise RuntimeError("the wrong row")
            if turn:
                wall[name].append(time.perf_counter() - started)
                cpu[name].append(_cpu() - used)
    await connection.close()
    result: dict[str, float] = {"reads": READS * ROUNDS}
    for name in ("transaction", "session"):
        for kind, times in (("latency", wall), ("cpu", cpu)):
            ratios = [a / b for a, b in zip(times[name], times["plain"], strict=True)]
            result[f"{kind}_{name}"] = round(statistics.median(ratios), 2)
    result["plain_us"] = round(statistics.median(wall["plain"]) / READS * 1e6)
    return result


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    with temporary_stores(durable=True) as stores:
        print(json.dumps(uvloop.run(measure(stores.database_url))))


if __name__ == "__main__":
    main()
