"""Resolvers called without the library's wrapper, where nothing is lost by it."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from strawberry.types.field import StrawberryField

from server.compiled.plan import FieldPlan

Call = Callable[[object, object, Mapping[str, object]], Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """A resolver of a field without extensions: `call(source, info, arguments)`.

    `simple` takes the source, and the info if `wants_info`; None for one that has arguments.
    """

    call: Call
    wants_info: bool
    simple: Callable[..., Any] | None


def caller_of(plan: FieldPlan) -> Caller | None:
    """How to call the field's resolver directly; None when the library has to."""
    field = plan.strawberry
    if field is None or field.base_resolver is None or field.extensions:
        return None
    if type(field).get_result is not StrawberryField.get_result:
        return None
    function = cast("Callable[..., Any]", field.base_resolver.wrapped_func)
    made_for_type = getattr(function, "__for_type__", None)
    if made_for_type is not None:
        made = made_for_type(plan.parent_type.name)
        return Caller(lambda source, _info, _arguments: made(source), False, made)
    if not inspect.isfunction(function):
        return None
    return _direct(field, function)


def _direct(field: StrawberryField, function: Callable[..., Any]) -> Caller:
    """By the places that the library fills: the source and the info, positional or by name."""
    resolver = cast("Any", field.base_resolver)
    parameters = inspect.signature(function).parameters
    sources = [
        parameter.name
        for parameter in (
            resolver.self_parameter,
            resolver.parent_parameter,
            resolver.root_parameter,
        )
        if parameter is not None
    ]
    info = None if resolver.info_parameter is None else resolver.info_parameter.name
    by_source, by_info = frozenset(sources), info
    names = list(parameters)

    def call(source: object, given_info: object, arguments: Mapping[str, object]) -> Any:
        named = dict(arguments)
        for name in by_source:
            named[name] = source
        if by_info is not None:
            named[by_info] = given_info
        return function(**named)

    order = ["source" if name in by_source else "info" if name == info else "" for name in names]
    return Caller(call, info is not None, None if "" in order else _simple(function, order))


def _simple(function: Callable[..., Any], order: list[str]) -> Callable[..., Any] | None:
    match order:
        case ["source"] | ["source", "info"]:
            return function
        case ["info", "source"]:
            return lambda source, info: function(info, source)
        case ["info"]:
            return lambda _source, info: function(info)
        case []:
            return lambda _source: function()
        case _:
            return None
