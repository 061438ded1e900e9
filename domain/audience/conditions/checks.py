"""What no condition may look like, whoever wrote it: sizes, names and ranges."""

from collections.abc import Iterator
from uuid import UUID

from domain.audience.conditions.tree import (
    Attribute,
    Condition,
    Created,
    Engagement,
    EventCount,
    HasTag,
    Profile,
    TextTest,
    TimeTest,
    walk,
)

MAX_PARTS = 100
# Trees are read and written by recursion; this many levels fit well into what JSON may nest.
MAX_NESTING = 10
MAX_VALUES = 1000
MAX_TEXT = 1000
MAX_NAME = 100
MAX_COUNT = 1_000_000
MAX_SECONDS = 10 * 366 * 86_400


def find_faults(condition: Condition) -> list[str]:
    """What is wrong with the condition, in words for people; empty when it can be evaluated."""
    parts = [*walk(condition)]
    if len(parts) > MAX_PARTS:
        return [f"{len(parts)} parts, and {MAX_PARTS} are the most there may be"]
    return [fault for part in parts for fault in _faults_of(part)]


def attributes_of(condition: Condition) -> set[str]:
    """The names of the attributes that the condition looks at."""
    return {part.name for part in walk(condition) if isinstance(part, Attribute)}


def sequences_of(condition: Condition) -> set[UUID]:
    """The sequences whose mail the condition looks at."""
    return {part.sequence_id for part in walk(condition) if isinstance(part, Engagement)}


def _faults_of(part: Condition) -> Iterator[str]:
    match part:
        case Attribute():
            yield from _name_faults(part.name)
            yield from _test_faults(part.test)
        case Profile() | Created():
            yield from _test_faults(part.test)
        case HasTag():
            yield from _name_faults(part.tag)
        case EventCount():
            yield from _name_faults(part.name)
            yield from _window_faults(part.within_seconds)
            if not 0 <= part.count <= MAX_COUNT:
                yield f"a count goes from 0 to {MAX_COUNT:,}"
        case Engagement():
            yield from _window_faults(part.within_seconds)
        case _:
            pass


def _name_faults(name: str) -> Iterator[str]:
    if not 0 < len(name) <= MAX_NAME:
        yield f"a name has 1 to {MAX_NAME} characters"
    elif "\0" in name:
        yield "a name has no NUL"


def _test_faults(test: object) -> Iterator[str]:
    if isinstance(test, TextTest):
        if not 0 < len(test.values) <= MAX_VALUES:
            yield f"a test of text has 1 to {MAX_VALUES} values"
        if any(len(value) > MAX_TEXT or "\0" in value for value in test.values):
            yield f"a value has at most {MAX_TEXT} characters and no NUL"
    if isinstance(test, TimeTest):
        yield from _window_faults(test.within_seconds)
        if test == TimeTest():
            yield "a test of time needs `since`, `until` or `withinSeconds`"


def _window_faults(within_seconds: int | None) -> Iterator[str]:
    if within_seconds is not None and not 1 <= within_seconds <= MAX_SECONDS:
        yield "`withinSeconds` goes from one second to ten years"
