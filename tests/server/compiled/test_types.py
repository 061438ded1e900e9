"""Abstract types: how a value's type is found, and what happens when it is wrong."""

import json
from functools import partial
from typing import Any

import pytest

from tests.server.compiled.agreement import agreed
from tests.server.compiled.menagerie import Cat, Cloud, Dog, Stone, root_of, schema


def row(typename: Any, **more: Any) -> dict[str, Any]:
    return {"type": typename, "name": "n", "lives": 9, "owner": None, **more}


VALUES: dict[str, list[Any]] = {
    "rows": [row("Cat"), row("Dog"), row("Cat", name="second")],
    "objects": [Cat(name="c"), Dog(name="d", owner=Cat(name="o"))],
    "mixed kinds": [row("Cat"), Cat(name="c"), row("Dog", owner=Dog(name="o")), Dog(name="d")],
    "nulls": [None, row("Cat"), None],
    "a name of no type": [row("Cat"), row("Yeti")],
    "a type that is none of these": [row("Stone"), row("Cat")],
    "an interface's name": [row("Animal")],
    "no name": [row(None)],
    "no string": [row(7), row(Cat)],
    "an error that is raised": [row("raise"), row("Cat")],
    "an error that is a value": [ValueError("a value"), row("Cat")],
    "what is_type_of denies": [row("Cat", lies=True), row("Cat")],
    "something else": ["text", 7, object()],
    "fields of the wrong type": [row("Cat", lives="many"), row("Dog", owner=row("Yeti"))],
    "others": [row("Snail"), row("Parrot"), row("Echo"), row("Sloth"), row("Cloud", height=1)],
    "things": [Stone(name="s"), Cloud(name="c"), Cat(name="c")],
    "nothing": [],
}
QUERIES = [
    "{ animals { __typename } }",
    "{ animals { name ... on Cat { lives } ... on Dog { owner { name } } } }",
    "{ strict { __typename sound } one { sound friends } }",
    "{ later { name friends ... on Cat { friends } ... on Dog { sound } } called { sound } }",
    "{ animals { ... on Cat { friends(most: 1) } ... on Dog { friends(most: 1) } } }",
    "{ called { __typename } cat { __typename lives sound } }",
    "{ cat { name } }",
    "{ slow { __typename name } snail { __typename } }",
    "{ asked { __typename } }",
    "{ asked { name ... on Echo { name } } echo { __typename name } }",
    "{ lazy { __typename } }",
    "{ sloth { __typename name } }",
    "{ things { __typename ... on Stone { name } ... on Cloud { name height } } }",
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
async def test_types_are_found_as_the_reference_finds_them(values: list[Any], query: str) -> None:
    await agreed(schema, query, root=partial(root_of, *values))
    for value in values:
        await agreed(schema, query, root=partial(root_of, value))


async def test_an_edge_with_other_arguments_for_each_type_is_a_call_for_each() -> None:
    query = "{ animals { ... on Cat { friends(most: 1) } ... on Dog { friends(most: 5) } } }"
    way, answer = await agreed(schema, query, root=partial(root_of, *VALUES["rows"]))
    assert way == "compiled"
    assert json.loads(answer.data) == {
        "animals": [{"friends": ["1"]}, {"friends": ["5"]}, {"friends": ["1"]}]
    }


@pytest.mark.parametrize(
    ("query", "way"),
    [
        ("{ slow { name } }", "an asynchronous resolve_type"),
        ("{ asked { name } }", "an asynchronous is_type_of"),
        ("{ echo { name } }", "an asynchronous is_type_of"),
        ("{ lazy { name } }", "irregular"),
        ("{ animals { name } }", "compiled"),
    ],
)
async def test_types_that_are_awaited_are_left_to_the_reference(query: str, way: str) -> None:
    typename = {"slow": "Snail", "asked": "Parrot", "echo": "Echo", "lazy": "Sloth"}.get(
        query.split()[1], "Cat"
    )
    taken, answer = await agreed(schema, query, root=lambda: root_of(row(typename)))
    assert taken == way
    assert answer.errors == []
