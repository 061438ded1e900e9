"""How what is known of a person is checked and spelt, wherever it comes from."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

from domain.audience.attribute_types import read_text
from domain.base.errors import InvalidInputError, LimitExceededError

MAX_NAME_CHARACTERS: Final = 200
MAX_TAG_CHARACTERS: Final = 100
MAX_TAGS: Final = 100
MAX_ATTRIBUTES: Final = 500
MAX_KEY_CHARACTERS: Final = 100
MAX_NUMBER: Final = 10**15

_LOCALE: Final = re.compile(r"([A-Za-z]{2,3})((?:[-_][A-Za-z0-9]{2,8}){0,3})(?:\.[A-Za-z0-9-]+)?")
_REGION_LETTERS: Final = 2
_SCRIPT_LETTERS: Final = 4


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


@lru_cache(maxsize=1024)
def read_timezone(text: str) -> str:
    """An IANA time zone in its own spelling. Raises `InvalidInputError`."""
    name = _zones().get(text.strip().lower())
    if name is None:
        raise InvalidInputError(
            f"{text[:64]!r} is not an IANA time zone such as Europe/Berlin.", field="timezone"
        )
    return name


@lru_cache(maxsize=1024)
def read_locale(text: str) -> str:
    """A language tag as in BCP 47, such as `pt-BR`. Raises `InvalidInputError`."""
    found = _LOCALE.fullmatch(text.strip())
    if found is None:
        raise InvalidInputError(
            f"{text[:35]!r} is not a language tag such as en or pt-BR.", field="locale"
        )
    parts = [found[1].lower()]
    for part in re.split("[-_]", found[2])[1:]:
        if len(part) == _REGION_LETTERS and part.isalpha():
            parts.append(part.upper())
        elif len(part) == _SCRIPT_LETTERS and part.isalpha():
            parts.append(part.title())
        else:
            parts.append(part.lower())
    return "-".join(parts)


def read_name(text: str, field: str) -> str | None:
    """A name on one line, None when it is blank. Raises `LimitExceededError`."""
    name = " ".join(text.split())
    if len(name) > MAX_NAME_CHARACTERS:
        raise LimitExceededError(
            f"The name is longer than {MAX_NAME_CHARACTERS} characters.", field=field
        )
    return storable(name, field) or None


def read_tags(texts: Iterable[str], field: str = "tags") -> list[str]:
    """Tags on one line each, blank ones and repetitions left out, in their order.

    Raises `LimitExceededError`.
    """
    tags = list(dict.fromkeys(tag for text in texts if (tag := " ".join(text.split()))))
    if len(tags) > MAX_TAGS:
        raise LimitExceededError(f"There are more than {MAX_TAGS} tags.", field=field)
    for tag in tags:
        if len(tag) > MAX_TAG_CHARACTERS:
            raise LimitExceededError(
                f"The tag {tag[:20]!r}… is longer than {MAX_TAG_CHARACTERS} characters.",
                field=field,
            )
        storable(tag, field)
    return tags


def check_attributes(given: object, *, with_none: bool = False) -> dict[str, object]:
    """Attributes as a caller gives them: an object of texts, numbers and truth values.

    Lists and objects are refused, as no condition could look at them. None stands for an attribute
    to take away and is admitted `with_none` only. Raises a `DomainError`.
    """
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidInputError("The attributes must be an object.", field="attributes")
    if len(given) > MAX_ATTRIBUTES:
        raise LimitExceededError(
            f"There are more than {MAX_ATTRIBUTES} attributes.", field="attributes"
        )
    for key, value in given.items():
        field = f"attributes.{str(key)[:40]}"
        if not isinstance(key, str) or not 0 < len(key.strip()) <= MAX_KEY_CHARACTERS:
            raise InvalidInputError(
                f"An attribute's name has 1 to {MAX_KEY_CHARACTERS} characters.", field=field
            )
        storable(key, "attributes")
        _check_attribute(value, field, with_none=with_none)
    return given


def _check_attribute(value: object, field: str, *, with_none: bool) -> None:
    if isinstance(value, str):
        read_text(storable(value, field), field)
    elif isinstance(value, bool) or (value is None and with_none):
        return
    elif isinstance(value, int | float):
        if not -MAX_NUMBER < value < MAX_NUMBER:
            raise InvalidInputError("The number is too large to be kept exactly.", field=field)
    else:
        raise InvalidInputError("An attribute is a text, a number or a truth value.", field=field)


def storable(text: str, field: str) -> str:
    """The text, if Postgres can hold it. Raises `InvalidInputError`."""
    if "\0" in text:
        raise InvalidInputError("A NUL character cannot be kept.", field=field)
    return text
