"""Batch fields, the only form of an edge: all parents in, one list out, in their order."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast, get_args, get_origin

import strawberry
from strawberry.dataloader import DataLoader
from strawberry.exceptions import WrongNumberOfResultsReturned
from strawberry.types.field import StrawberryField

from schema.base.context import Info

BatchFunction = Callable[..., Awaitable[Sequence[Any]]]
Asked = tuple[Any, Info, dict[str, object]]


def batch_field(
    function: BatchFunction | None = None,
    *,
    description: str | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """Make a field of `async def edge(parents, info, …) -> list[T]`.

    The field's type is `T`; its further arguments are the function's. The function must answer
    one item for each parent, in their order; an item that is an exception fails that parent only.
    The ordinary resolver gathers all parents at one place of the response into one call.
    """
    if function is None:
        return lambda given: batch_field(
            given, description=description, deprecation_reason=deprecation_reason
        )
    return strawberry.field(
        resolver=_ordinary_resolver(function),
        description=description,
        deprecation_reason=deprecation_reason,
    )


def batch_function(field: StrawberryField) -> BatchFunction | None:
    """The batch function behind a field, None for other fields."""
    resolver = field.base_resolver
    return getattr(resolver.wrapped_func, "__batch__", None) if resolver else None


async def _answers(function: BatchFunction, asked: list[Asked]) -> list[object]:
    """One call for those that ask the same; an interface's types, or operations of one socket,
    may ask with other arguments at one place.
    """
    answers: list[object] = [None] * len(asked)
    rest = list(range(len(asked)))
    while rest:
        _, info, given = asked[rest[0]]
        alike = [
            at for at in rest if asked[at][1].operation is info.operation and asked[at][2] == given
        ]
        rest = sorted(set(rest).difference(alike))
        try:
            values = list(await function([asked[at][0] for at in alike], info, **given))
        except Exception as error:  # noqa: BLE001  raised for each of its parents
            values = [error] * len(alike)
        if len(values) != len(alike):
            wrong = WrongNumberOfResultsReturned(expected=len(alike), received=len(values))
            values = [wrong] * len(alike)
        for at, value in zip(alike, values, strict=True):
            answers[at] = value
    return answers


def _ordinary_resolver(function: BatchFunction) -> Callable[..., Awaitable[object]]:
    signature = inspect.signature(function)
    if get_origin(signature.return_annotation) is not list:
        message = f"{function.__qualname__} must answer a list"
        raise TypeError(message)
    (item_type,) = get_args(signature.return_annotation)
    arguments = list(signature.parameters.values())[2:]

    async def resolve(root: Any, info: Info, **given: object) -> object:
        place = tuple(key for key in info.path.as_list() if isinstance(key, str))
        key = (function, *place)
        loader = info.context.batches.get(key)
        if loader is None:

            async def load(asked: list[Asked]) -> list[object]:
                return await _answers(function, asked)

            # Rows are not hashable keys, and a subscription's next payload must read anew.
            loader = DataLoader(load_fn=cast("Any", load), cache=False)
            info.context.batches[key] = loader
        return await loader.load((root, info, given))

    first = [
        inspect.Parameter(
            "root",
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            annotation=cast("Any", strawberry.Parent)[Any],
        ),
        inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
    ]
    described = cast("Any", resolve)
    described.__signature__ = signature.replace(
        parameters=[*first, *arguments], return_annotation=item_type
    )
    described.__annotations__ = {
        **{parameter.name: parameter.annotation for parameter in [*first, *arguments]},
        "return": item_type,
    }
    described.__name__ = function.__name__
    described.__qualname__ = function.__qualname__
    described.__module__ = function.__module__
    described.__doc__ = function.__doc__
    described.__batch__ = function
    return resolve
