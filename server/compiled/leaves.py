"""Leaf values: an expression that passes what is right already, and a function for the rest."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLEnumType, GraphQLError, GraphQLLeafType, Undefined

from server.compiled.irregular import Irregular
from server.compiled.plain import PlainClasses

LeafFunction = Callable[[object], object]

_PLAIN = PlainClasses()

# A value of exactly this class is what the scalar would give back.
_BUILT_IN = {
    "String": "{v}.__class__ is str",
    "ID": "{v}.__class__ is str",
    "Boolean": "{v}.__class__ is bool",
    "Int": "{v}.__class__ is int and -2147483648 <= {v} <= 2147483647",
    # The difference is not zero for infinities and for what is no number.
    "Float": "{v}.__class__ is float and {v} - {v} == 0.0",
}


def leaf_function(leaf: GraphQLLeafType, *, is_nullable: bool) -> LeafFunction:
    """Serialise one value as the reference executor does, or raise Irregular."""
    coerce = leaf.coerce_output_value

    def serialise(value: object) -> object:
        if value is None or value is Undefined:
            if is_nullable:
                return None
            raise Irregular
        if not _PLAIN[value.__class__]:
            raise Irregular
        try:
            given = coerce(value)
        except Exception as error:
            raise Irregular from error
        if given is None or given is Undefined:
            raise Irregular
        return given

    return serialise


def leaf_test(
    leaf: GraphQLLeafType, variable: str, native: Mapping[str, tuple[type, ...]], number: int
) -> tuple[str, dict[str, Any]]:
    """An expression that is true for a value that passes as it is, and the names it needs."""
    if leaf.name in native:
        names = {f"N{number}_{i}": cls for i, cls in enumerate(native[leaf.name])}
        return " or ".join(f"{variable}.__class__ is {name}" for name in names), names
    if leaf.name in _BUILT_IN and not isinstance(leaf, GraphQLEnumType):
        return _BUILT_IN[leaf.name].format(v=variable), {}
    return "", {}


def enum_names(leaf: GraphQLLeafType) -> dict[object, str] | None:
    """The name of each value of an enum; None when it is no enum, or values cannot be keys."""
    if not isinstance(leaf, GraphQLEnumType):
        return None
    names: dict[object, str] = {}
    try:
        for name, value in leaf.values.items():
            names.setdefault(value.value, name)
    except TypeError:
        return None
    # What the reference refuses must not be found by being equal to a name's value.
    for value in list(names):
        try:
            if leaf.coerce_output_value(value) != names[value]:
                return None
        except GraphQLError:
            return None
    return names
