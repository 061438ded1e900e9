"""How a CSV file will be read, settled from its beginning before any work is asked for."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.audience.columns import Column, ColumnMapping, Target, choose_columns, require_column
from domain.audience.csv_rows import (
    MAX_RECORD_BYTES,
    Place,
    Row,
    RowReader,
    begin,
    sniff_delimiter,
)
from domain.base.errors import InvalidInputError

HEAD_BYTES: Final = 2 * MAX_RECORD_BYTES
SAMPLE_ROWS: Final = 1000
MAX_FILENAME_CHARACTERS: Final = 255
_SNIFFED_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class FilePlan:
    """`width` is the number of columns in the header, `start` the place of the first row."""

    delimiter: str
    columns: tuple[Column, ...]
    width: int
    start: Place


def kept_filename(filename: str) -> str:
    """A file's name as Postgres can hold it; a shell's may be no text."""
    return filename.encode(errors="replace").decode().replace("\0", "")[:MAX_FILENAME_CHARACTERS]


class PeekedFile:
    """A file's chunks of which the beginning has been looked at; all are given, in order."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._rest = aiter(chunks)
        self.head = b""
        self.is_whole = False

    async def peek(self) -> None:
        """Read until `head` has `HEAD_BYTES` or the file ends."""
        while len(self.head) < HEAD_BYTES and not self.is_whole:
            chunk = await anext(self._rest, None)
            self.is_whole = chunk is None
            self.head += chunk or b""

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.head
        if not self.is_whole:
            async for chunk in self._rest:
                yield chunk


def plan_file(
    head: bytes,
    *,
    is_whole: bool,
    told: Sequence[ColumnMapping],
    names: Mapping[Target, frozenset[str]],
    required: Sequence[Target],
) -> FilePlan:
    """Settle the delimiter, the columns and their types from the first `SAMPLE_ROWS` rows.

    `head` is the beginning of the file, at least `HEAD_BYTES` of it or the whole. Raises a
    `DomainError` when no row of the file could be read like that.
    """
    start = begin(head)
    text = head[start.offset :]
    first_line = text.lstrip(b"\r\n")[:_SNIFFED_BYTES].splitlines()[0]
    delimiter = sniff_delimiter(first_line.decode(errors="replace"))
    reader = RowReader(delimiter, start)
    reader.feed(text)
    if is_whole:
        reader.finish()
    header = _header(reader.read(1))
    first_row = reader.place
    rows = reader.read(SAMPLE_ROWS)
    samples = [row.fields for row in rows if row.fault is None]
    columns = choose_columns(header, samples, told, names)
    for target in required:
        require_column(columns, target, header)
    if is_whole and not rows:
        raise InvalidInputError("The file has a header and no rows.", field="file")
    return FilePlan(delimiter, columns, len(header), first_row)


def _header(rows: Sequence[Row]) -> list[str]:
    if not rows:
        raise InvalidInputError("The file is empty.", field="file")
    if rows[0].fault is not None:
        raise InvalidInputError(f"The header cannot be read. {rows[0].fault}", field="file")
    return rows[0].fields
