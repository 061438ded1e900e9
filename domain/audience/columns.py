"""What each column of a CSV file is: guessed from its name and first values, or told."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.audience.attribute_types import AttributeType, detect_type, read_time
from domain.audience.profile import MAX_KEY_CHARACTERS, read_locale, read_timezone, storable
from domain.base.errors import InvalidInputError, RequiredError

MAX_TITLE_CHARACTERS: Final = 200


class Target(StrEnum):
    """Where the values of a column go."""

    EMAIL = "email"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    TIMEZONE = "timezone"
    LOCALE = "locale"
    TAGS = "tags"
    CREATED_AT = "created_at"
    ATTRIBUTE = "attribute"
    IGNORE = "ignore"
    # Of a file of past events; the first is the e-mail address again.
    NAME = "name"
    OCCURRED_AT = "occurred_at"
    VALUE = "value"
    CURRENCY = "currency"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """What a caller says of the column with this header.

    `key` names the attribute (or the event's property), by default after the header. A told `type`
    is strict: a value that is not of it makes its row bad.
    """

    column: str
    target: Target
    key: str | None = None
    type: AttributeType | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column that is read. `is_strict` tells a told type from a detected one."""

    index: int
    name: str
    target: Target
    key: str = ""
    type: AttributeType = AttributeType.TEXT
    is_strict: bool = False


_CHECKED: Final[dict[Target, Callable[[str], object]]] = {
    Target.TIMEZONE: read_timezone,
    Target.LOCALE: read_locale,
    Target.CREATED_AT: read_time,
}


def choose_columns(
    header: Sequence[str],
    samples: Sequence[Sequence[str]],
    told: Sequence[ColumnMapping],
    names: Mapping[Target, frozenset[str]],
) -> tuple[Column, ...]:
    """The columns to read; `told` goes before what the names suggest, by `names` of each target.

    A suggested target is taken once, by the first column that suits, and only if at least half of
    the sampled values can be read as such. Columns without a name are not read.

    Raises `InvalidInputError` for a mapping that fits no column or a key given twice.
    """
    titles = [title.strip() for title in header]
    for one in told:
        if one.target not in {*names, Target.ATTRIBUTE, Target.IGNORE}:
            raise InvalidInputError(
                f"A file of this kind has nothing that is {one.target.value}.", field="mapping"
            )
    told_by_title = _told_by_title(titles, told)
    taken = {one.target for one in told}
    columns: list[Column] = []
    for index, title in enumerate(titles):
        values = [row[index].strip() for row in samples if index < len(row)]
        mapping = told_by_title.pop(title, None)
        if mapping is None and title:
            target = _suggest(title, values, names, taken)
            taken.add(target)
            mapping = ColumnMapping(title, target)
        if mapping is not None and mapping.target is not Target.IGNORE:
            columns.append(_column(index, mapping, values))
    _refuse_doubles(columns)
    return tuple(columns)


def require_column(columns: Sequence[Column], target: Target, header: Sequence[str]) -> None:
    """Raises `RequiredError` when no column goes to this target."""
    if all(column.target is not target for column in columns):
        shown = ", ".join(repr(title.strip()[:40]) for title in header[:8])
        more = ", …" if len(header) > 8 else ""  # noqa: PLR2004  as many as shown
        what = target.value.replace("_", " ").replace("email", "e-mail")
        raise RequiredError(
            f"No column holds the {what}: the first line must name the columns, "
            f"and it reads {shown}{more}.",
            field="file",
        )


def attribute_key(title: str) -> str:
    """The name of an attribute after a header: small letters, digits and underscores."""
    folded = unicodedata.normalize("NFKC", title).lower()
    return re.sub(r"\W+", "_", folded).strip("_")[:MAX_KEY_CHARACTERS]


def _told_by_title(
    titles: Sequence[str], told: Sequence[ColumnMapping]
) -> dict[str, ColumnMapping]:
    found: dict[str, ColumnMapping] = {}
    singles: set[Target] = set()
    for mapping in told:
        title = mapping.column.strip()
        if title not in titles:
            raise InvalidInputError(f"The file has no column {title[:40]!r}.", field="mapping")
        if title in found:
            raise InvalidInputError(f"The column {title[:40]!r} is mapped twice.", field="mapping")
        if mapping.target in singles:
            raise InvalidInputError(
                f"Two columns are mapped to {mapping.target.value}.", field="mapping"
            )
        if mapping.target not in {Target.ATTRIBUTE, Target.IGNORE}:
            singles.add(mapping.target)
        found[title] = mapping
    return found


def _suggest(
    title: str,
    values: Sequence[str],
    names: Mapping[Target, frozenset[str]],
    taken: set[Target],
) -> Target:
    bare = re.sub(r"[\W_]+", "", title.lower())
    for target, known in names.items():
        if bare in known and target not in taken and _suits(target, values):
            return target
    return Target.ATTRIBUTE


def _suits(target: Target, values: Sequence[str]) -> bool:
    read = _CHECKED.get(target)
    if read is None:
        return True
    texts = [text for text in values if text]
    readable = 0
    for text in texts:
        try:
            read(text)
        except (ValueError, InvalidInputError):
            continue
        readable += 1
    return readable * 2 >= len(texts)


def _column(index: int, mapping: ColumnMapping, values: Sequence[str]) -> Column:
    name = mapping.column.strip()[:MAX_TITLE_CHARACTERS]
    if mapping.target is not Target.ATTRIBUTE:
        return Column(index, name, mapping.target)
    key = mapping.key
    if key is None:
        key = attribute_key(mapping.column) or f"column_{index + 1}"
    key = storable(key.strip(), "mapping")
    if not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise InvalidInputError(
            f"The column {name!r} needs a key of 1 to {MAX_KEY_CHARACTERS} characters.",
            field="mapping",
        )
    return Column(
        index,
        name,
        Target.ATTRIBUTE,
        key,
        mapping.type or detect_type(values),
        is_strict=mapping.type is not None,
    )


def _refuse_doubles(columns: Sequence[Column]) -> None:
    seen: dict[str, Column] = {}
    for column in columns:
        if column.target is not Target.ATTRIBUTE:
            continue
        earlier = seen.setdefault(column.key, column)
        if earlier is not column:
            raise InvalidInputError(
                f"The columns {earlier.name!r} and {column.name!r} would both be {column.key!r}.",
                field="file",
            )
