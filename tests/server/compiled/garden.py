"""A schema with one of each thing, whose resolvers note that they ran."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import strawberry
from graphql import ExecutionResult, parse
from strawberry.schema.config import StrawberryConfig

from schema.base.batch import batch_field
from server.compiled import CompiledExecutor, Outcome, Prepared

Row = dict[str, Any]


@dataclass
class Context:
    """`batches` is what batch fields keep their loaders in."""

    calls: list[str] = field(default_factory=list)
    batches: dict[Any, Any] = field(default_factory=dict)


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.interface
class Named:
    name: str

    @classmethod
    def resolve_type(cls, obj: Any, _info: Any, _type: Any) -> str:
        return str(obj["type"])

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:  # noqa: ARG003
        return True


@strawberry.type
class Leaf(Named):
    size: int | None


async def _leaves(parents: list[Row], info: strawberry.Info, most: int = 2) -> list[list[Leaf]]:
    info.context.calls.append(f"leaves {len(parents)} {most}")
    return [parent["leaves"][:most] for parent in parents]


@strawberry.type
class Plant(Named):
    colour: Colour
    height: float | None
    leaves: list[Leaf] = batch_field(_leaves)

    @strawberry.field
    def label(self, info: strawberry.Info, suffix: str = "") -> str:
        row: Row = self  # type: ignore[assignment]
        info.context.calls.append(f"label {row['name']}")
        if row["name"] == "nettle":
            message = "it stings"
            raise ValueError(message)
        return str(row["name"]) + suffix

    @strawberry.field
    async def scent(self, info: strawberry.Info) -> str | None:
        row: Row = self  # type: ignore[assignment]
        info.context.calls.append(f"scent {row['name']}")
        return row.get("scent")


def plant(name: str, **more: Any) -> Row:
    leaves = [{"type": "Leaf", "name": f"{name} leaf {n}", "size": n} for n in range(3)]
    return {"type": "Plant", "name": name, "colour": "red", "height": 1.5, "leaves": leaves, **more}


@strawberry.input
class PlantInput:
    name: str
    colour: Colour = Colour.RED


@strawberry.type
class Query:
    @strawberry.field
    async def plants(self, info: strawberry.Info, names: list[str]) -> list[Plant]:
        info.context.calls.append("plants")
        return [plant(name) for name in names]  # type: ignore[misc]

    @strawberry.field
    async def maybe(self, info: strawberry.Info, name: str | None = None) -> Plant | None:
        info.context.calls.append("maybe")
        return plant(name) if name else None  # type: ignore[return-value]

    @strawberry.field
    def things(self) -> list[Named]:
        return [plant("rose"), {"type": "Leaf", "name": "lone", "size": 3}]  # type: ignore[list-item]

    @strawberry.field
    def bad_colour(self) -> Plant:
        return plant("rose", colour="green")  # type: ignore[return-value]

    @strawberry.field
    def bad_size(self) -> Leaf:
        return {"type": "Leaf", "name": "big", "size": 1 << 40}  # type: ignore[return-value]

    @strawberry.field
    def nameless(self) -> list[Leaf | None]:
        return [{"type": "Leaf", "name": None, "size": 1}, None]  # type: ignore[list-item]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def grow(self, info: strawberry.Info, given: PlantInput) -> Plant:
        info.context.calls.append(f"grow {given.name} {given.colour.value}")
        return plant(given.name, colour=given.colour)  # type: ignore[return-value]


def read(source: Any, name: str) -> Any:
    return source[name] if isinstance(source, Mapping) else getattr(source, name)


schema = strawberry.Schema(
    Query, Mutation, types=[Leaf, Plant], config=StrawberryConfig(default_resolver=read)
)
executor = CompiledExecutor(schema, row_types=(dict,))


async def compiled(query: str, **variables: Any) -> tuple[Outcome, list[str]]:
    """Executed on the compiled path at first sight, and which resolvers ran, in order."""
    context = Context()
    prepared = Prepared.of(parse(query), compile_at_sight=1)
    outcome = await executor.execute(prepared, variables=variables, context=context)
    return outcome, context.calls


async def reference(query: str, **variables: Any) -> tuple[ExecutionResult, list[str]]:
    """The same by graphql-core alone."""
    context = Context()
    prepared = Prepared.of(parse(query), compile_at_sight=1_000)
    outcome = await executor.execute(prepared, variables=variables, context=context)
    return outcome.result, context.calls
