"""Completion of leaves: whatever a source holds comes out as the reference has it."""

import json
import math
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from graphql import Undefined

from tests.server.compiled.agreement import agreed
from tests.server.compiled.boxes import (
    TYPES,
    Colour,
    Layers,
    Level,
    as_object,
    as_row,
    query_of,
    schema,
)


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Odd:
    def __repr__(self) -> str:
        return "<odd>"


SINGLE: list[Any] = [
    *(None, Undefined, "", "text", "quiet", "void", "1", "RED", "red", "true", b"bytes"),
    *(0, 1, -1, 2, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 10**20, True, False),
    *(0.0, -0.0, 1.0, 1.5, 1e300, math.nan, math.inf, -math.inf, Decimal("1.50"), Decimal("NaN")),
    *(
        Text("own text"),
        Number(7),
        Odd(),
        Exception,
        ValueError("a value, not raised"),
        {},
        {"a": 1},
    ),
    *(Colour.RED, Layers.ONE, Level.LOW, Level.HIGH, Colour, [1], [1, 2]),
    *(datetime(2026, 5, 4, 3, 2, 1, 9, UTC), datetime(2026, 5, 4), date(2026, 5, 4)),  # noqa: DTZ001
    *(uuid.UUID(int=7), uuid.UUID(int=7).hex, range(2), {"a", "b"}.__class__(), frozenset({1})),
]
LISTS: list[Any] = [
    *([], (), [None], ["a", None], [1, "b"], ["a", ValueError("an item, not raised")]),
    *([[]], [["a"], None, []], [["a", None]], [("a",), ["b"]], [[["a"]]], [Undefined]),
    *({"a": 1}, {"a"}, "text", range(2), {"a": 1}.keys(), iter(())),
    *([True, 1.0], [Colour.RED, "blue"], [math.nan], [2**40], [[2**40], [1]]),
]


NAMES = {
    f"{way}{shape}": values
    for shapes, values in ((("Maybe", "Sure"), SINGLE), (("Gaps", "Full", "Deep"), LISTS))
    for shape in shapes
    for way in ("", "called", "later")
}


@pytest.mark.parametrize("typename", TYPES)
async def test_any_value_of_a_row_is_completed_as_any_type(typename: str) -> None:
    for name, values in NAMES.items():
        query = query_of(typename, name[0].lower() + name[1:])
        for value in values:
            await agreed(schema, query, root=partial(as_row, value))


@pytest.mark.parametrize("typename", ["String", "Colour", "JSON"])
async def test_any_value_of_an_object_is_completed_as_any_type(typename: str) -> None:
    for name, values in NAMES.items():
        query = query_of(typename, name[0].lower() + name[1:])
        for value in values:
            await agreed(schema, query, root=partial(as_object, value))


@pytest.mark.parametrize(
    ("typename", "value", "expected"),
    [
        ("Int", 2**31 - 1, 2**31 - 1),
        ("Int", 1.0, 1),
        ("Int", True, 1),
        ("Float", 1, 1.0),
        ("Float", "1.5", 1.5),
        ("String", 1.5, "1.5"),
        ("String", True, "true"),
        ("ID", 7, "7"),
        ("Boolean", 1, True),
        ("Colour", Colour.BLUE, "BLUE"),
        ("Colour", "blue", "BLUE"),
        ("Layers", Layers.TWO, "TWO"),
        ("Shout", "text", "TEXT"),
    ],
)
async def test_values_of_neighbouring_classes_are_converted(
    typename: str, value: object, expected: object
) -> None:
    query = f"{{ {typename.lower()}Box {{ sure calledSure laterSure }} }}"
    _, answer = await agreed(schema, query, root=lambda: as_row(value))
    box = {"sure": expected, "calledSure": expected, "laterSure": expected}
    assert json.loads(answer.data) == {f"{typename.lower()}Box": box}
