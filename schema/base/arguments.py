"""The one place that refuses what no table of ours can hold, wherever in the arguments it is."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import strawberry
from strawberry.types import get_object_definition, has_object_definition
from strawberry.utils.str_converters import to_camel_case

from domain.base.errors import InvalidInputError


def refuse_unstorable(arguments: Mapping[str, object]) -> None:
    """Look through a root field's arguments, at every depth.

    Raises InvalidInputError that names the input's path: for a text, or a name in JSON, with a
    NUL character, and for a time without an offset or outside the years 1 to 9999 in UTC.
    """
    if all(map(_is_plainly_sound, arguments.values())):
        return
    for path, value in _scalars(arguments):
        if isinstance(value, str):
            if "\0" in value:
                raise InvalidInputError("A NUL character cannot be kept.", field=_field(path))
        elif value.tzinfo is None:
            raise InvalidInputError("The time needs its offset from UTC.", field=_field(path))
        else:
            try:
                value.astimezone(UTC)
            except OverflowError:
                message = "The time must lie in the years 1 to 9999, in UTC."
                raise InvalidInputError(message, field=_field(path)) from None


def _is_plainly_sound(value: object) -> bool:
    """What most arguments are: told without a look inside."""
    if value.__class__ is str:
        return "\0" not in value
    return value is None or isinstance(value, int | float | strawberry.Info)


Path = tuple[object, ...]


def _scalars(arguments: Mapping[str, object]) -> Iterator[tuple[Path, str | datetime]]:
    """Texts, names in JSON and times with their paths, without recursion."""
    rest: list[tuple[Path, object]] = [
        ((to_camel_case(name),), value)
        for name, value in arguments.items()
        if not isinstance(value, strawberry.Info)
    ]
    while rest:
        path, value = rest.pop()
        if isinstance(value, str | datetime):
            yield path, value
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                yield path, str(key)
                rest.append(((*path, key), inner))
        elif isinstance(value, list | tuple):
            rest.extend(((*path, at), inner) for at, inner in enumerate(value))
        elif has_object_definition(value):
            fields = get_object_definition(value, strict=True).fields
            rest.extend(
                ((*path, field.graphql_name or to_camel_case(field.name)), vars(value)[field.name])
                for field in fields
            )


def _field(path: Path) -> str:
    """As payloads spell it: an argument that is called `input` goes without saying."""
    named = path[1:] if len(path) > 1 and path[0] == "input" else path
    return ".".join(map(str, named))
