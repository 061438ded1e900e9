"""Rows out of a CSV file that arrives in pieces, with bounded memory and true line numbers.

The reader is fed bytes and asked for rows; where it stands after any row is a byte offset and a
line number, from which another reader can go on.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from domain.base.errors import DomainError, InvalidInputError, LimitExceededError

MAX_RECORD_BYTES: Final = 1024 * 1024
MAX_COLUMNS: Final = 500
DELIMITERS: Final = (",", ";", "\t")

_UTF8_BOM: Final = b"\xef\xbb\xbf"
_FOREIGN_MARKS: Final = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK\x03\x04": "a spreadsheet or an archive",
    b"\x1f\x8b": "compressed",
}


class Row(NamedTuple):
    """One row; `line` is where it begins. With a `fault` the fields are not to be trusted."""

    line: int
    fields: list[str]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Between two rows: the offset of the next one in bytes, and the lines before it."""

    offset: int = 0
    line: int = 0


def begin(head: bytes) -> Place:
    """Where the text begins: after a UTF-8 mark if there is one.

    Raises `InvalidInputError` for an empty file and for what is not text in UTF-8.
    """
    for mark, what in _FOREIGN_MARKS.items():
        if head.startswith(mark):
            raise InvalidInputError(f"The file is {what}: save it as CSV in UTF-8.", field="file")
    if not head.strip(b" \t\r\n" + _UTF8_BOM):
        raise InvalidInputError("The file is empty.", field="file")
    return Place(offset=len(_UTF8_BOM) if head.startswith(_UTF8_BOM) else 0)


def sniff_delimiter(header: str) -> str:
    """The delimiter that the first line uses most outside quotes; a comma when it uses none."""
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


class RowReader:
    """Feed it until it has nothing more to give; `finish` says that all was fed.

    A row that cannot be read because of its own bytes comes with a fault. What makes all that
    follows doubtful, an unclosed quote or a line beyond the limit, raises an error with its line.
    """

    def __init__(self, delimiter: str, start: Place) -> None:
        self._offset = start.offset
        self._line = start.line
        self._lines: list[bytes] = []
        self._at = 0
        self._tail = b""
        self._buffered = 0
        self._finished = False
        self._record_bytes = 0
        self._fault: str | None = None
        self._failure: DomainError | None = None
        self._place = start
        self._rows = csv.reader(self._read_lines(), delimiter=delimiter, strict=True)

    @property
    def place(self) -> Place:
        """Behind the last row that was read."""
        return self._place

    @property
    def wants_more(self) -> bool:
        """Whether a row may lie beyond what was fed so far."""
        return not self._finished and self._buffered <= MAX_RECORD_BYTES

    def feed(self, data: bytes) -> None:
        # Only line feeds, returns and pairs of them end a line for bytes, unlike for text.
        lines = (self._tail + data).splitlines(keepends=True)
        # A last return may be the first half of a pair.
        self._tail = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        if len(self._tail) > MAX_RECORD_BYTES:
            pending = self._lines[self._at :] + lines
            raise _too_long(self._line + len(pending) + 1)
        self._take(lines)

    def finish(self) -> None:
        self._finished = True
        self._take([self._tail] if self._tail else [])
        self._tail = b""

    def _take(self, lines: list[bytes]) -> None:
        del self._lines[: self._at]
        self._at = 0
        self._lines += lines
        self._buffered += sum(map(len, lines))

    def read(self, limit: int) -> list[Row]:
        """At most `limit` rows; fewer when it wants more or all is read. Blank lines are no rows.

        Raises `LimitExceededError` and `InvalidInputError` for the file as a whole.
        """
        if self._failure is not None:
            raise self._failure
        rows: list[Row] = []
        while len(rows) < limit and not self.wants_more:
            try:
                row = self._read_row()
            except DomainError as error:
                # What was read before is given first.
                if not rows:
                    raise
                self._failure = error
                break
            if row is None:
                break
            self._place = Place(self._offset, self._line)
            if row.fault is not None or any(map(str.strip, row.fields)):
                rows.append(row)
        return rows

    def _read_row(self) -> Row | None:
        first = self._line + 1
        self._record_bytes = 0
        self._fault = None
        try:
            fields = next(self._rows, None)
        except csv.Error as error:
            return Row(first, [], self._explain(error, first))
        if fields is None:
            return None
        if len(fields) > MAX_COLUMNS:
            return Row(first, [], f"The row has more than {MAX_COLUMNS} columns.")
        return Row(first, fields, self._fault)

    def _read_lines(self) -> Iterator[str]:
        while True:
            if self._at == len(self._lines):
                return
            raw = self._lines[self._at]
            self._at += 1
            size = len(raw)
            self._line += 1
            self._offset += size
            self._buffered -= size
            self._record_bytes += size
            if self._record_bytes > MAX_RECORD_BYTES:
                raise _too_long(self._line)
            if b"\0" in raw:
                self._fault = f"Line {self._line} holds a NUL character."
                raw = raw.replace(b"\0", b"")
            try:
                yield raw.decode()
            except UnicodeDecodeError as error:
                byte = raw[error.start]
                self._fault = f"Line {self._line} is not UTF-8: byte 0x{byte:02x}."
                # The row is refused; its quotes still tell where it ends.
                yield raw.decode("latin-1")

    def _explain(self, error: csv.Error, first: int) -> str:
        text = str(error)
        if "unexpected end of data" in text:
            raise InvalidInputError(
                f"A quote opened in the row of line {first} is never closed.", field="file"
            ) from None
        if "field larger than field limit" in text:
            raise LimitExceededError(
                f"A value in the row of line {first} is longer than "
                f"{csv.field_size_limit()} characters: is a quote not closed?",
                field="file",
            ) from None
        if "expected after" in text:
            return "A quoted value is followed by other text: double the quotes inside it."
        return f"The row is no CSV: {text}."


def _too_long(line: int) -> LimitExceededError:
    return LimitExceededError(
        f"The row that reaches line {line} is longer than {MAX_RECORD_BYTES // 1024} KiB.",
        field="file",
    )
