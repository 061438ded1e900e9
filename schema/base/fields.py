"""Root fields: a verb of `resolvers/` with the access it needs."""

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, ParamSpec, TypeVar, cast

import strawberry

from domain.base.errors import DomainError, DomainErrors, ForbiddenError, UnauthenticatedError
from domain.identity.viewer import Access
from schema.base.arguments import refuse_unstorable
from schema.base.context import Info
from schema.base.errors import Payload, user_errors

P = ParamSpec("P")
R = TypeVar("R")


def query(resolver: Callable[P, Awaitable[R]], *, access: Access | None, description: str) -> Any:
    """A root query. `access` None leaves it open to everyone."""

    @functools.wraps(resolver)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        _check(access, args, kwargs)
        refuse_unstorable(kwargs)
        return await resolver(*args, **kwargs)

    return strawberry.field(resolver=guarded, description=description)


def mutation(
    resolver: Callable[P, Awaitable[R]],
    *,
    access: Access | None,
    description: str,
    judges_items: bool = False,
) -> Any:
    """A root mutation, whose expected failures come back in its payload's `errors`.

    The resolver's return annotation must be a `Payload` whose other fields have defaults. Missing
    rights are errors of the request, not of its input, and stand at the top level. One that
    `judges_items` answers for each item of a list by itself, and so looks for what cannot be kept.
    """
    payload = inspect.signature(resolver).return_annotation
    if not (isinstance(payload, type) and issubclass(payload, Payload)):
        message = f"{resolver.__qualname__} must answer a Payload"
        raise TypeError(message)

    @functools.wraps(resolver)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        _check(access, args, kwargs)
        try:
            if not judges_items:
                refuse_unstorable(kwargs)
            return await resolver(*args, **kwargs)
        except (DomainError, DomainErrors) as error:
            if access is not None and isinstance(error, (ForbiddenError, UnauthenticatedError)):
                raise
            return cast("R", payload(errors=user_errors(error)))

    return strawberry.mutation(resolver=guarded, description=description)


def subscription(
    resolver: Callable[P, AsyncIterator[R]], *, access: Access, description: str
) -> Any:
    @functools.wraps(resolver)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[R]:
        _check(access, args, kwargs)
        refuse_unstorable(kwargs)
        async for value in resolver(*args, **kwargs):
            yield value

    return strawberry.subscription(resolver=guarded, description=description)


def _check(access: Access | None, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    if access is None:
        return
    info = kwargs.get("info") or next(value for value in args if isinstance(value, strawberry.Info))
    cast("Info", info).context.require(access)
