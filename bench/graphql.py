"""Three queries over 100,000 subscribers: ours beside the same data by bare asyncpg and Starlette.

One process each, loaded in turns from one client with 32 connections; medians of the ratios of
five rounds. Ours runs as `dripgraph serve` with authentication, tenancy and limits on. Ratios:
requests a second of ours by the other's, CPU a request of ours by the other's (the database's own
is in neither). Ends with one JSON line.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from bench import graphql_data as data
from bench.http_load import Load, request_bytes, run_load
from domain.base import database
from domain.base.clock import now
from domain.base.migrations import migrate
from domain.base.settings import Settings
from domain.identity.accounts import Session, sign_up
from server.embedded import temporary_stores

CONNECTIONS = 32
OURS_PORT, BARE_PORT = 18_431, 18_432


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    port: int
    pids: list[int]
    requests: dict[str, bytes]


async def prepare(environ: dict[str, str], subscribers: int) -> tuple[Session, str]:
    settings = Settings.from_environment(environ)
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
    identifier = await data.fill(connection, session.workspace_id, subscribers)
    await connection.close()
    return session, data.subscriber_id(identifier)


@contextmanager
def running(command: list[str], environ: dict[str, str], port: int) -> Iterator[int]:
    """A server process, once it answers."""
    process = subprocess.Popen(command, env={**os.environ, **environ})
    try:
        for _ in range(400):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=1)
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise RuntimeError(f"nothing answers on port {port}")
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


def our_requests(token: str, identifier: str) -> dict[str, bytes]:
    headers = {"Authorization": f"Bearer {token}"}
    bodies: dict[str, Any] = {
        "A": {"query": data.A},
        "B": {"query": data.B},
        "C": {"query": data.C, "variables": {"id": identifier}},
    }
    return {
        name: request_bytes("/graphql", json.dumps(body).encode(), headers)
        for name, body in bodies.items()
    }


async def compare(
    servers: list[Server], seconds: float, rounds: int
) -> dict[str, list[list[Load]]]:
    """By query, for each round the loads of the servers in their order."""
    found: dict[str, list[list[Load]]] = {}
    for name in ("A", "B", "C"):
        for server in servers:
            await run_load(
                server.port,
                server.requests[name],
                seconds=1,
                connections=CONNECTIONS,
                pids=server.pids,
            )
        for _ in range(rounds):
            loads = [
                await run_load(
                    server.port,
                    server.requests[name],
                    seconds=seconds,
                    connections=CONNECTIONS,
                    pids=server.pids,
                )
                for server in servers
            ]
            bodies = [json.loads(load.body) for load in loads]
            for body in bodies:
                body.pop("extensions", None)
            if any(body != bodies[0] for body in bodies):
                raise RuntimeError(f"the answers to {name} differ")
            found.setdefault(name, []).append(loads)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--subscribers", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with ExitStack() as stack:
        stores = stack.enter_context(temporary_stores(durable=True))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        environ = {
            "DATABASE_URL": stores.database_url,
            "REDIS_URL": stores.redis_url,
            "SECRET_KEY": "a secret of the benchmark, long enough for it",
            "DATA_DIR": folder,
            "PORT": str(OURS_PORT),
            "ACCESS_TOKEN_SECONDS": "7200",
            "LOG_LEVEL": "WARNING",
        }
        session, identifier = asyncio.run(prepare(environ, options.subscribers))
        ours_pid = stack.enter_context(
            running([sys.executable, "-m", "server.cli", "serve"], environ, OURS_PORT)
        )
        bare_command = [
            *(sys.executable, "-m", "uvicorn", "bench.graphql_bare:app"),
            *("--port", str(BARE_PORT), "--loop", "uvloop", "--http", "httptools"),
            *("--no-access-log", "--log-level", "warning"),
        ]
        bare_environ = {**environ, "BENCH_WORKSPACE": str(session.workspace_id)}
        bare_pid = stack.enter_context(running(bare_command, bare_environ, BARE_PORT))
        ours = our_requests(session.tokens.access_token, identifier)
        plain = {
            name: request_bytes(f"/{name}", request.partition(b"\r\n\r\n")[2], {})
            for name, request in ours.items()
        }
        servers = [
            Server("ours", OURS_PORT, [ours_pid], ours),
            Server("bare", BARE_PORT, [bare_pid], plain),
        ]
        found = asyncio.run(compare(servers, options.seconds, options.rounds))
    report(servers, found)


def report(servers: list[Server], found: dict[str, list[list[Load]]]) -> None:
    result: dict[str, dict[str, float]] = {}
    for name, rounds in found.items():
        for place, server in enumerate(servers):
            loads = [loads[place] for loads in rounds]
            print(
                f"{name} {server.name:<6} {statistics.median(x.per_second for x in loads):>8.0f}/s"
                f"  p50 {statistics.median(x.p50_ms for x in loads):>7.2f} ms"
                f"  p99 {statistics.median(x.p99_ms for x in loads):>7.2f} ms"
                f"  CPU {statistics.median(x.cpu_us for x in loads):>7.0f} µs"
                f"  {len(loads[0].body):>6} bytes"
            )
        result[name] = {
            "rps_ratio": _median(x.per_second / y.per_second for x, y in rounds),
            "cpu_ratio": _median(x.cpu_us / y.cpu_us for x, y in rounds),
        }
    print(json.dumps(result))


def _median(ratios: Iterator[float]) -> float:
    return round(statistics.median(ratios), 3)


if __name__ == "__main__":
    main()
