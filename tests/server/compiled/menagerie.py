"""Interfaces and unions whose values say what they are in every way there is, or lie."""

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.base.batch import batch_field


def type_in(value: Any) -> Any:
    """What a row says it is: a name, nothing, a wrong thing, or an error."""
    said = value["type"] if isinstance(value, Mapping) else type(value).__name__
    if said == "raise":
        message = "it will not say"
        raise LookupError(message)
    return said


async def _friends(parents: list[Any], info: strawberry.Info, most: int = 2) -> list[list[str]]:
    info.context.calls.extend(f"friends {most}" for _ in parents)
    return [[f"{most}"] for _ in parents]


@strawberry.interface
class Animal:
    """Told by `resolve_type`."""

    name: str
    friends: list[str] = batch_field(_friends)

    @classmethod
    def resolve_type(cls, value: Any, _info: Any, _type: Any) -> Any:
        return type_in(value)

    @strawberry.field
    def sound(self, info: strawberry.Info) -> str:
        info.context.calls.append(f"sound {info.path.typename}")
        return f"of a {info.path.typename}"


@strawberry.type
class Cat(Animal):
    lives: int = 9

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return not (isinstance(value, Mapping) and value.get("lies"))


@strawberry.type
class Dog(Animal):
    owner: "Animal | None" = None

    @classmethod
    def is_type_of(cls, _value: Any, _info: Any) -> bool:
        return True


@strawberry.interface
class Slow:
    """Told by a coroutine."""

    name: str

    @classmethod
    async def resolve_type(cls, value: Any, _info: Any, _type: Any) -> Any:
        return type_in(value)


@strawberry.type
class Snail(Slow):
    @classmethod
    def is_type_of(cls, _value: Any, _info: Any) -> bool:
        return True


@strawberry.interface
class Asked:
    """Told by asking each possible type."""

    name: str


@strawberry.type
class Parrot(Asked):
    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return bool(type_in(value) == "Parrot")


@strawberry.type
class Echo(Asked):
    @classmethod
    async def is_type_of(cls, value: Any, _info: Any) -> bool:
        return bool(type_in(value) == "Echo")


@strawberry.interface
class Lazy:
    """Told by a function that gives back a coroutine."""

    name: str

    @classmethod
    def resolve_type(cls, value: Any, _info: Any, _type: Any) -> Any:
        async def tell() -> Any:
            return type_in(value)

        return tell()


@strawberry.type
class Sloth(Lazy):
    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> Any:
        async def tell() -> bool:
            return bool(type_in(value) == "Sloth")

        return tell()


@strawberry.type
class Stone:
    name: str


@strawberry.type
class Cloud:
    name: str
    height: int = 3


Thing = Annotated[Stone | Cloud, strawberry.union("Thing")]


@strawberry.type
class Query:
    animals: list[Animal | None]
    strict: list[Animal] | None
    one: Animal | None
    cat: Cat | None
    slow: list[Slow | None]
    snail: Snail | None
    asked: list[Asked | None]
    echo: Echo | None
    lazy: list[Lazy | None]
    sloth: Sloth | None
    things: list[Thing | None]

    @strawberry.field
    async def later(self, info: strawberry.Info) -> list[Animal | None]:
        info.context.calls.append("later")
        return self["animals"]  # type: ignore[index, no-any-return]

    @strawberry.field
    def called(self, info: strawberry.Info) -> Animal | None:
        info.context.calls.append("called")
        return self["one"]  # type: ignore[index, no-any-return]


LISTS = ("animals", "strict", "slow", "asked", "lazy", "things")
SINGLE = ("one", "cat", "snail", "echo", "sloth")


def root_of(*values: Any) -> dict[str, Any]:
    first = values[0] if values else None
    return {**{name: list(values) for name in LISTS}, **dict.fromkeys(SINGLE, first)}


def read(source: Any, name: str) -> Any:
    return source[name] if isinstance(source, Mapping) else getattr(source, name)


schema = strawberry.Schema(
    Query,
    types=[Cat, Dog, Snail, Parrot, Echo, Sloth],
    config=StrawberryConfig(default_resolver=read),
)
