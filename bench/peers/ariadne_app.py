"""Ariadne over asyncpg: the same schema, caches of parsed and validated documents, orjson."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from ariadne import ObjectType, QueryType, ScalarType, graphql, make_executable_schema
from graphql import DocumentNode, GraphQLResolveInfo, GraphQLSchema, parse, validate
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

WORKSPACE = UUID(os.environ["BENCH_WORKSPACE"])
Row = asyncpg.Record
_SUBSCRIBER = (
    "SELECT id, email, status, first_name, last_name, timezone, created_at, attributes, tags"
    " FROM subscriber "
)
_SDL = Path(__file__).with_name("schema.js").read_text().split("`")[1]
pool: asyncpg.Pool


async def _json_codec(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", encoder=lambda x: orjson.dumps(x).decode(), decoder=orjson.loads,
        schema="pg_catalog",
    )  # fmt: skip


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    global pool  # noqa: PLW0603  one pool a process
    url = os.environ["DATABASE_URL"]
    pool = await asyncpg.create_pool(url, min_size=10, max_size=10, init=_json_codec)
    yield
    await pool.close()


class Loader:
    """All keys asked for in one turn of the loop are read together."""

    def __init__(self, read: Callable[[list[UUID]], Awaitable[dict[UUID, Any]]]) -> None:
        self._read = read
        self._known: dict[UUID, asyncio.Future[Any]] = {}
        self._waiting: list[UUID] = []

    def load(self, key: UUID) -> asyncio.Future[Any]:
        found = self._known.get(key)
        if found is None:
            loop = asyncio.get_running_loop()
            found = self._known[key] = loop.create_future()
            if not self._waiting:
                loop.call_soon(lambda: loop.create_task(self._dispatch()))
            self._waiting.append(key)
        return found

    async def _dispatch(self) -> None:
        keys, self._waiting = self._waiting, []
        values = await self._read(keys)
        for key in keys:
            self._known[key].set_result(values.get(key))


async def read_versions(ids: list[UUID]) -> dict[UUID, Row]:
    rows = await pool.fetch(
        "SELECT id, sequence_id, number, definition FROM sequence_version"
        " WHERE workspace_id = $1 AND id = ANY($2::uuid[])",
        WORKSPACE,
        ids,
    )
    return {row["id"]: row for row in rows}


async def read_counts(ids: list[UUID]) -> dict[UUID, tuple[dict[str, int], dict[str, int]]]:
    rows = await pool.fetch(
        "SELECT sequence_id, status, CASE WHEN status = 'active' THEN step_key END AS step_key,"
        " count(*) AS count FROM enrollment"
        " WHERE sequence_id = ANY($1::uuid[]) AND workspace_id = $2 GROUP BY 1, 2, 3",
        ids,
        WORKSPACE,
    )
    found: dict[UUID, tuple[dict[str, int], dict[str, int]]] = {
        key: ({}, {"active": 0, "completed": 0, "exited": 0}) for key in ids
    }
    for row in rows:
        resting, totals = found[row["sequence_id"]]
        if row["step_key"] is not None:
            resting[row["step_key"]] = row["count"]
        totals[row["status"]] += row["count"]
    return found


def global_id(typename: str, identifier: UUID) -> str:
    return base64.urlsafe_b64encode(f"{typename}:{identifier}".encode()).decode().rstrip("=")


query = QueryType()


@query.field("subscribers")
async def subscribers(*_: Any, first: int, after: str | None = None) -> dict[str, Any]:
    rows = await pool.fetch(
        _SUBSCRIBER + "WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2)"
        " ORDER BY id DESC LIMIT $3",
        WORKSPACE,
        None if after is None else UUID(after),
        first + 1,
    )
    edges = [{"cursor": row["id"].hex, "node": row} for row in rows[:first]]
    end = edges[-1]["cursor"] if edges else None
    return {"edges": edges, "pageInfo": {"hasNextPage": len(rows) > first, "endCursor": end}}


@query.field("subscriber")
async def subscriber(*_: Any, id: str) -> Row | None:  # noqa: A002  the API's name
    text = base64.urlsafe_b64decode(id + "=" * (-len(id) % 4)).decode()
    return await pool.fetchrow(
        _SUBSCRIBER + "WHERE id = $1 AND workspace_id = $2",
        UUID(text.partition(":")[2]),
        WORKSPACE,
    )


@query.field("sequences")
async def sequences(*_: Any, first: int) -> dict[str, Any]:
    rows = await pool.fetch(
        "SELECT id, name, status, active_version_id FROM sequence"
        " WHERE workspace_id = $1 ORDER BY id DESC LIMIT $2",
        WORKSPACE,
        first,
    )
    return {"nodes": rows}


def column(name: str) -> Callable[..., Any]:
    return lambda row, _: row[name]


def status(row: Row, _: GraphQLResolveInfo) -> str:
    return str(row["status"]).upper()


async def enrollment_counts(row: Row, info: GraphQLResolveInfo) -> dict[str, int]:
    totals: dict[str, int] = (await info.context["counts"].load(row["id"]))[1]
    return totals


def definition(row: Row, _: GraphQLResolveInfo) -> dict[str, Any]:
    return {
        "steps": [
            {"key": step["key"], "kind": step["kind"].upper(), "sequence_id": row["sequence_id"]}
            for step in row["definition"]["steps"]
        ]
    }


async def resting_count(step: dict[str, Any], info: GraphQLResolveInfo) -> int:
    resting: dict[str, int] = (await info.context["counts"].load(step["sequence_id"]))[0]
    return resting.get(step["key"], 0)


subscriber_type = ObjectType("Subscriber")
subscriber_type.set_field("id", lambda row, _: global_id("Subscriber", row["id"]))
subscriber_type.set_field("status", status)
for field, name in {
    **{name: name for name in ("email", "timezone", "attributes", "tags")},
    "firstName": "first_name",
    "lastName": "last_name",
    "createdAt": "created_at",
}.items():
    subscriber_type.set_field(field, column(name))
sequence_type = ObjectType("Sequence")
sequence_type.set_field("id", lambda row, _: global_id("Sequence", row["id"]))
sequence_type.set_field("name", column("name"))
sequence_type.set_field("status", status)
sequence_type.set_field(
    "activeVersion", lambda row, info: info.context["versions"].load(row["active_version_id"])
)
sequence_type.set_field("enrollmentCounts", enrollment_counts)
version_type = ObjectType("SequenceVersion")
version_type.set_field("number", column("number"))
version_type.set_field("definition", definition)
step_type = ObjectType("Step")
step_type.set_field("restingCount", resting_count)
date_time = ScalarType("DateTime", serializer=datetime.isoformat)
json_type = ScalarType("JSON", serializer=lambda value: value)
schema = make_executable_schema(
    _SDL, query, subscriber_type, sequence_type, version_type, step_type, date_time, json_type
)


@lru_cache(1_000)
def _parsed(text: str) -> DocumentNode:
    return parse(text)


def read_document(_context: object, data: dict[str, Any]) -> DocumentNode:
    return _parsed(data["query"])


_valid: dict[int, list[Any]] = {}


def validate_once(
    given: GraphQLSchema, document: DocumentNode, *rest: Any, **options: Any
) -> list[Any]:
    """Documents are kept by `_parsed`, so that their identity lasts."""
    found = _valid.get(id(document))
    if found is None:
        found = _valid[id(document)] = validate(given, document, *rest, **options)
    return found


async def endpoint(request: Request) -> Response:
    data = orjson.loads(await request.body())
    context = {"versions": Loader(read_versions), "counts": Loader(read_counts)}
    _, result = await graphql(
        schema,
        data,
        context_value=context,
        query_parser=read_document,
        query_validator=validate_once,
        debug=False,
    )
    return Response(orjson.dumps(result), media_type="application/json")


app = Starlette(routes=[Route("/graphql", endpoint, methods=["POST"])], lifespan=lifespan)
