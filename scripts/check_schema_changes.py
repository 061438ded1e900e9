"""Fail when the schema breaks clients of the last release in a way that nobody has written down.

`schema/released.graphql` is what clients were last promised; `schema/breaking_changes.toml` lists
what is broken since, and why. With `release` as its argument it makes the schema as it is now the
promise, and empties the list.
"""

import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from graphql import build_schema
from graphql.utilities import find_breaking_changes, find_dangerous_changes

FOLDER = Path(__file__).parent.parent / "schema"
CURRENT = FOLDER / "schema.graphql"
RELEASED = FOLDER / "released.graphql"
MARKS = FOLDER / "breaking_changes.toml"


class MarksError(ValueError):
    """The list cannot be read as one."""


def find_breaks(released: str, current: str) -> list[str]:
    """What clients of one SDL cannot do with another, a line each."""
    changes = find_breaking_changes(build_schema(released), build_schema(current))
    return sorted(f"{change.type.name}: {change.description}" for change in changes)


def find_risks(released: str, current: str) -> list[str]:
    """What clients may stumble over: values of enums or types in unions that they do not know."""
    changes = find_dangerous_changes(build_schema(released), build_schema(current))
    return sorted(f"{change.type.name}: {change.description}" for change in changes)


def read_marks(text: str) -> list[str]:
    """The changes that are listed. Raises MarksError for one without its reason or date."""
    listed = tomllib.loads(text).get("change", [])
    for mark in listed:
        what = mark.get("what")
        if not isinstance(what, str) or not what:
            raise MarksError("a change does not say what it is")
        reason = mark.get("reason")
        if not isinstance(reason, str) or not reason.strip():
            raise MarksError(f"no reason is given for `{what}`")
        if type(mark.get("date")) is not date:
            raise MarksError(f"the date of `{what}` must be written like 2026-11-24")
        if unknown := set(mark) - {"what", "reason", "date"}:
            raise MarksError(f"`{what}` has what nobody reads: {', '.join(sorted(unknown))}")
    names = [str(mark["what"]) for mark in listed]
    if len(set(names)) < len(names):
        raise MarksError("a change is listed twice")
    return names


def find_faults(released: str, current: str, marks: str) -> Iterator[str]:
    """Breaks that are not listed, and what is listed but no break."""
    breaks, listed = find_breaks(released, current), read_marks(marks)
    for change in breaks:
        if change not in listed:
            yield f"breaks clients and is not listed: {change}"
    for change in listed:
        if change not in breaks:
            yield f"is listed and breaks nothing: {change}"


def without_marks(text: str) -> str:
    """The list's own words, without the changes that it lists."""
    return ("\n" + text).partition("\n[[change]]")[0].strip() + "\n"


def release() -> None:
    """Promise the schema as it is now."""
    for change in read_marks(MARKS.read_text(encoding="utf-8")):
        print(f"breaks in this release: {change}")
    MARKS.write_text(without_marks(MARKS.read_text(encoding="utf-8")), encoding="utf-8")
    RELEASED.write_text(CURRENT.read_text(encoding="utf-8"), encoding="utf-8")
    print("schema/released.graphql is the schema as it is now")


def check() -> None:
    released, current = RELEASED.read_text(encoding="utf-8"), CURRENT.read_text(encoding="utf-8")
    for change in find_risks(released, current):
        print(f"clients may stumble over: {change}")
    try:
        faults = list(find_faults(released, current, MARKS.read_text(encoding="utf-8")))
    except (MarksError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"schema/breaking_changes.toml: {error}")
    for fault in faults:
        print(fault)
    if faults:
        sys.exit("keep it working and deprecate it, or list it in schema/breaking_changes.toml")


if __name__ == "__main__":
    release() if sys.argv[1:] == ["release"] else check()
