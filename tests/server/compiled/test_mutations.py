# ruff: noqa: E501  an operation a line
"""Mutations: root fields one after the other, each once, whatever fails."""

import asyncio
import json
from typing import Any

import pytest
import strawberry

from tests.server.compiled.agreement import Context, agreed, compiled, document_of, executor_of


class Ledger:
    """What mutations write to, in the order in which they did."""

    def __init__(self) -> None:
        self.entries: list[str] = []


LEDGER = Ledger()


@strawberry.type
class Entry:
    name: str

    @strawberry.field
    async def later(self, info: strawberry.Info) -> str:
        await asyncio.sleep(0)
        note(info, f"later {self.name}")
        if self.name == "bad below":
            message = "it fails below"
            raise ValueError(message)
        return self.name

    @strawberry.field
    def called(self, info: strawberry.Info) -> str | None:
        note(info, f"called {self.name}")
        if self.name.startswith("bad"):
            message = "it fails beside"
            raise ValueError(message)
        return self.name

    @strawberry.field
    async def empty(self) -> str:
        return None  # type: ignore[return-value]


def note(info: strawberry.Info, entry: str) -> None:
    info.context.calls.append(entry)
    LEDGER.entries.append(entry)


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def write(self, info: strawberry.Info, name: str) -> Entry | None:
        note(info, f"begin {name}")
        await asyncio.sleep(0)
        note(info, f"end {name}")
        if name == "bad":
            message = "it fails"
            raise ValueError(message)
        return Entry(name=name)

    @strawberry.mutation
    async def must(self, info: strawberry.Info, name: str) -> Entry:
        note(info, f"must {name}")
        if name == "bad":
            message = "it fails for all"
            raise ValueError(message)
        return Entry(name=name)

    @strawberry.mutation
    def at_once(self, info: strawberry.Info, name: str) -> Entry | None:
        note(info, f"at once {name}")
        return None if name == "none" else Entry(name=name)

    @strawberry.mutation
    def number(self, info: strawberry.Info, name: str) -> int | None:
        note(info, f"number {name}")
        return int(name)


@strawberry.type
class Query:
    ok: bool = True


schema = strawberry.Schema(Query, Mutation)

OPERATIONS = [
    'mutation { a: write(name: "a") { name } b: write(name: "b") { later } c: atOnce(name: "c") { called } }',
    'mutation { a: write(name: "a") { later called } b: write(name: "bad") { name } c: write(name: "c") { later } }',
    'mutation { a: write(name: "a") { later } b: write(name: "bad below") { later called } c: write(name: "c") { called } }',
    'mutation { a: write(name: "a") { later } b: must(name: "bad") { name } c: write(name: "c") { called } }',
    'mutation { a: write(name: "a") { later } b: must(name: "bad below") { later } c: write(name: "c") { called } }',
    'mutation { a: must(name: "a") { empty } b: write(name: "b") { name } }',
    'mutation { a: write(name: "a") { empty } b: write(name: "b") { later } }',
    'mutation { a: number(name: "1") b: number(name: "one") c: number(name: "99999999999") d: number(name: "4") }',
    'mutation { atOnce(name: "none") { later } b: atOnce(name: "bad") { called later } __typename }',
    'mutation { write(name: "a") { name } ...F write(name: "a") { later } } fragment F on Mutation { x: write(name: "x") { later } write(name: "a") { called } }',
    "mutation ($n: String!) { a: write(name: $n) { later } b: must(name: $n) { called } }",
]  # fmt: skip


@pytest.mark.parametrize("query", OPERATIONS)
async def test_root_fields_run_in_order_and_none_twice(query: str) -> None:
    variables = {"n": "bad below"} if "$n" in query else {}
    executor = executor_of(schema, (dict,))
    LEDGER.entries = []
    await agreed(schema, query, variables)
    LEDGER.entries = []
    await compiled(executor, document_of(schema, query), variables)
    done = LEDGER.entries
    assert len(done) == len(set(done)), "each resolver once"
    LEDGER.entries = []
    await schema.execute(query, variables, context_value=Context())
    roots = ("begin", "end", "must", "at once", "number")
    expected = [entry for entry in LEDGER.entries if entry.startswith(roots)]
    assert [entry for entry in done if entry.startswith(roots)] == expected


async def test_what_follows_a_failure_that_removes_all_is_not_run() -> None:
    query = 'mutation { a: write(name: "a") { name } b: must(name: "bad") { name } c: write(name: "c") { name } }'
    _, answer = await agreed(schema, query)
    assert json.loads(answer.data) is None
    assert answer.calls == {"begin a": 1, "end a": 1, "must bad": 1}


async def test_one_ends_with_all_below_it_before_the_next_begins() -> None:
    LEDGER.entries = []
    query = 'mutation { a: write(name: "a") { later } b: write(name: "b") { later } }'
    way, _ = await compiled(executor_of(schema, (dict,)), document_of(schema, query), {})
    assert way == "compiled"
    assert LEDGER.entries == ["begin a", "end a", "later a", "begin b", "end b", "later b"]


async def test_effects_are_given_once_when_the_same_is_asked_again() -> None:
    query = 'mutation { a: must(name: "bad below") { later } }'
    before: dict[str, Any] = dict((await agreed(schema, query))[1].calls)
    assert before == {"must bad below": 1, "later bad below": 1}
