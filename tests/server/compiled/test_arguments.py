# ruff: noqa: E501  an operation a line
"""Coercion of variables and arguments: defaults, nulls, what is missing, what is wrong."""

import json
from datetime import datetime
from enum import Enum
from typing import Any

import pytest
import strawberry
from strawberry.scalars import JSON

from schema.base.batch import batch_field
from tests.server.compiled.agreement import agreed


@strawberry.enum
class Size(Enum):
    SMALL = "s"
    LARGE = "l"


@strawberry.input
class Inner:
    number: int = 7
    tags: list[str] | None = strawberry.field(default_factory=lambda: ["x"])


@strawberry.input
class Outer:
    inner: Inner
    others: list[Inner] | None = None
    size: Size = Size.SMALL
    unset: str | None = strawberry.UNSET
    maybe: strawberry.Maybe[int | None] = None


@strawberry.input(one_of=True)
class Either:
    left: int | None = strawberry.UNSET
    right: str | None = strawberry.UNSET


@strawberry.input
class Judged:
    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            message = "no number may be negative"
            raise ValueError(message)


async def _batched(
    parents: list[Any], info: strawberry.Info, given: int = 3, more: Inner | None = None
) -> list[str]:
    info.context.calls.append(f"batched {given} {more!r}")
    return [f"{given} {more!r}" for _ in parents]


@strawberry.type
class Query:
    @strawberry.field
    def echo(
        self,
        info: strawberry.Info,
        text: str | None = "default",
        number: int | None = None,
        ratio: float = 0.5,
        flag: bool | None = strawberry.UNSET,
        key: strawberry.ID | None = None,
        size: Size = Size.LARGE,
        sizes: list[Size | None] | None = None,
        grid: list[list[int]] | None = None,
        outer: Outer | None = None,
        either: Either | None = None,
        judged: Judged | None = None,
        at: datetime | None = None,
        free: JSON | None = None,
        source: str | None = None,
        following: str | None = None,
    ) -> str:
        info.context.calls.append("echo")
        given = dict(locals())
        return repr([(name, given[name]) for name in sorted(given) if name not in {"self", "info"}])

    @strawberry.field
    async def later(self, must: int, many: list[str], sure: bool = True) -> str | None:
        return repr((must, many, sure))

    @strawberry.field
    def changed(self, items: list[int]) -> list[int]:
        items.append(0)
        return items

    batched: str = batch_field(_batched)


schema = strawberry.Schema(Query)

LITERALS = [
    "{ echo }",
    "{ echo(text: null, number: 2147483647, ratio: 1, flag: false, key: 7, size: SMALL) }",
    '{ echo(text: "", number: -2147483648, ratio: 1e3, flag: null, key: "seven", sizes: [SMALL, null, LARGE]) }',
    '{ echo(text: """\n  block\n    text\n""", sizes: SMALL, grid: 1) }',
    "{ echo(grid: [[1, 2], 3, []]) }",
    "{ echo(outer: {inner: {}}) }",
    '{ echo(outer: {inner: {number: 1, tags: null}, others: {number: 2, tags: "one"}, size: LARGE, unset: null, maybe: null}) }',
    "{ echo(outer: {inner: {tags: []}, others: [{}, {number: 3}], maybe: 4}) }",
    '{ a: echo(either: {left: 1}) b: echo(either: {right: "r"}) }',
    '{ echo(at: "2026-05-04T03:02:01+02:00", free: {a: [1, 2.5, null, {b: "c"}]}) }',
    '{ echo(judged: {number: 1}) b: later(must: 1, many: "one") }',
    "{ echo(judged: {number: -1}) }",
    '{ later(must: 1, many: ["a", "b"], sure: false) }',
    '{ echo(source: "s", following: "f") batched(given: 4, more: {number: 1}) }',
    "{ a: batched b: batched(given: 5) }",
    "{ a: changed(items: [1]) b: changed(items: [1]) }",
]  # fmt: skip


@pytest.mark.parametrize("query", LITERALS)
async def test_literals_are_coerced(query: str) -> None:
    for _ in range(2):
        await agreed(schema, query)


VARIABLES: list[tuple[str, list[dict[str, Any]]]] = [
    ("query ($v: String) { echo(text: $v) }", [{}, {"v": None}, {"v": "x"}, {"v": 1}, {"v": ["x"]}, {"other": 1}]),
    ('query ($v: String = "own") { echo(text: $v) }', [{}, {"v": None}, {"v": "x"}]),
    ("query ($v: Int) { echo(number: $v) }", [{}, {"v": None}, {"v": 5}, {"v": 5.0}, {"v": 5.5}, {"v": "5"}, {"v": 2**31}, {"v": True}]),
    ("query ($v: Int = 9) { echo(number: $v) later(must: $v, many: []) }", [{}, {"v": 1}, {"v": None}]),
    ("query ($v: Float) { echo(ratio: $v) }", [{}, {"v": None}, {"v": 2}, {"v": 2.5}, {"v": "2"}]),
    ("query ($v: Float!) { echo(ratio: $v) }", [{}, {"v": None}, {"v": 2}]),
    ("query ($v: Boolean) { echo(flag: $v) }", [{}, {"v": None}, {"v": False}, {"v": 1}, {"v": "true"}]),
    ("query ($v: ID) { echo(key: $v) }", [{}, {"v": None}, {"v": 7}, {"v": "seven"}, {"v": 7.5}, {"v": True}]),
    ("query ($v: Size) { echo(size: $v) }", [{}, {"v": None}, {"v": "SMALL"}, {"v": "small"}, {"v": "s"}, {"v": 1}]),
    ("query ($v: Size = SMALL) { echo(size: $v, sizes: [$v, LARGE]) }", [{}, {"v": None}, {"v": "LARGE"}]),
    ("query ($v: [Size]) { echo(sizes: $v) }", [{}, {"v": None}, {"v": "SMALL"}, {"v": ["SMALL", None]}, {"v": ["x", "y"]}]),
    ("query ($v: Int!) { echo(grid: [[$v], [1, $v]]) later(must: $v, many: []) }", [{}, {"v": 3}]),
    ("query ($v: [[Int!]!]) { echo(grid: $v) }", [{"v": [[1], [2, 3]]}, {"v": [1, 2]}, {"v": 1}, {"v": [[1, None]]}, {"v": [None]}]),
    ("query ($v: Outer) { echo(outer: $v) }", [{}, {"v": None}, {"v": {"inner": {}}}, {"v": {}}, {"v": {"inner": {"number": "x"}, "extra": 1}}, {"v": {"inner": {"number": None}}}, {"v": {"inner": {}, "maybe": 1, "unset": None, "others": {"number": 1}}}]),
    ("query ($v: Int, $w: [String!]) { echo(outer: {inner: {number: 1, tags: $w}, maybe: $v}) }", [{}, {"v": 1}, {"v": None, "w": None}, {"w": ["a"]}]),
    ("query ($v: Either) { echo(either: $v) }", [{"v": {"left": 1}}, {"v": {"left": 1, "right": "r"}}, {"v": {}}, {"v": {"left": None}}]),
    ("query ($v: Judged) { echo(judged: $v) again: echo(judged: $v) }", [{"v": {"number": 1}}, {"v": {"number": -1}}]),
    ("query ($v: DateTime, $w: JSON) { echo(at: $v, free: $w) }", [{"v": "2026-05-04T03:02:01Z"}, {"v": "yesterday"}, {"w": {"a": [1, {}]}}, {"w": None}, {"w": [1]}]),
    ("query ($v: Int!, $w: [String!]!) { later(must: $v, many: $w) }", [{"v": 1, "w": ["a"]}, {"v": 1, "w": "a"}, {"v": 1, "w": [None]}, {"w": 1}, {"v": "1", "w": [1, 2]}]),
    ("query ($v: Int, $w: Inner) { batched(given: $v, more: $w) b: batched(more: $w) }", [{}, {"v": 1}, {"v": None}, {"w": {"number": 2}}]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "variables"), VARIABLES, ids=[query for query, _ in VARIABLES])
async def test_variables_are_coerced_defaulted_and_refused(
    query: str, variables: list[dict[str, Any]]
) -> None:
    for given in [*variables, *variables]:
        await agreed(schema, query, given)


async def test_a_null_variable_does_not_take_the_arguments_default() -> None:
    query = "query ($v: String) { echo(text: $v) }"
    _, unset = await agreed(schema, query)
    _, null = await agreed(schema, query, {"v": None})
    assert "('text', 'default')" in json.loads(unset.data)["echo"]
    assert "('text', None)" in json.loads(null.data)["echo"]


async def test_many_wrong_variables_are_told_up_to_the_limit() -> None:
    declared = ", ".join(f"$v{i}: Int!" for i in range(60))
    used = " ".join(f"a{i}: later(must: $v{i}, many: [])" for i in range(60))
    way, answer = await agreed(schema, f"query ({declared}) {{ {used} }}")
    assert way == "refused"
    assert len(answer.errors) == 51
