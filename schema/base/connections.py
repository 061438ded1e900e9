"""Relay connections over keyset pages, newest first, read off the page's rows."""

import re
from typing import Annotated, Any, Generic, TypeVar, cast
from uuid import UUID

import strawberry

from domain.base.errors import InvalidInputError
from domain.base.pages import MAX_PAGE_SIZE, Page, PageRequest
from schema.base.rows import itself, pure

T = TypeVar("T")

First = Annotated[
    int, strawberry.argument(description=f"How many rows at most: 1 to {MAX_PAGE_SIZE}.")
]
After = Annotated[
    str | None,
    strawberry.argument(
        description="Rows that follow the one with this cursor: a page's `endCursor`; null for the"
        " first page."
    ),
]

_CURSOR = re.compile("[0-9a-f]{32}")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more rows follow.")
    end_cursor: str | None = strawberry.field(
        description="The last row's cursor: give it as `after` to read on."
    )


@strawberry.type(description="One row of a page.")
class Edge(Generic[T]):
    @strawberry.field(description="This row's place, opaque.")
    @pure
    def cursor(self: Any) -> str:
        cursor: str = self["id"].hex
        return cursor

    @strawberry.field(description="The row itself.")
    @itself
    def node(self: Any) -> T:
        row: T = self
        return row


@strawberry.type(description="One page of a list, newest first.")
class Connection(Generic[T]):
    page: strawberry.Private[Page]

    @strawberry.field(description="Where this page lies.")
    @pure
    def page_info(self) -> PageInfo:
        rows = self.page.rows
        return PageInfo(
            has_next_page=self.page.has_next_page,
            end_cursor=encode_cursor(rows[-1]["id"]) if rows else None,
        )

    @strawberry.field(description="The page's rows with their cursors.")
    @pure
    def edges(self) -> list[Edge[T]]:
        return cast("list[Edge[T]]", self.page.rows)

    @strawberry.field(description="The page's rows, for clients that need no cursors.")
    @pure
    def nodes(self) -> list[T]:
        return cast("list[T]", self.page.rows)

    @strawberry.field(
        description="How many rows the whole list has, counted when asked for; null for the lists"
        " of one thing (its messages, events and the like), of jobs and of the audit log, which are"
        " not counted. Of 100,000 subscribers or more it is at most 30 seconds old."
    )
    async def total_count(self) -> int | None:
        return None if self.page.count is None else await self.page.count()


def encode_cursor(identifier: UUID) -> str:
    return identifier.hex


def page_request(first: int, after: str | None) -> PageRequest:
    """Check a connection's arguments. Raises InvalidInputError."""
    if not 1 <= first <= MAX_PAGE_SIZE:
        raise InvalidInputError(f"`first` must be from 1 to {MAX_PAGE_SIZE}.", field="first")
    if after is None:
        return PageRequest(first)
    if not _CURSOR.fullmatch(after):
        raise InvalidInputError("`after` must be a cursor of this list.", field="after")
    return PageRequest(first, UUID(hex=after))


def connection(page: Page) -> Connection[T]:
    """The connection of a page; its nodes are the page's rows."""
    return Connection(page=page)
