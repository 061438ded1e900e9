"""Queries made up from the real API's schema, over a workspace with something of everything."""

import random
from typing import Any

from graphql import (
    FieldNode,
    IntValueNode,
    NameNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    parse,
    print_ast,
    visit,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries

from tests.api.test_tenancy import make_world
from tests.api_client import Api
from tests.reference import core

AT = "2026-05-04T03:02:01Z"
MADE_UP = queries(
    core(),
    allow_x00=False,
    custom_scalars={
        "DateTime": st.just(AT).map(nodes.String),
        "JSON": st.just("text").map(nodes.String),
        "Decimal": st.just("1.5").map(nodes.String),
        "Upload": st.just("none").map(nodes.String),
    },
)
EXAMPLES = 40


class Sensible(Visitor):
    """Puts ids that exist where ids are asked for, and pages of a few rows."""

    def __init__(self, types: TypeInfo, ids: list[str], chance: random.Random) -> None:
        super().__init__()
        self._types = types
        self._ids = ids
        self._chance = chance

    def enter_field(self, node: FieldNode, *_: Any) -> Any:
        """What tells the time of asking differs from one execution to the next."""
        if node.name.value != "asOf":
            return None
        return FieldNode(
            name=NameNode(value="__typename"),
            alias=node.alias or node.name,
            arguments=(),
            directives=(),
        )

    def enter_string_value(self, _node: StringValueNode, *_: Any) -> Any:
        given = self._types.get_input_type()
        if given is not None and get_named_type(given).name == "ID":
            return StringValueNode(value=self._chance.choice(self._ids))
        return None

    def enter_int_value(self, _node: IntValueNode, *_: Any) -> Any:
        given = self._types.get_input_type()
        if given is not None and get_named_type(given).name == "ID":
            return StringValueNode(value=self._chance.choice(self._ids))
        return IntValueNode(value=str(self._chance.randint(1, 5)))


async def test_made_up_queries_over_a_workspace_agree(api: Api) -> None:
    """The client's hook compares each with the reference; see `tests/reference.py`."""
    ids = list((await make_world(api, "a@example.com")).values())
    texts: list[str] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(MADE_UP)
    def collect(text: str) -> None:
        types = TypeInfo(core())
        chance = random.Random(text)
        visitor = TypeInfoVisitor(types, Sensible(types, ids, chance))
        texts.append(print_ast(visit(parse(text), visitor)))

    collect()
    executed = 0
    for text in texts:
        for _ in range(3):  # the second sight compiles, the third executes what was compiled
            answer = (await api.post(text)).json()
        executed += answer.get("data") is not None
    assert executed >= EXAMPLES // 2
