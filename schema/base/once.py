"""Reads that several edges of one execution need, made once for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar

from schema.base.context import Info

T = TypeVar("T")


async def once(info: Info, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
    """The answer of `read`, asked for once in this execution for all that give the same `key`."""
    raw = info._raw_info  # noqa: SLF001  the library offers no name for an execution
    reads = info.context.shared.of(raw.variable_values, raw.root_value)
    found = reads.get(key)
    if found is None:
        found = reads[key] = asyncio.ensure_future(read())
    # One that is cancelled must not take the answer from the others.
    answer: T = await asyncio.shield(found)
    return answer
