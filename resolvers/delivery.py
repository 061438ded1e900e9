"""Verbs of delivery: looking at messages."""

from typing import Annotated, cast

import strawberry

from domain.delivery import reading
from schema.base.context import Info
from schema.base.node import decode_id, readable_by_id
from schema.delivery import Message

readable_by_id("Message", reading.read_messages)


async def message(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Which message.")],  # noqa: A002
) -> Message | None:
    identifier = decode_id("Message", id)
    found = await reading.read_messages(info.context.workspace_id, [identifier])
    return cast("Message | None", found.get(identifier))
