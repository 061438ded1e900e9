"""Subscriptions: each event is answered on the compiled path as the reference answers it."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
import strawberry
from graphql import parse
from strawberry.schema.config import StrawberryConfig

from server.compiled import CompiledExecutor, Prepared, compile_events
from tests.server.compiled.agreement import Answer, Context, answer
from tests.server.compiled.grove import Tree, read, tree


@strawberry.type
class Query:
    ok: bool = True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def trees(self, info: strawberry.Info, count: int = 2) -> AsyncIterator[Tree]:
        info.context.calls.append("trees")
        for number in range(count):
            wrong = ValueError("it is wrong") if number == 1 else "fine"
            yield tree(f"{number}", tree("kid", note=wrong), note=wrong)  # type: ignore[misc]

    @strawberry.subscription
    async def numbers(self, fail: bool = False) -> AsyncIterator[int | None]:
        yield 1
        yield "one"  # type: ignore[misc]
        yield None
        if fail:
            message = "the stream breaks"
            raise RuntimeError(message)

    @strawberry.subscription
    async def lists(self) -> AsyncIterator[list[Tree]]:
        yield [tree("a"), tree("b")]  # type: ignore[list-item]
        yield []
        yield [None]  # type: ignore[list-item]
        yield None  # type: ignore[misc]

    @strawberry.subscription
    async def refused(self, at_once: bool = True) -> AsyncIterator[int]:
        if at_once:
            message = "there is no stream"
            raise ValueError(message)
        yield 1


def build() -> strawberry.Schema:
    return strawberry.Schema(
        Query, subscription=Subscription, config=StrawberryConfig(default_resolver=read)
    )


reference, compiled = build(), build()
executor = CompiledExecutor(compiled, row_types=(dict,))
prepared: dict[str, Prepared] = {}


def prepared_of(document: Any) -> Prepared:
    text = document.loc.source.body
    if text not in prepared:
        prepared[text] = Prepared.of(parse(text), compile_at_sight=1)
    return prepared[text]


compile_events(compiled, executor, prepared_of)


async def answers(schema: strawberry.Schema, query: str, variables: dict[str, Any]) -> list[Answer]:
    context = Context()
    stream = await schema.subscribe(query, variables, context)
    found = []
    async with aclosing(stream):
        async for result in stream:
            found.append(answer(result.data, result.errors, context))
            context.calls.clear()
    return found


OPERATIONS = [
    "subscription { trees { name size note kids { name } } }",
    "subscription { trees { laterNote calledNote batchNote } }",
    "subscription { t: trees(count: 3) { kids { laterNote batchKids { name } } __typename } }",
    "subscription { trees { laterSize strictKids { calledSize note } } }",
    "subscription ($n: Int!) { trees(count: $n) { name @skip(if: true) size } }",
    "subscription ($n: Int!, $x: Boolean!) { trees(count: $n) { name @skip(if: $x) size } }",
    "subscription { numbers }",
    "subscription { numbers(fail: true) }",
    "subscription { lists { name batchSize } }",
    "subscription { refused }",
    "subscription { __typename }",
]
VARIABLES: list[dict[str, Any]] = [{}, {"n": 1, "x": True}, {"n": 2, "x": False}, {"n": "one"}]


@pytest.mark.parametrize("query", OPERATIONS)
async def test_events_are_answered_as_the_reference_answers_them(query: str) -> None:
    for variables in VARIABLES if "$" in query else [{}]:
        found = await answers(compiled, query, variables)
        assert found == await answers(reference, query, variables)


async def test_events_take_the_compiled_path() -> None:
    query = "subscription { trees(count: 3) { name later: laterSize } }"
    await answers(compiled, query, {})
    (plan,) = prepared[query].compiled.values()
    assert not isinstance(plan, str)


async def test_an_event_is_executed_as_the_root_of_its_operation() -> None:
    document = parse("subscription { trees { name size } }")
    outcome = await executor.execute(
        Prepared.of(document, compile_at_sight=1), root=tree("oak"), context=Context()
    )
    assert outcome.way == "compiled"
    assert outcome.result.data == {"trees": {"name": "oak", "size": 0}}


async def test_queries_over_the_same_schema_are_executed_as_ever() -> None:
    result = await compiled.execute("{ ok __typename }", root_value={"ok": True})
    assert result.data == {"ok": True, "__typename": "Query"}
