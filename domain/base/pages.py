"""Pages of a list, by keyset: the order is by id, and a cursor is the id of the last row seen."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.base.database import Record

MAX_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Newest first: the `first` rows whose id is below `after` (from the newest when None)."""

    first: int
    after: UUID | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """`count` counts the whole list, asked for only by clients that want the number."""

    rows: Sequence[Record]
    has_next_page: bool
    count: Callable[[], Awaitable[int]] | None = None


def page_of(
    rows: Sequence[Record],
    request: PageRequest,
    count: Callable[[], Awaitable[int]] | None = None,
) -> Page:
    """The page of a read that asked for one row more than `request.first`."""
    return Page(rows[: request.first], len(rows) > request.first, count)
