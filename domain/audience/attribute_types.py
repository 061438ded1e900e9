"""Types of attributes that arrive as text: how they are guessed, and how they are read."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from domain.base.errors import LimitExceededError

AttributeValue = str | int | float | bool

MAX_TEXT_CHARACTERS: Final = 10_000

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,6})?)?"
    r" ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_TRUE: Final = frozenset({"true", "yes"})
_FALSE: Final = frozenset({"false", "no"})


class AttributeType(StrEnum):
    """Dates are kept as `2024-02-29`, times in UTC as `2024-02-29T12:00:00Z`."""

    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TEXT = "text"


def read_value(kind: AttributeType, text: str) -> AttributeValue:
    """The value that a trimmed, non-empty text states. Raises ValueError when it is not one.

    Numbers have a point and no grouping, at most 15 digits before it and no needless leading
    zero: what has one, such as a postcode or a telephone number, is a name and not a number.
    """
    return _READERS[kind](text)


def detect_type(samples: Iterable[str]) -> AttributeType:
    """The narrowest type that all non-empty samples state; text when there are none."""
    texts = [text for text in samples if text]
    if texts:
        for kind in _NARROW_TO_WIDE:
            if all(_is_readable(kind, text) for text in texts):
                return kind
    return AttributeType.TEXT


def read_time(text: str) -> datetime:
    """A time from ISO 8601, or the start of a day; UTC when it names no offset.

    Raises ValueError.
    """
    if _DATE.fullmatch(text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    if not _DATETIME.fullmatch(text):
        raise ValueError(text)
    iso = text.replace(",", ".").removesuffix("UTC").rstrip()
    # Python 3.11 wants no blank before the offset.
    date_part, time_part = iso[:10], iso[11:].replace(" ", "")
    at = datetime.fromisoformat(f"{date_part}T{time_part}")
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise ValueError(text) from None


def read_text(text: str, field: str | None = None) -> str:
    """Text as it is. Raises `LimitExceededError` beyond `MAX_TEXT_CHARACTERS`."""
    if len(text) > MAX_TEXT_CHARACTERS:
        raise LimitExceededError(
            f"The value is longer than {MAX_TEXT_CHARACTERS} characters.", field=field
        )
    return text


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _boolean(text: str) -> bool:
    folded = text.lower()
    if folded in _TRUE:
        return True
    if folded in _FALSE:
        return False
    raise ValueError(text)


def _date(text: str) -> str:
    if not _DATE.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text).isoformat()


def _datetime(text: str) -> str:
    return read_time(text).isoformat().replace("+00:00", "Z")


_READERS: Final[dict[AttributeType, Callable[[str], AttributeValue]]] = {
    AttributeType.INTEGER: _integer,
    AttributeType.NUMBER: _number,
    AttributeType.BOOLEAN: _boolean,
    AttributeType.DATE: _date,
    AttributeType.DATETIME: _datetime,
    AttributeType.TEXT: read_text,
}
_NARROW_TO_WIDE: Final = (
    AttributeType.BOOLEAN,
    AttributeType.INTEGER,
    AttributeType.NUMBER,
    AttributeType.DATE,
    AttributeType.DATETIME,
)


def _is_readable(kind: AttributeType, text: str) -> bool:
    try:
        read_value(kind, text)
    except ValueError:
        return False
    return True
