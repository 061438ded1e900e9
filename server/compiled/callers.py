"""Resolvers called without the library's wrapper, where nothing is lost by it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from strawberry.types.field import StrawberryField

from server.compiled.plan import FieldPlan


@dataclass(frozen=True, slots=True)
class Caller:
    """A resolver of a field without extensions.

    `simple` takes the source, and the info if `wants_info`; None for one that has arguments.
    """

    function: Callable[..., Any]
    wants_info: bool
    simple: Callable[..., Any] | None


def caller_of(plan: FieldPlan) -> Caller | None:
    """How to call the field's resolver directly; None when the library has to."""
    field = plan.strawberry
    if field is None or field.base_resolver is None or field.extensions:
        return None
    function = cast("Callable[..., Any]", field.base_resolver.wrapped_func)
    made_for_type = getattr(function, "__for_type__", None)
    if made_for_type is not None:
        return Caller(function, wants_info=False, simple=made_for_type(plan.parent_type.name))
    if not inspect.isfunction(function):
        return Caller(field.base_resolver, wants_info=True, simple=None)
    wants_info = field.base_resolver.info_parameter is not None
    return Caller(function, wants_info, _simple(field, function))


def _simple(field: StrawberryField, function: Callable[..., Any]) -> Callable[..., Any] | None:
    resolver = cast("Any", field.base_resolver)
    roles = {}
    for role, parameter in (
        ("source", resolver.self_parameter),
        ("source", resolver.parent_parameter),
        ("source", resolver.root_parameter),
        ("info", resolver.info_parameter),
    ):
        if parameter is not None:
            roles[parameter.name] = role
    order = [roles.get(name) for name in inspect.signature(function).parameters]
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
