"""Liquid's filters with their work bounded, and `date` on the clock of the mail."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Protocol, TypeVar

from liquid import Environment
from liquid.builtin.filters.misc import date as library_date
from liquid.exceptions import LoopIterationLimitError, ResourceLimitError
from liquid.undefined import Undefined

Filter = Callable[..., object]
T = TypeVar("T")

MAX_RANGE = 10_000
MAX_INTEGER_BITS = 4_096
# An element that is itself a structure may be written out in full: it is charged a round sum.
_STRUCTURE_COST = 1_000


class Budget:
    """How many characters the filters of one rendering may still make."""

    __slots__ = ("left",)

    def __init__(self, characters: int) -> None:
        self.left = characters

    def spend(self, characters: int) -> None:
        self.left -= characters
        if self.left < 0:
            message = "the filters make too much text"
            raise ResourceLimitError(message, token=None)


class Rendering(Protocol):
    """What a filter sees of the rendering that it serves."""

    @property
    def budget(self) -> Budget: ...

    @property
    def env(self) -> Environment: ...

    def resolve(self, name: str) -> object: ...


def mail_filters(filters: Mapping[str, Filter], *, autoescape: bool) -> dict[str, Filter]:
    """The library's filters, each made to keep to the budget of its rendering."""
    chosen = {**filters, "date": _date}
    if not autoescape:
        # Plain text has nothing to escape, and these would show their entities to the reader.
        chosen |= dict.fromkeys(("escape", "escape_once", "newline_to_br"), _unchanged)
    return {name: _bounded(name, function) for name, function in chosen.items()}


def _bounded(name: str, function: Filter) -> Filter:
    takes_environment = getattr(function, "with_environment", False)
    takes_context = getattr(function, "with_context", False)
    expected = _EXPECTED_SIZES.get(name)

    @wraps(function)
    def bounded(value: object, *arguments: object, context: Rendering, **named: object) -> object:
        if takes_environment:
            named["environment"] = context.env
        if takes_context:
            named["context"] = context
        for given in (value, *arguments):
            if isinstance(given, range) and len(given) > MAX_RANGE:
                message = f"a range of more than {MAX_RANGE} numbers"
                raise LoopIterationLimitError(message, token=None)
        if expected is not None:
            context.budget.spend(expected(value, *arguments))
        result = function(value, *arguments, **named)
        if isinstance(result, int) and result.bit_length() > MAX_INTEGER_BITS:
            message = "a number with too many digits"
            raise ResourceLimitError(message, token=None)
        context.budget.spend(_size(result))
        return result

    # Marks that the library looks for, as its own decorators set them.
    bounded.__dict__.update(with_environment=False, with_context=True)
    return bounded


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(len(item) if isinstance(item, str) else _STRUCTURE_COST for item in value)
    return 1


def _replaced_size(value: object, old: object = "", new: object = "", *_: object) -> int:
    """What `replace` is about to make, told before it is made: a product of two lengths."""
    if not isinstance(value, str):
        return 1
    return value.count(str(old)) * len(str(new))


def _joined_size(value: object, separator: object = " ", *_: object) -> int:
    if not isinstance(value, list | tuple | range):
        return 1
    return len(value) * len(str(separator)) + (0 if isinstance(value, range) else _size(value))


_EXPECTED_SIZES: dict[str, Callable[..., int]] = {
    "replace": _replaced_size,
    "join": _joined_size,
}


def _unchanged(value: T) -> T:
    return value


def _date(value: object, pattern: str, *, context: Rendering) -> str:
    """`now` and `today` are the time of the mail; bare numbers are seconds since 1970 in UTC."""
    if isinstance(value, Undefined):
        return str(value)
    if value in ("now", "today"):
        value = context.resolve("now")
    elif isinstance(value, int) or (isinstance(value, str) and value.isdigit()):
        value = datetime.fromtimestamp(int(value), UTC)
    return str(library_date(value, pattern, environment=context.env))


_date.__dict__["with_context"] = True
