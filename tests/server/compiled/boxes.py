"""A schema that gives back any value as any type, read, called for and awaited."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.enum
class Layers(Enum):
    """Values of this one are no keys of a dictionary."""

    ONE = [1]  # noqa: RUF012
    TWO = [1, 2]  # noqa: RUF012


@strawberry.enum
class Level(int, Enum):
    LOW = 1
    HIGH = 2


def shout(value: str) -> str:
    if value == "quiet":
        message = "nothing is shouted quietly"
        raise ValueError(message)
    return value.upper() if value != "void" else None  # type: ignore[return-value]


class Shout(str):
    """What the scalar below is in Python."""

    __slots__ = ()


TYPES: dict[str, Any] = {
    "String": str,
    "ID": strawberry.ID,
    "Int": int,
    "Float": float,
    "Boolean": bool,
    "Colour": Colour,
    "Layers": Layers,
    "Level": Level,
    "JSON": JSON,
    "DateTime": datetime,
    "Date": date,
    "Decimal": Decimal,
    "UUID": UUID,
    "Shout": Shout,
}


def shapes(of: Any) -> dict[str, Any]:
    return {
        "maybe": of | None,
        "sure": of,
        "gaps": list[of | None] | None,
        "full": list[of] | None,
        "deep": list[list[of] | None] | None,
    }


def reader(name: str, annotation: Any) -> Any:
    def read(self: Any, info: strawberry.Info) -> Any:
        info.context.calls.append(name)
        return read_field(self, name)

    read.__annotations__["return"] = annotation
    return read


def later_reader(name: str, annotation: Any) -> Any:
    async def read(self: Any, info: strawberry.Info) -> Any:
        info.context.calls.append(f"later {name}")
        return read_field(self, name)

    read.__annotations__["return"] = annotation
    return read


def box_of(typename: str) -> type:
    """A type with a field for each shape and way of reading."""
    annotations: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for shape, annotation in shapes(TYPES[typename]).items():
        annotations[shape] = annotation
        fields[f"called_{shape}"] = strawberry.field(resolver=reader(shape, annotation))
        fields[f"later_{shape}"] = strawberry.field(resolver=later_reader(shape, annotation))
    box = type(f"{typename}Box", (), {"__annotations__": annotations, **fields})
    return strawberry.type(box)


def box_reader(box: type) -> Any:
    def read(root: strawberry.Parent[Any]) -> Any:
        return root

    read.__annotations__["return"] = box | None
    return read


BOXES = {typename: box_of(typename) for typename in TYPES}
Query = strawberry.type(
    type(
        "Query",
        (),
        {
            f"{typename.lower()}_box": strawberry.field(resolver=box_reader(box))
            for typename, box in BOXES.items()
        },
    )
)


def read_field(source: Any, name: str) -> Any:
    return source[name] if isinstance(source, Mapping) else getattr(source, name)


schema = strawberry.Schema(
    Query,
    config=StrawberryConfig(
        default_resolver=read_field,
        scalar_map={Shout: strawberry.scalar(name="Shout", serialize=shout)},
    ),
)


def query_of(typename: str, name: str) -> str:
    return f"{{ {typename.lower()}Box {{ {name} }} }}"


def as_row(value: object) -> dict[str, Any]:
    return dict.fromkeys(shapes(str), value)


def as_object(value: object) -> SimpleNamespace:
    return SimpleNamespace(**as_row(value))
