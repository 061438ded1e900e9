"""Relay connections over keyset pages, newest first."""

import base64
import binascii
from typing import Generic, TypeVar, cast
from uuid import UUID

import strawberry

from domain.base.errors import InvalidInputError
from domain.base.pages import MAX_PAGE_SIZE, Page, PageRequest

T = TypeVar("T")

_CURSOR_BYTES = 16


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more rows follow.")
    end_cursor: str | None = strawberry.field(
        description="The last row's cursor: give it as `after` to read on."
    )


@strawberry.type(description="One row of a page.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="This row's place, opaque.")
    node: T = strawberry.field(description="The row itself.")


@strawberry.type(description="One page of a list, newest first.")
class Connection(Generic[T]):
    page: strawberry.Private[Page]
    page_info: PageInfo = strawberry.field(description="Where this page lies.")
    edges: list[Edge[T]] = strawberry.field(description="The page's rows with their cursors.")

    @strawberry.field(description="The page's rows, for clients that need no cursors.")
    def nodes(self) -> list[T]:
        return cast("list[T]", self.page.rows)

    @strawberry.field(description="How many rows the whole list has; counted when asked for.")
    async def total_count(self) -> int | None:
        return None if self.page.count is None else await self.page.count()


def encode_cursor(identifier: UUID) -> str:
    return base64.urlsafe_b64encode(identifier.bytes).decode().rstrip("=")


def page_request(first: int, after: str | None) -> PageRequest:
    """Check a connection's arguments. Raises InvalidInputError."""
    if not 1 <= first <= MAX_PAGE_SIZE:
        raise InvalidInputError(f"`first` must be from 1 to {MAX_PAGE_SIZE}.", field="first")
    if after is None:
        return PageRequest(first)
    try:
        raw = base64.b64decode(after + "=" * (-len(after) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _CURSOR_BYTES:
        raise InvalidInputError("`after` must be a cursor of this list.", field="after")
    return PageRequest(first, UUID(bytes=raw))


def connection(page: Page) -> Connection[T]:
    """The connection of a page; its nodes are the page's rows."""
    edges = [Edge(cursor=encode_cursor(row["id"]), node=cast("T", row)) for row in page.rows]
    return Connection(
        page=page,
        page_info=PageInfo(
            has_next_page=page.has_next_page, end_cursor=edges[-1].cursor if edges else None
        ),
        edges=edges,
    )
