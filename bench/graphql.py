"""Queries over 100,000 subscribers: ours beside the same data served in other ways.

A, a page of 50 with all its scalars; B, 20 sequences with their steps and counts; C, one object by
id; D, two levels of lists, on which nothing was tuned. The others are bare asyncpg with Starlette
(the baseline), Mercurius with graphql-jit (the best rival; where there is Node), and with `--peers`
Yoga, Apollo Server, PostGraphile and Ariadne. One process each, loaded in turns from one client
with 32 connections; medians of the ratios of five rounds. Ours runs as `dripgraph serve` with
authentication, tenancy and limits on. CPU is the server's own, without the database's. Ends with
one JSON line.
"""

import argparse
import asyncio
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from bench import graphql_data as data
from bench import graphql_peers
from bench.http_load import Load, request_bytes, run_load
from domain.base import database
from domain.base.clock import now
from domain.base.migrations import migrate
from domain.base.settings import Settings
from domain.identity.accounts import Session, sign_up
from server.embedded import temporary_stores

CONNECTIONS = 32
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class Server:
    """`shaped` makes our answer's shape of its own."""

    name: str
    port: int
    pids: list[int]
    requests: dict[str, bytes]
    shaped: Callable[[str, Any], Any] = lambda _, answer: answer


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
    await graphql_peers.prepare_postgraphile(connection)
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


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        found = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in found]


def requests(bodies: dict[str, Any], headers: dict[str, str]) -> dict[str, bytes]:
    return {
        name: request_bytes("/graphql", json.dumps(body).encode(), headers)
        for name, body in bodies.items()
    }


def comparable(answer: Any) -> Any:
    """An answer without extensions, its times as times: each server spells them its own way."""
    if isinstance(answer, dict):
        return {key: comparable(value) for key, value in answer.items() if key != "extensions"}
    if isinstance(answer, list):
        return [comparable(value) for value in answer]
    if isinstance(answer, str) and _TIME.match(answer):
        return datetime.fromisoformat(answer)
    return answer


async def compare(
    servers: list[Server], seconds: float, rounds: int
) -> dict[str, list[dict[str, Load]]]:
    """By query, for each round the loads by server."""
    found: dict[str, list[dict[str, Load]]] = {}
    for name in servers[0].requests:
        able = [server for server in servers if name in server.requests]
        for number in range(rounds + 1):
            loads = {
                server.name: await run_load(
                    server.port,
                    server.requests[name],
                    seconds=seconds,
                    connections=CONNECTIONS,
                    pids=server.pids,
                )
                for server in able
            }
            answers = {
                server.name: comparable(server.shaped(name, json.loads(loads[server.name].body)))
                for server in able
            }
            for other, answer in answers.items():
                if answer != answers["bare"]:
                    raise RuntimeError(f"{other} answers {name} in another way than bare")
            # The first round warms caches and just-in-time compilers.
            if number:
                found.setdefault(name, []).append(loads)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.graphql", description=__doc__)
    parser.add_argument("--subscribers", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=2.5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", action="store_true", help="all of them (about nine minutes)")
    parser.add_argument("--alone", action="store_true", help="ours and bare only")
    options = parser.parse_args()
    peers = []
    if not options.alone and graphql_peers.node() is not None:
        peers = graphql_peers.peers(all_of_them=options.peers)
    elif options.peers:
        parser.error("the peers need Node and npm")
    ours_port, bare_port, *peer_ports = free_ports(2 + len(peers))
    with ExitStack() as stack:
        stores = stack.enter_context(temporary_stores(durable=True))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        environ = {
            "DATABASE_URL": stores.database_url,
            "REDIS_URL": stores.redis_url,
            "SECRET_KEY": "a secret of the benchmark, long enough for it",
            "DATA_DIR": folder,
            "PORT": str(ours_port),
            "ACCESS_TOKEN_SECONDS": "7200",
            "LOG_LEVEL": "WARNING",
        }
        session, identifier = asyncio.run(prepare(environ, options.subscribers))
        ours_pid = stack.enter_context(
            running([sys.executable, "-m", "server.cli", "serve"], environ, ours_port)
        )
        bare_command = [
            *(sys.executable, "-m", "uvicorn", "bench.graphql_bare:app"),
            *("--port", str(bare_port), "--loop", "uvloop", "--http", "httptools"),
            *("--no-access-log", "--log-level", "warning"),
        ]
        bare_environ = {**environ, "BENCH_WORKSPACE": str(session.workspace_id)}
        bare_pid = stack.enter_context(running(bare_command, bare_environ, bare_port))
        bodies = data.bodies(identifier)
        token = {"Authorization": f"Bearer {session.tokens.access_token}"}
        plain = {
            name: request_bytes(f"/{name}", json.dumps(body).encode(), {})
            for name, body in bodies.items()
        }
        servers = [
            Server("ours", ours_port, [ours_pid], requests(bodies, token)),
            Server("bare", bare_port, [bare_pid], plain),
        ]
        for port, peer in zip(peer_ports, peers, strict=True):
            surroundings = graphql_peers.environment(
                stores.database_url, session.workspace_id, port
            )
            pid = stack.enter_context(running(peer.command, surroundings, port))
            asked = requests(peer.bodies(identifier, session.workspace_id), {})
            servers.append(Server(peer.name, port, [pid], asked, peer.shaped))
        load = os.getloadavg()[0]
        found = asyncio.run(compare(servers, options.seconds, options.rounds))
    print(f"Load of the machine at the start: {load:.1f} on {os.cpu_count()} cores")
    report(found)


def report(found: dict[str, list[dict[str, Load]]]) -> None:
    print(f"{'':24}{'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'CPU µs':>8}  rps, CPU to bare")
    result: dict[str, dict[str, float]] = {}
    for name, rounds in found.items():
        for server in rounds[0]:
            loads = [loads[server] for loads in rounds]
            print(
                f"{name} {server:<22}{statistics.median(x.per_second for x in loads):>8.0f}"
                f" {statistics.median(x.p50_ms for x in loads):>8.2f}"
                f" {statistics.median(x.p99_ms for x in loads):>8.2f}"
                f" {statistics.median(x.cpu_us for x in loads):>8.0f}"
                f"  {_rps_ratio(rounds, server, 'bare'):>5.2f} {_cpu_ratio(rounds, server):>5.2f}"
            )
        result[name] = {
            "rps_ratio": _rps_ratio(rounds, "ours", "bare"),
            "cpu_ratio": _cpu_ratio(rounds, "ours"),
        }
        if graphql_peers.RIVAL in rounds[0]:
            result[name]["rps_ratio_to_mercurius_jit"] = _rps_ratio(
                rounds, "ours", graphql_peers.RIVAL
            )
    print(json.dumps(result))


def _rps_ratio(rounds: list[dict[str, Load]], one: str, other: str) -> float:
    return _median(loads[one].per_second / loads[other].per_second for loads in rounds)


def _cpu_ratio(rounds: list[dict[str, Load]], one: str) -> float:
    return _median(loads[one].cpu_us / loads["bare"].cpu_us for loads in rounds)


def _median(ratios: Iterator[float]) -> float:
    return round(statistics.median(ratios), 3)


if __name__ == "__main__":
    main()
