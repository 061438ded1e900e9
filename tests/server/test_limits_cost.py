"""The cost of operations, before they run and after, on a schema of the test's own."""

from typing import Any

import pytest
import strawberry
from graphql import (
    FragmentDefinitionNode,
    OperationDefinitionNode,
    get_introspection_query,
    graphql_sync,
    parse,
    validate,
)

from server.compiled import core_of
from server.limits import Cost, CostModel, check_document


@strawberry.type
class Leaf:
    name: str
    size: int

    @strawberry.field
    async def owner(self) -> str:
        return self.name


@strawberry.type
class LeafConnection:
    nodes: list[Leaf]

    @strawberry.field
    async def total_count(self) -> int:
        return len(self.nodes)


@strawberry.type
class Tree:
    name: str
    marks: list[Leaf]

    @strawberry.field
    async def leaves(self, first: int = 20) -> LeafConnection:  # noqa: ARG002
        return LeafConnection(nodes=[])

    @strawberry.field
    async def newest(self, last: int | None = None) -> list[Leaf]:  # noqa: ARG002
        return []


@strawberry.input
class Planting:
    names: list[str]
    note: str = ""


@strawberry.type
class Query:
    @strawberry.field
    async def tree(self) -> Tree | None:
        return None

    @strawberry.field
    async def trees(self, ids: list[strawberry.ID]) -> list[Tree]:  # noqa: ARG002
        return []

    @strawberry.field
    def plain(self) -> str:
        return ""


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def plant(self, input: Planting) -> int:  # noqa: A002, ARG002
        return 0

    @strawberry.mutation
    async def sign_in(self, email: str) -> bool:  # noqa: ARG002
        return False


SCHEMA = core_of(strawberry.Schema(Query, Mutation))
MODEL = CostModel(SCHEMA)


def cost_of(text: str) -> Cost:
    document = parse(text)
    check_document(document)
    assert validate(SCHEMA, document) == []
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    (operation,) = (
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    )
    return MODEL.cost(operation, fragments)


@pytest.mark.parametrize(
    ("text", "variables", "points"),
    [
        ("{ plain }", None, 1),  # 0.1, in whole points
        ("{ tree { name } }", None, 2),  # 1 + 0.1
        # 1, leaves 1, its list 0.1, and of 20 leaves 2 columns each
        ("{ tree { leaves { nodes { name size } } } }", None, 7),
        ("{ tree { leaves(first: 100) { nodes { name size } } } }", None, 23),
        # Awaited for each of the hundred.
        ("{ tree { leaves(first: 100) { nodes { owner } } } }", None, 103),
        ("{ tree { leaves(first: 100) { totalCount } } }", None, 3),
        ("{ tree { newest(last: 50) { owner } } }", None, 52),
        ("{ tree { newest { owner } } }", None, 12),
        # A list of which nothing is known: ten.
        ("{ tree { marks { owner } } }", None, 12),
        ('{ trees(ids: ["a", "b", "c"]) { leaves { totalCount } } }', None, 8),
        # Pages multiply: 1 + 3 x (1 + 0.1 + 10 x 1) + 0.3 for the ids
        ('{ trees(ids: ["a", "b", "c"]) { leaves(first: 10) { nodes { owner } } } }', None, 35),
        # From variables: sent, their own default, the argument's default.
        ("query ($n: Int!) { tree { leaves(first: $n) { nodes { owner } } } }", {"n": 40}, 43),
        ("query ($n: Int! = 7) { tree { leaves(first: $n) { nodes { owner } } } }", {}, 10),
        ("query ($n: Int! = 7) { tree { leaves(first: $n) { nodes { owner } } } }", {"n": 3}, 6),
        ("query ($n: Int) { tree { newest(last: $n) { owner } } }", {}, 12),
        ("query ($ids: [ID!]!) { trees(ids: $ids) { name } }", {"ids": ["x"] * 100}, 21),
        # Fragments, also spread twice and inside each other.
        ("{ tree { ...A ...A } } fragment A on Tree { leaves { totalCount } }", None, 5),
        (
            """query ($n: Int!) { tree { ...A } }
            fragment A on Tree { ...B ... on Tree { ...B } }
            fragment B on Tree { leaves(first: $n) { nodes { owner } } }""",
            {"n": 10},
            24,
        ),
        # A fragment on a connection has the page of the place that spreads it.
        (
            """{ tree { leaves(first: 5) { ...C } b: leaves(first: 50) { ...C } } }
            fragment C on LeafConnection { nodes { owner } }""",
            None,
            59,
        ),
        # Writing costs 10 and 0.1 an item, also of a list inside the input; hashing costs 100.
        ('mutation { plant(input: {names: ["a", "b", "c", "d", "e"]}) }', None, 11),
        (
            "mutation ($in: Planting!) { plant(input: $in) }",
            {"in": {"names": ["a"] * 1_000}},
            110,
        ),
        ("mutation ($a: [String!]!) { plant(input: {names: $a}) }", {"a": ["a"] * 1_000}, 110),
        ('mutation { signIn(email: "a") b: signIn(email: "b") }', None, 200),
    ],
)
def test_what_an_operation_may_cost(
    text: str, variables: dict[str, Any] | None, points: int
) -> None:
    assert cost_of(text).asked(variables).points == points


@pytest.mark.parametrize("value", [None, "many", True, {}, -5, 0.5])
def test_variables_that_are_no_sizes_are_left_to_those_who_read_them(value: object) -> None:
    cost = cost_of("query ($n: Int!) { tree { leaves(first: $n) { nodes { owner } } } }")
    assert cost.asked({"n": value}).points <= 23


def test_a_size_beyond_all_bounds_is_a_cost_beyond_all_bounds() -> None:
    by_variable = cost_of("query ($n: Int!) { tree { leaves(first: $n) { nodes { owner } } } }")
    assert by_variable.asked({"n": 10**18}).points > 10**17


def test_cost_is_worked_out_again_for_other_variables() -> None:
    cost = cost_of("query ($n: Int!) { tree { leaves(first: $n) { nodes { owner } } } }")
    assert [cost.asked({"n": n}).points for n in (10, 10, 50, 10)] == [13, 13, 53, 13]


def test_actual_cost_is_by_the_lists_that_were_answered() -> None:
    cost = cost_of("{ tree { name leaves(first: 100) { nodes { name owner } totalCount } } }")
    asked = cost.asked(None)
    leaf = {"name": "x", "owner": "y"}
    full = {"tree": {"name": "oak", "leaves": {"nodes": [leaf] * 30, "totalCount": 30}}}
    assert asked.points == 114
    assert cost.actual(full, asked) == 37
    # What is null counts as if it were there: all but the list.
    assert cost.actual({"tree": None}, asked) == 4
    assert cost.actual(None, asked) == 4


def test_actual_cost_walks_into_nested_lists_and_fragments() -> None:
    cost = cost_of(
        "query ($ids: [ID!]!) { trees(ids: $ids) { ...A } }"
        "fragment A on Tree { leaves(first: 10) { nodes { owner } } }"
    )
    asked = cost.asked({"ids": ["a", "b", "c"]})
    leaf = {"owner": "y"}
    data = {"trees": [{"leaves": {"nodes": [leaf] * 4}}, {"leaves": {"nodes": []}}, None]}
    assert asked.points == 35
    # 1 + 0.3 for the ids + three pages of 1.1 + four owners
    assert cost.actual(data, asked) == 9


def test_introspection_costs_about_what_it_answers() -> None:
    text = get_introspection_query(descriptions=True)
    cost = cost_of(text)
    asked = cost.asked(None)
    actual = cost.actual(graphql_sync(SCHEMA, text).data, asked)
    assert actual / 2 < asked.points < actual * 4


def test_a_chain_of_fragments_is_read_once_each() -> None:
    chain = "".join(f"fragment F{i} on Query {{ ...F{i + 1} }} " for i in range(60))
    text = f"{{ ...F0 ...F0 }} {chain} fragment F60 on Query {{ tree {{ name }} }}"
    assert cost_of(text).asked(None).points == 3


def test_only_what_depends_on_variables_is_worked_out_for_each_request() -> None:
    wide = "".join(f"a{i}: marks {{ name owner }} " for i in range(45))
    cost = cost_of(
        f"query ($n: Int!) {{ tree {{ {wide} leaves(first: $n) {{ nodes {{ owner }} }} }} }}"
    )
    assert len(cost._sums) == 3
