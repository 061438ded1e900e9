"""Anything by its global id."""

from typing import cast

import strawberry

from domain.base.errors import InvalidInputError
from schema.base.context import Info
from schema.base.node import Node, read_nodes

MOST = 100


async def node(info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002
    (found,) = await read_nodes(info.context.workspace_id, [id])
    return cast("Node | None", found)


async def nodes(info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
    if len(ids) > MOST:
        raise InvalidInputError(f"At most {MOST} ids at a time.", field="ids")
    return cast("list[Node | None]", await read_nodes(info.context.workspace_id, ids))
