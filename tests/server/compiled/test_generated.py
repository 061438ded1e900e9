"""Operations that are made up from the schemas, over data that is made up too."""

from functools import partial
from typing import Any

import pytest
from graphql import GraphQLSchema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import from_schema, nodes

from server.compiled import core_of
from tests.server.compiled import garden, grove, menagerie, test_arguments, test_types
from tests.server.compiled.agreement import agreed

# graphql-core gives up coroutines that it has not begun when a fault makes them needless.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")

bounded = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


ANIMALS = [value for values in test_types.VALUES.values() for value in values]


def operations(schema: GraphQLSchema) -> st.SearchStrategy[str]:
    custom = {"DateTime": nodes.String, "JSON": nodes.String}
    return from_schema(
        schema,
        custom_scalars={
            name: st.just("2026-05-04T03:02:01Z").map(node)
            for name, node in custom.items()
            if name in schema.type_map
        },
    )


def faulty(value: Any) -> st.SearchStrategy[Any]:
    """Mostly the value; now and then null, an error, or something of another type."""
    odd = st.sampled_from([None, ValueError("wrong"), LookupError("gone"), 7, "text", True])
    return st.integers(0, 11).flatmap(lambda luck: odd if luck == 0 else st.just(value))


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> Any:
    kids = [draw(trees(depth - 1)) for _ in range(draw(st.integers(0, 2)))] if depth else []
    made = grove.tree(draw(st.sampled_from("abc")), *kids)
    return {name: draw(faulty(value)) for name, value in made.items()}


EDGES: tuple[str, ...] = (
    "kids",
    "strictKids",
    "child",
    "grid",
    "calledKids",
    "calledChild",
    "laterKids",
)
EDGES += ("laterChild", "batchKids", "batchGrid")
LEAVES: tuple[str, ...] = (
    "name",
    "note",
    "size",
    "calledNote",
    "calledSize",
    "laterNote",
    "laterSize",
)
LEAVES += ("batchNote", "batchSize", "__typename")


@st.composite
def selections(draw: st.DrawFn, depth: int = 3) -> str:
    """Of a tree, with aliases; the sampler of hypothesis-graphql finds this schema too dense."""
    chosen = draw(
        st.lists(st.sampled_from(LEAVES + (EDGES if depth else ())), min_size=1, max_size=4)
    )
    fields = []
    for place, name in enumerate(chosen):
        below = f" {draw(selections(depth - 1))}" if name in EDGES else ""
        condition = draw(st.sampled_from(["", "", "", " @skip(if: false)", " @include(if: $no)"]))
        fields.append(f"a{place}: {name}{condition}{below}")
    return f"{{ {' '.join(fields)} }}"


@given(
    roots=st.lists(
        st.sampled_from(["tree", "sure", "later", "trees", "strict"]), min_size=1, max_size=3
    ),
    selection=selections(),
    forest=st.lists(trees(), max_size=3),
    no=st.booleans(),
)
@bounded
async def test_made_up_operations_over_faulty_data_agree(
    roots: list[str], selection: str, forest: list[Any], no: bool
) -> None:
    fields = " ".join(f"r{place}: {root} {selection}" for place, root in enumerate(roots))
    query = f"query ($no: Boolean!) {{ __typename @include(if: $no) {fields} }}"
    await agreed(grove.schema, query, {"no": no}, root=partial(grove.grove, *forest))


@given(query=operations(core_of(menagerie.schema)), values=st.lists(st.sampled_from(ANIMALS)))
@bounded
async def test_made_up_operations_over_interfaces_agree(query: str, values: list[Any]) -> None:
    await agreed(menagerie.schema, query, root=partial(menagerie.root_of, *values))


@given(query=operations(core_of(test_arguments.schema)))
@bounded
async def test_made_up_arguments_agree(query: str) -> None:
    await agreed(test_arguments.schema, query)


@given(query=operations(core_of(garden.schema)))
@bounded
async def test_made_up_queries_and_mutations_agree(query: str) -> None:
    await agreed(garden.schema, query)
