# ruff: noqa: E501  an operation a line
"""Collection of fields: order, merging, skip and include, fragments, operations."""

import json
from typing import Any

import pytest
from graphql import GraphQLError, parse

from server.compiled import Prepared
from tests.server.compiled.agreement import Context, agreed, compiled, document_of, executor_of
from tests.server.compiled.garden import schema

COLLECTED = [
    # Order is that of first sight, through fragments too.
    '{ maybe(name: "a") { colour ...F name } } fragment F on Plant { height name colour label }',
    '{ maybe(name: "a") { ... { name } ... on Plant { height } ... on Named { name colour: name } label } }',
    # A response key twice: sub-selections are merged, the resolver runs once.
    '{ maybe(name: "a") { name } maybe(name: "a") { height } }',
    '{ maybe(name: "a") { leaves { name } ...F leaves { size } } } fragment F on Plant { leaves { __typename size } }',
    '{ maybe(name: "a") { leaves { name } } ...R } fragment R on Query { maybe(name: "a") { leaves { size } height } }',
    '{ a: maybe(name: "a") { x: name y: name name } b: maybe(name: "b") { name: label } }',
    # Fragments that are spread twice, nested, or never.
    '{ maybe(name: "a") { ...A ...B ...A } } fragment A on Plant { name ...B } fragment B on Plant { height ...C } fragment C on Named { name }',
    '{ things { ...N } plants(names: ["a"]) { ...N ...P } } fragment N on Named { name ... on Plant { colour } ...L } fragment P on Plant { leaves { ...L ...N } scent } fragment L on Leaf { size }',
    # Type conditions that hold, that never do, and on the interface.
    "{ things { ... on Leaf { size } ... on Plant { colour height } ... on Named { name } __typename } }",
    "{ things { ... on Named { ... on Leaf { ... on Named { ... on Leaf { size } ... on Plant { height } } } } } }",
    "{ things { ... on Leaf { a: name } ... on Plant { a: name b: leaves(most: 1) { name } } } }",
    "{ things { ... on Leaf { kin: name } ... on Plant { leaves(most: 1) { name } leaves(most: 1) { size } } } }",
    # __typename everywhere, with aliases.
    "{ __typename t: __typename things { __typename t: __typename ... on Plant { leaves { __typename } } } maybe { __typename } }",
    'mutation { __typename grow(given: {name: "a"}) { __typename } t: __typename }',
    # Introspection mixed in.
    '{ __typename maybe(name: "a") { name label } __schema { queryType { name } } }',
    '{ a: __type(name: "Plant") { fields { name } } plants(names: ["a", "b"]) { leaves { name } } }',
]  # fmt: skip


@pytest.mark.parametrize("query", COLLECTED)
async def test_fields_are_collected_in_order_and_merged(query: str) -> None:
    way, _ = await agreed(schema, query)
    assert way == ("introspection" if "__schema" in query or "__type(" in query else "compiled")


CHOSEN = [
    '{ maybe(name: "a") { name @skip(if: true) height @include(if: true) label @skip(if: false) colour @include(if: false) } }',
    '{ maybe(name: "a") { name @skip(if: true) @include(if: true) height @skip(if: false) @include(if: false) label @skip(if: false) @include(if: true) } }',
    '{ maybe(name: "a") @skip(if: true) { label } }',
    '{ maybe(name: "a") { ...F @skip(if: true) ...F @include(if: true) ... on Plant @skip(if: true) { height } } } fragment F on Plant { name }',
    '{ maybe(name: "a") { leaves @include(if: false) { name } leaves { size } } }',
    '{ maybe(name: "a") { leaves(most: 1) { name @skip(if: true) } } }',
]  # fmt: skip
CHOSEN_BY_VARIABLES = [
    'query ($a: Boolean!, $b: Boolean!) { maybe(name: "a") { name @skip(if: $a) height @include(if: $b) label @skip(if: $a) @include(if: $b) } }',
    'query ($a: Boolean!, $b: Boolean!) { maybe(name: "a") @include(if: $a) { ...F @skip(if: $b) label } } fragment F on Plant { leaves @include(if: $b) { name @skip(if: $a) size } height }',
    "query ($a: Boolean!, $b: Boolean!) { things { ... on Plant @include(if: $a) { colour } ... @skip(if: $b) { name } __typename } }",
    'query ($a: Boolean!, $b: Boolean!) { maybe(name: "a") { leaves { name } ... @include(if: $a) { leaves { size } } ...F @skip(if: $b) } } fragment F on Plant { leaves { kind: __typename } }',
    "query ($a: Boolean!, $b: Boolean!) { __typename @skip(if: $a) maybe @skip(if: $b) { name } }",
    'mutation ($a: Boolean!, $b: Boolean!) { x: grow(given: {name: "x"}) @skip(if: $a) { name } y: grow(given: {name: "y"}) @include(if: $b) { name } }',
]  # fmt: skip


@pytest.mark.parametrize("query", CHOSEN)
async def test_literal_conditions_choose(query: str) -> None:
    assert (await agreed(schema, query))[0] == "compiled"


@pytest.mark.parametrize("query", CHOSEN_BY_VARIABLES)
async def test_each_combination_of_conditions_has_its_own_plan(query: str) -> None:
    for a in (True, False):
        for b in (True, False):
            assert (await agreed(schema, query, {"a": a, "b": b}))[0] == "compiled"


async def test_an_unset_condition_takes_its_default_and_null_is_refused() -> None:
    query = (
        "query ($a: Boolean = true) { maybe { name @skip(if: $a) } t: __typename @skip(if: $a) }"
    )
    _, unset = await agreed(schema, query)
    assert json.loads(unset.data) == {"maybe": None}
    await agreed(schema, query, {"a": False})
    _, null = await agreed(schema, query, {"a": None})
    assert null.data == "null"
    assert len(null.errors) == 1
    nested = 'query ($a: Boolean = true) { maybe(name: "a") { name @skip(if: $a) } }'
    await agreed(schema, nested, {"a": None})


async def test_merged_fields_run_one_resolver() -> None:
    _, answer = await agreed(
        schema, '{ maybe(name: "a") { label } maybe(name: "a") { label scent } }'
    )
    assert answer.calls == {"maybe": 1, "label a": 1, "scent a": 1}


SEVERAL = 'query A { maybe(name: "a") { name } } query B { things { name } } mutation C { grow(given: {name: "c"}) { name } }'


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("A", {"maybe": {"name": "a"}}),
        ("B", {"things": [{"name": "rose"}, {"name": "lone"}]}),
        ("C", {"grow": {"name": "c"}}),
        ("D", "Unknown operation named 'D'."),
        ("", "Unknown operation named ''."),
        (None, "Must provide operation name if query contains multiple operations."),
    ],
)
async def test_the_named_operation_is_executed(name: str | None, expected: Any) -> None:
    from graphql import execute
    from strawberry.utils.await_maybe import await_maybe

    document = parse(SEVERAL)
    prepared = Prepared.of(document, compile_at_sight=1)
    executor = executor_of(schema, (dict,))
    outcome = await executor.execute(prepared, operation_name=name, context=Context())
    core = schema._schema
    result: Any = await await_maybe(
        execute(core, document, operation_name=name, context_value=Context())
    )
    assert outcome.result.data == result.data
    assert outcome.result.errors == result.errors
    if isinstance(expected, str):
        assert [error.message for error in outcome.result.errors or []] == [expected]
    else:
        assert outcome.result.data == expected


async def test_documents_without_an_operation_are_refused() -> None:
    prepared = Prepared.of(parse("fragment F on Plant { name }"))
    outcome = await executor_of(schema, (dict,)).execute(prepared, context=Context())
    assert outcome.result.errors == [GraphQLError("Must provide an operation.")]


async def test_an_operation_of_a_type_that_the_schema_lacks_is_refused_as_there() -> None:
    way, answer = await compiled(
        executor_of(schema, (dict,)), parse("subscription { __typename }"), {}
    )
    assert way == "no such root type"
    assert [e["message"] for e in answer.errors] == [
        "Schema is not configured to execute subscription operation."
    ]
    assert document_of(schema, "{ __typename }").definitions
