"""Both ways of one operation, side by side."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import strawberry
from graphql import DocumentNode, GraphQLError, execute, parse, validate
from strawberry.utils.await_maybe import await_maybe

from server.compiled import CompiledExecutor, Prepared, core_of


@dataclass
class Context:
    """`calls` is where resolvers note that they ran, `batches` where batch fields keep loaders."""

    calls: list[str] = field(default_factory=list)
    batches: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """An answer as a client sees it, and which resolvers ran for it."""

    data: str
    errors: list[dict[str, Any]]
    causes: list[str]
    calls: Counter[str]


def answer(data: Any, errors: list[GraphQLError] | None, context: Context) -> Answer:
    return Answer(
        json.dumps(data, default=repr),
        [dict(error.formatted) for error in errors or []],
        [repr(error.original_error) for error in errors or []],
        Counter(context.calls),
    )


@cache
def document_of(schema: strawberry.Schema, query: str) -> DocumentNode:
    """The text as a valid document."""
    document = parse(query)
    assert validate(core_of(schema), document) == []
    return document


@cache
def executor_of(schema: strawberry.Schema, row_types: tuple[type, ...]) -> CompiledExecutor:
    return CompiledExecutor(schema, row_types=row_types)


@cache
def prepared_of(executor: CompiledExecutor, document: DocumentNode) -> Prepared:
    del executor
    return Prepared.of(document, compile_at_sight=1)


async def reference(
    schema: strawberry.Schema, query: str, variables: dict[str, Any], root: object = None
) -> Answer:
    """By graphql-core alone; by Strawberry where the schema has extensions of its own."""
    context = Context()
    if schema.extensions or schema.directives:
        given = await schema.execute(query, variables, context, root)
        return answer(given.data, given.errors, context)
    result = await await_maybe(
        execute(
            core_of(schema),
            document_of(schema, query),
            root_value=root,
            context_value=context,
            variable_values=variables,
        )
    )
    return answer(result.data, result.errors, context)


async def compiled(
    executor: CompiledExecutor,
    document: DocumentNode,
    variables: dict[str, Any],
    root: object = None,
) -> tuple[str, Answer]:
    """On the compiled path at first sight, and the way that was taken."""
    context = Context()
    outcome = await executor.execute(
        prepared_of(executor, document), variables=variables, context=context, root=root
    )
    return outcome.way, answer(outcome.result.data, outcome.result.errors, context)


async def agreed(
    schema: strawberry.Schema,
    query: str,
    variables: dict[str, Any] | None = None,
    *,
    root: Callable[[], object] = lambda: None,
    row_types: tuple[type, ...] = (dict,),
) -> tuple[str, Answer]:
    """The way that was taken and the answer, which is the reference's in all but time.

    A fault that removes its whole parent ends the reference before it has asked for all, so that
    each resolver runs at least as often as there; it never runs twice for one parent.
    """
    expected = await reference(schema, query, variables or {}, root())
    executor = executor_of(schema, row_types)
    way, found = await compiled(executor, document_of(schema, query), variables or {}, root())
    assert found.data == expected.data
    assert found.errors == expected.errors
    assert found.causes == expected.causes
    if way == "compiled" or not expected.errors:
        assert found.calls == expected.calls
    else:
        assert all(found.calls[call] >= times for call, times in expected.calls.items())
    return way, found
