"""The baseline: the same answers by asyncpg, Starlette and orjson alone, one route a query.

It knows the workspace from its environment, checks nothing, and writes no more than the data.
"""

import base64
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

WORKSPACE = UUID(os.environ["BENCH_WORKSPACE"])
pool: asyncpg.Pool | None = None


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    global pool  # noqa: PLW0603  one pool a process
    pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10)
    yield
    await pool.close()


def global_id(typename: str, identifier: UUID) -> str:
    return base64.urlsafe_b64encode(f"{typename}:{identifier}".encode()).decode().rstrip("=")


def cursor(identifier: UUID) -> str:
    return identifier.hex


def answer(data: dict[str, Any]) -> Response:
    return Response(orjson.dumps({"data": data}), media_type="application/json")


async def a(request: Request) -> Response:
    await request.body()
    rows = await pool.fetch(
        "SELECT id, email, status, first_name, last_name, timezone, created_at, attributes"
        " FROM subscriber WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2)"
        " ORDER BY id DESC LIMIT 51",
        WORKSPACE,
        None,
    )
    page = rows[:50]
    edges = [
        {
            "cursor": cursor(row["id"]),
            "node": {
                "id": global_id("Subscriber", row["id"]),
                "email": row["email"],
                "status": row["status"].upper(),
                "firstName": row["first_name"],
                "lastName": row["last_name"],
                "timezone": row["timezone"],
                "createdAt": row["created_at"],
                "attributes": orjson.Fragment(row["attributes"]),
            },
        }
        for row in page
    ]
    info = {"hasNextPage": len(rows) > 50, "endCursor": edges[-1]["cursor"]}
    return answer({"subscribers": {"edges": edges, "pageInfo": info}})


async def b(request: Request) -> Response:
    await request.body()
    async with pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT s.id, s.name, s.status, v.number, v.definition FROM sequence s"
            " JOIN sequence_version v ON v.id = s.active_version_id"
            " WHERE s.workspace_id = $1 ORDER BY s.id DESC LIMIT 20",
            WORKSPACE,
        )
        counts = await connection.fetch(
            "SELECT sequence_id, status, CASE WHEN status = 'active' THEN step_key END AS step_key,"
            " count(*) AS count FROM enrollment"
            " WHERE sequence_id = ANY($1::uuid[]) AND workspace_id = $2 GROUP BY 1, 2, 3",
            [row["id"] for row in rows],
            WORKSPACE,
        )
    resting: dict[tuple[UUID, str], int] = {}
    totals: dict[UUID, dict[str, int]] = defaultdict(
        lambda: {"active": 0, "completed": 0, "exited": 0}
    )
    for row in counts:
        if row["step_key"] is not None:
            resting[row["sequence_id"], row["step_key"]] = row["count"]
        totals[row["sequence_id"]][row["status"]] += row["count"]
    nodes = [
        {
            "id": global_id("Sequence", row["id"]),
            "name": row["name"],
            "status": row["status"].upper(),
            "activeVersion": {
                "number": row["number"],
                "definition": {
                    "steps": [
                        {
                            "key": step["key"],
                            "kind": step["kind"].upper(),
                            "restingCount": resting.get((row["id"], step["key"]), 0),
                        }
                        for step in orjson.loads(row["definition"])["steps"]
                    ]
                },
            },
            "enrollmentCounts": totals[row["id"]],
        }
        for row in rows
    ]
    return answer({"sequences": {"nodes": nodes}})


async def c(request: Request) -> Response:
    given = orjson.loads(await request.body())["variables"]["id"]
    text = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode()
    row = await pool.fetchrow(
        "SELECT id, email, status, first_name, last_name, timezone, created_at, tags"
        " FROM subscriber WHERE id = $1 AND workspace_id = $2",
        UUID(text.partition(":")[2]),
        WORKSPACE,
    )
    return answer(
        {
            "subscriber": {
                "id": global_id("Subscriber", row["id"]),
                "email": row["email"],
                "status": row["status"].upper(),
                "firstName": row["first_name"],
                "lastName": row["last_name"],
                "timezone": row["timezone"],
                "createdAt": row["created_at"],
                "tags": row["tags"],
            }
        }
    )


async def d(request: Request) -> Response:
    await request.body()
    async with pool.acquire() as connection:
        sequences = await connection.fetch(
            "SELECT id, name FROM sequence WHERE workspace_id = $1 ORDER BY id DESC LIMIT 10",
            WORKSPACE,
        )
        rows = await connection.fetch(
            "SELECT e.*, s.email, s.first_name, v.number FROM unnest($1::uuid[]) AS wanted (id),"
            " LATERAL (SELECT id, sequence_id, version_id, subscriber_id, status, step_key,"
            " enrolled_at FROM enrollment WHERE sequence_id = wanted.id AND workspace_id = $2"
            " ORDER BY id DESC LIMIT 10) e"
            " JOIN subscriber s ON s.id = e.subscriber_id AND s.workspace_id = $2"
            " JOIN sequence_version v ON v.id = e.version_id AND v.workspace_id = $2"
            " ORDER BY e.id DESC",
            [row["id"] for row in sequences],
            WORKSPACE,
        )
    enrollments = defaultdict(list)
    for row in rows:
        enrollments[row["sequence_id"]].append(
            {
                "id": global_id("Enrollment", row["id"]),
                "status": row["status"].upper(),
                "stepKey": row["step_key"],
                "enrolledAt": row["enrolled_at"],
                "subscriber": {
                    "id": global_id("Subscriber", row["subscriber_id"]),
                    "email": row["email"],
                    "firstName": row["first_name"],
                },
                "version": {"number": row["number"]},
            }
        )
    nodes = [
        {
            "id": global_id("Sequence", row["id"]),
            "name": row["name"],
            "enrollments": {"nodes": enrollments[row["id"]]},
        }
        for row in sequences
    ]
    return answer({"sequences": {"nodes": nodes}})


app = Starlette(
    routes=[
        Route("/A", a, methods=["POST"]),
        Route("/B", b, methods=["POST"]),
        Route("/C", c, methods=["POST"]),
        Route("/D", d, methods=["POST"]),
    ],
    lifespan=lifespan,
)
