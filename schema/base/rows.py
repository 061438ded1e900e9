"""Types are read off rows: a field without a resolver is the column of the same name."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from asyncpg import Record


class TypedRow(dict[str, object]):
    """A row that says which GraphQL type it is of, for fields that answer an interface."""

    __slots__ = ("typename",)

    def __init__(self, typename: str, row: Record | Mapping[str, object]) -> None:
        super().__init__(row)
        self.typename = typename


F = TypeVar("F", bound=Callable[..., bool])


def always_true(predicate: F) -> F:
    """Mark an `is_type_of` that never says no, so that the compiled path need not ask it."""
    predicate.always_true = True  # type: ignore[attr-defined]
    return predicate


R = TypeVar("R", bound=Callable[..., object])


def pure(resolver: R) -> R:
    """Mark a resolver without effects, so that the compiled path need not keep its answers."""
    resolver.__pure__ = True  # type: ignore[attr-defined]
    return resolver


def itself(resolver: R) -> R:
    """Mark a pure resolver that answers its source, so that the compiled path need not ask it."""
    resolver.__itself__ = True  # type: ignore[attr-defined]
    return pure(resolver)


def read_field(source: object, name: str) -> object:
    if isinstance(source, Record | Mapping):
        return source[name]
    return getattr(source, name)
