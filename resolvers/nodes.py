"""Anything by its global id."""

from typing import Annotated, cast

import strawberry

from domain.base.errors import InvalidInputError
from schema.base.context import Info
from schema.base.node import Node, read_nodes

MOST = 100


async def node(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Of anything.")],  # noqa: A002
) -> Node | None:
    (found,) = await read_nodes(info.context.workspace_id, [id])
    return cast("Node | None", found)


async def nodes(
    info: Info,
    ids: Annotated[
        list[strawberry.ID], strawberry.argument(description="Up to 100, of any types.")
    ],
) -> list[Node | None]:
    if len(ids) > MOST:
        raise InvalidInputError(f"At most {MOST} ids at a time.", field="ids")
    return cast("list[Node | None]", await read_nodes(info.context.workspace_id, ids))
