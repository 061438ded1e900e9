# ruff: noqa: E501  an operation a line
"""The compiled path answers as graphql-core does, and runs each resolver as often."""

from typing import Any

import pytest

from tests.server.compiled.garden import compiled, reference

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("compiled", '{ plants(names: ["a", "b"]) { name colour height __typename } }', {}),
    ("compiled", "query ($n: [String!]!) { plants(names: $n) { leaves { name size } } }", {"n": ["a", "b"]}),
    ("compiled", '{ plants(names: ["a"]) { one: leaves(most: 1) { name } two: leaves { size } } }', {}),
    ("compiled", "{ plants(names: []) { leaves { name } } maybe { name } }", {}),
    ("compiled", '{ maybe(name: "x") { scent label(suffix: "!") ...F } } fragment F on Plant { name label }', {}),
    ("compiled", "{ things { name ... on Plant { colour leaves { size } } ... on Leaf { size } } }", {}),
    (
        "compiled",
        "query ($yes: Boolean!) { things { name @skip(if: $yes) __typename @include(if: $yes) } }",
        {"yes": True},
    ),
    ("irregular", '{ plants(names: ["a", "nettle"]) { name label leaves { name } } things { name } }', {}),
    ("irregular", "{ badColour { name colour scent } }", {}),
    ("irregular", "{ badSize { size name } }", {}),
    ("irregular", "{ nameless { name size } }", {}),
    ("introspection", '{ __schema { queryType { name } } plants(names: ["a"]) { name } }', {}),
    ("introspection", '{ __type(name: "Plant") { name } }', {}),
    ("compiled", 'mutation { a: grow(given: {name: "x"}) { name colour } b: grow(given: {name: "y", colour: BLUE}) { leaves { name } } }', {}),
    ("irregular", 'mutation { a: grow(given: {name: "nettle"}) { label } b: grow(given: {name: "y"}) { name } }', {}),
    ("refused", "query ($n: [String!]!) { plants(names: $n) { name } }", {"n": None}),
    ("refused", "query ($n: [String!]!) { plants(names: $n) { name } }", {"n": [7]}),
]  # fmt: skip


@pytest.mark.parametrize(("way", "query", "variables"), CASES, ids=[q[:60] for _, q, _ in CASES])
async def test_answers_errors_and_calls_are_those_of_the_reference(
    way: str, query: str, variables: dict[str, Any]
) -> None:
    outcome, calls = await compiled(query, **variables)
    expected, expected_calls = await reference(query, **variables)
    assert outcome.way == way
    assert outcome.result.data == expected.data
    assert repr(outcome.result.data) == repr(expected.data), "in the same order"
    found = [error.formatted for error in outcome.result.errors or []]
    assert found == [error.formatted for error in expected.errors or []]
    assert sorted(calls) == sorted(expected_calls)


async def test_edges_of_all_parents_are_one_call() -> None:
    _, calls = await compiled('{ plants(names: ["a", "b", "c"]) { leaves { name } } }')
    assert calls == ["plants", "leaves 3 2"]


async def test_a_mutation_that_fails_is_not_run_again() -> None:
    _, calls = await compiled('mutation { grow(given: {name: "nettle"}) { label } }')
    assert calls == ["grow nettle red", "label nettle"]
