"""Frozen dataclasses in and out of JSON, exactly: what is written reads back equal.

A class that belongs to a family (steps, triggers, conditions) states its `kind`, which is the tag
of its JSON object. Reading is strict: unknown keys, missing keys and wrong types are refused with
the path of the place.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar, Protocol, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from domain.base.errors import InvalidInputError

# A tree deeper than this is refused, so that no recursion of ours can be exhausted from outside.
MAX_DEPTH = 32

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Shape(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[object]]]


T = TypeVar("T", bound=Shape)
Reader = Callable[[object, str, int], object]


def encode(value: object) -> Json:
    """The JSON of a shape: tags first, defaults left out, times in UTC with `Z`."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if not is_dataclass(value) or isinstance(value, type):
        message = f"{type(value).__name__} has no JSON form"
        raise TypeError(message)
    kind = getattr(value, "kind", None)
    found: dict[str, Json] = {} if kind is None else {"kind": str(kind)}
    for field in fields(value):
        item = getattr(value, field.name)
        if field.default is MISSING or item != field.default:
            found[field.name] = encode(item)
    return found


def decode(shape: type[T], value: object, path: str = "") -> T:
    """Read one dataclass; raises InvalidInputError with the path of what is wrong."""
    return cast("T", _reader(shape)(value, path, 0))


def decode_any(shapes: tuple[type[T], ...], value: object, path: str = "") -> T:
    """Read one member of a family by its `kind`."""
    return cast("T", _family(shapes)(value, path, 0))


def _fail(path: str, message: str) -> InvalidInputError:
    return InvalidInputError(message, field=path or None)


def _join(path: str, key: str | int) -> str:
    return f"{path}.{key}" if path else str(key)


def _object(value: object, path: str, depth: int) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _fail(path, "an object is expected here")
    if depth > MAX_DEPTH:
        raise _fail(path, f"nested deeper than {MAX_DEPTH} levels")
    return value


@lru_cache(maxsize=256)
def _reader(annotation: object) -> Reader:
    if isinstance(annotation, type):
        if annotation in _SCALARS:
            return _SCALARS[annotation]
        if issubclass(annotation, StrEnum):
            return _enum(annotation)
        if is_dataclass(annotation):
            return _dataclass(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004
        return _sequence(arguments[0])
    if origin in {Union, types.UnionType}:
        members = tuple(member for member in arguments if member is not types.NoneType)
        inner = _reader(members[0]) if len(members) == 1 else _family(members)
        return _optional(inner) if len(members) < len(arguments) else inner
    message = f"{annotation!r} has no JSON form"
    raise TypeError(message)


def _dataclass(shape: type[object]) -> Reader:
    known = {field.name: field for field in fields(cast("type[Shape]", shape))}
    tag = {"kind"} if hasattr(shape, "kind") else set[str]()
    hints: dict[str, object] = {}

    def read(value: object, path: str, depth: int) -> object:
        if not hints:
            # Looked up at first use: families refer to members that are defined after them.
            hints.update(get_type_hints(shape))
        given = _object(value, path, depth)
        for key in given:
            if key not in known and key not in tag:
                raise _fail(_join(path, key), f"there is no `{key}` here")
        found = {}
        for name, field in known.items():
            if name in given:
                found[name] = _reader(hints[name])(given[name], _join(path, name), depth + 1)
            elif field.default is MISSING:
                raise _fail(_join(path, name), f"`{name}` is missing")
        return shape(**found)

    return read


def _family(shapes: tuple[type[object], ...]) -> Reader:
    by_kind: Mapping[str, Reader] = {str(shape.kind): _reader(shape) for shape in _tagged(shapes)}

    def read(value: object, path: str, depth: int) -> object:
        kind = _object(value, path, depth).get("kind")
        reader = by_kind.get(kind) if isinstance(kind, str) else None
        if reader is None:
            raise _fail(_join(path, "kind"), f"the kind must be one of {', '.join(by_kind)}")
        return reader(value, path, depth)

    return read


class _Tagged(Protocol):
    kind: ClassVar[str]


def _tagged(shapes: tuple[type[object], ...]) -> tuple[type[_Tagged], ...]:
    return cast("tuple[type[_Tagged], ...]", shapes)


def _sequence(annotation: object) -> Reader:
    def read(value: object, path: str, depth: int) -> object:
        if not isinstance(value, list):
            raise _fail(path, "a list is expected here")
        if depth > MAX_DEPTH:
            raise _fail(path, f"nested deeper than {MAX_DEPTH} levels")
        reader = _reader(annotation)
        return tuple(reader(item, _join(path, at), depth + 1) for at, item in enumerate(value))

    return read


def _optional(inner: Reader) -> Reader:
    def read(value: object, path: str, depth: int) -> object:
        return None if value is None else inner(value, path, depth)

    return read


def _enum(choices: type[StrEnum]) -> Reader:
    def read(value: object, path: str, _depth: int) -> object:
        try:
            return choices(cast("str", value))
        except ValueError:
            raise _fail(path, f"must be one of {', '.join(choices)}") from None

    return read


def _text(value: object, path: str, _depth: int) -> object:
    if not isinstance(value, str):
        raise _fail(path, "text is expected here")
    return value


def _whole(value: object, path: str, _depth: int) -> object:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _fail(path, "a whole number is expected here")
    return value


def _number(value: object, path: str, _depth: int) -> object:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _fail(path, "a number is expected here")
    return float(value)


def _truth(value: object, path: str, _depth: int) -> object:
    if not isinstance(value, bool):
        raise _fail(path, "true or false is expected here")
    return value


def _identifier(value: object, path: str, _depth: int) -> object:
    try:
        return UUID(cast("str", _text(value, path, 0)))
    except ValueError:
        raise _fail(path, "an id is expected here") from None


def _time(value: object, path: str, _depth: int) -> object:
    try:
        at = datetime.fromisoformat(cast("str", _text(value, path, 0)))
    except ValueError:
        raise _fail(path, "an ISO 8601 time is expected here") from None
    if at.tzinfo is None:
        raise _fail(path, "the time needs its offset from UTC")
    return at.astimezone(UTC)


_SCALARS: dict[type[object], Reader] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _truth,
    UUID: _identifier,
    datetime: _time,
}
