"""The one condition language: a tree of tests about a subscriber.

Every test is either true or false: what is not known (no last name, an attribute of another type)
makes a test false, and `Not` of it true. Text is compared exactly as written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, TypeAlias
from uuid import UUID


class TextOperator(StrEnum):
    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"


class NumberOperator(StrEnum):
    EQUALS = "equals"
    LESS_THAN = "less_than"
    AT_MOST = "at_most"
    MORE_THAN = "more_than"
    AT_LEAST = "at_least"


class ProfileField(StrEnum):
    EMAIL = "email"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    TIMEZONE = "timezone"
    LOCALE = "locale"
    STATUS = "status"


class EngagementAction(StrEnum):
    RECEIVED = "received"
    OPENED = "opened"
    CLICKED = "clicked"


@dataclass(frozen=True, slots=True)
class TextTest:
    """True when the operator holds for at least one of `values`."""

    kind: ClassVar[str] = "text"
    operator: TextOperator
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NumberTest:
    kind: ClassVar[str] = "number"
    operator: NumberOperator
    value: float


@dataclass(frozen=True, slots=True)
class TruthTest:
    kind: ClassVar[str] = "truth"
    value: bool


@dataclass(frozen=True, slots=True)
class TimeTest:
    """At or after `since`, before `until`, at most `within_seconds` ago; those that are given.

    `within_seconds` also asks that the time has come: a time to come is not "within the last day".
    """

    kind: ClassVar[str] = "time"
    since: datetime | None = None
    until: datetime | None = None
    within_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class IsSet:
    """There is a value: neither absent nor null. An empty text is a value."""

    kind: ClassVar[str] = "is_set"


AttributeTest: TypeAlias = TextTest | NumberTest | TruthTest | TimeTest | IsSet


@dataclass(frozen=True, slots=True)
class All:
    """True for everybody when empty."""

    kind: ClassVar[str] = "all"
    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True for nobody when empty."""

    kind: ClassVar[str] = "any"
    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    kind: ClassVar[str] = "not"
    condition: "Condition"


@dataclass(frozen=True, slots=True)
class Profile:
    kind: ClassVar[str] = "profile"
    field: ProfileField
    test: TextTest | IsSet


@dataclass(frozen=True, slots=True)
class Created:
    """About the time at which the subscriber was first known here."""

    kind: ClassVar[str] = "created"
    test: TimeTest


@dataclass(frozen=True, slots=True)
class Attribute:
    """About one attribute; a value of another type than the test's makes it false.

    A time is a text such as `2026-03-01` or `2026-03-01T09:30:00+02:00`; without an offset it is
    meant in UTC.
    """

    kind: ClassVar[str] = "attribute"
    name: str
    test: AttributeTest


@dataclass(frozen=True, slots=True)
class HasTag:
    kind: ClassVar[str] = "has_tag"
    tag: str


@dataclass(frozen=True, slots=True)
class EventCount:
    """How often a custom event of this name happened, ever or in the last `within_seconds`."""

    kind: ClassVar[str] = "event_count"
    name: str
    operator: NumberOperator
    count: int
    within_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Engagement:
    """What was done with at least one message of a sequence, or of one step of it.

    Received means accepted by the receiving side; opened means by a person, not by a machine.
    """

    kind: ClassVar[str] = "engagement"
    action: EngagementAction
    sequence_id: UUID
    step_key: str | None = None
    within_seconds: int | None = None


Condition: TypeAlias = (
    All | AnyOf | Not | Profile | Created | Attribute | HasTag | EventCount | Engagement
)
CONDITIONS = (All, AnyOf, Not, Profile, Created, Attribute, HasTag, EventCount, Engagement)


def walk(condition: Condition) -> Iterator[Condition]:
    """The condition and all those inside it, outermost first."""
    yield condition
    match condition:
        case All() | AnyOf():
            for inner in condition.conditions:
                yield from walk(inner)
        case Not():
            yield from walk(condition.condition)
        case _:
            pass
