"""CSV for people who will open it in a spreadsheet."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final

# What makes a spreadsheet run a cell instead of showing it, in ASCII and in full width (as Excel
# reads it in Japanese); a tab or a line break may precede it.
_FORMULA_STARTS: Final = frozenset("=+-@\t\r\n＝＋－＠")


def safe_cell(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if text[:1] in _FORMULA_STARTS else text


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A CSV file with every cell quoted and none a formula (RFC 4180)."""
    out = StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([safe_cell(cell.replace("\0", "")) for cell in row] for row in rows)
    return out.getvalue()
