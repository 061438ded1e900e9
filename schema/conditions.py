"""The condition language in GraphQL: a tree of one-of inputs, and the same tree as JSON."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import TypeVar, assert_never, cast

import strawberry
from strawberry.scalars import JSON

from domain.audience.conditions.checks import MAX_NESTING
from domain.audience.conditions.tree import (
    All,
    AnyOf,
    Attribute,
    AttributeTest,
    Condition,
    Created,
    Engagement,
    EngagementAction,
    EventCount,
    HasTag,
    IsSet,
    Not,
    NumberOperator,
    NumberTest,
    Profile,
    ProfileField,
    TextOperator,
    TextTest,
    TimeTest,
    TruthTest,
)
from domain.base.errors import InvalidInputError
from domain.base.shapes import Shape, encode
from schema.base.enums import described_enum
from schema.base.node import decode_id, encode_id

T = TypeVar("T")
JsonTree = dict[str, object]

described_enum(
    TextOperator,
    name="TextOperator",
    description="How a text is compared: exactly as written.",
    values={
        TextOperator.EQUALS: "The whole text.",
        TextOperator.CONTAINS: "Anywhere in it.",
        TextOperator.STARTS_WITH: "Its beginning.",
        TextOperator.ENDS_WITH: "Its end.",
    },
)
described_enum(
    NumberOperator,
    name="NumberOperator",
    description="How numbers are compared.",
    values={
        NumberOperator.EQUALS: "The same.",
        NumberOperator.LESS_THAN: "Smaller, and not the same.",
        NumberOperator.AT_MOST: "Smaller or the same.",
        NumberOperator.MORE_THAN: "Greater, and not the same.",
        NumberOperator.AT_LEAST: "Greater or the same.",
    },
)
described_enum(
    ProfileField,
    name="ProfileField",
    description="A text that each profile has.",
    values={
        ProfileField.EMAIL: "The address, in small letters.",
        ProfileField.FIRST_NAME: "Their given name.",
        ProfileField.LAST_NAME: "Their family name.",
        ProfileField.TIMEZONE: "IANA name, such as `Europe/Berlin`.",
        ProfileField.LOCALE: "Language tag, such as `pt-BR`.",
        ProfileField.STATUS: "A `SubscriberStatus` in small letters, such as `subscribed`.",
    },
)
described_enum(
    EngagementAction,
    name="EngagementAction",
    description="What was done with a message: taken by the mail server, opened by a person,"
    " clicked by a person.",
    values={
        EngagementAction.RECEIVED: "The mail server took it.",
        EngagementAction.OPENED: "A person opened it, as far as can be told.",
        EngagementAction.CLICKED: "A person followed a link in it.",
    },
)


@strawberry.input(description="True when the operator holds for at least one of the values.")
class TextTestInput:
    operator: TextOperator = strawberry.field(description="How to compare.")
    values: list[str] = strawberry.field(
        description="1 to 1,000 texts of at most 1,000 characters."
    )


@strawberry.input(description="A comparison with a number.")
class NumberTestInput:
    operator: NumberOperator = strawberry.field(description="How to compare.")
    value: float = strawberry.field(description="To compare with.")


@strawberry.input(description="At least one of the three; all that are given must hold.")
class TimeTestInput:
    since: datetime | None = strawberry.field(default=None, description="At this time or later.")
    until: datetime | None = strawberry.field(default=None, description="Before this time.")
    within_seconds: int | None = strawberry.field(
        default=None,
        description="At most so many seconds ago, up to ten years, and not in the future.",
    )


@strawberry.input(description="About one text of the profile.", one_of=True)
class ProfileTestInput:
    text: TextTestInput | None = strawberry.field(
        default=strawberry.UNSET, description="What it says."
    )
    is_set: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether there is one."
    )


@strawberry.input(
    description="About one attribute; a value of another type makes it false.", one_of=True
)
class AttributeTestInput:
    text: TextTestInput | None = strawberry.field(
        default=strawberry.UNSET, description="For texts."
    )
    number: NumberTestInput | None = strawberry.field(
        default=strawberry.UNSET, description="For numbers."
    )
    truth: bool | None = strawberry.field(
        default=strawberry.UNSET, description="For true and false."
    )
    time: TimeTestInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="For texts such as `2026-03-01` or `2026-03-01T09:30:00+02:00`; in UTC when"
        " there is no offset.",
    )
    is_set: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether there is a value that is not null."
    )


@strawberry.input(description="A test of the profile.")
class ProfileConditionInput:
    field: ProfileField = strawberry.field(description="Which text.")
    test: ProfileTestInput = strawberry.field(description="What must be true of it.")


@strawberry.input(description="A test of an attribute.")
class AttributeConditionInput:
    name: str = strawberry.field(description="Which attribute.")
    test: AttributeTestInput = strawberry.field(description="What must be true of it.")


@strawberry.input(description="How often a custom event happened.")
class EventCountConditionInput:
    name: str = strawberry.field(description="The event's name.")
    operator: NumberOperator = strawberry.field(description="How to compare the count.")
    count: int = strawberry.field(description="From 0 to 1,000,000.")
    within_seconds: int | None = strawberry.field(
        default=None,
        description="Only those of the last so many seconds, up to ten years; null for all.",
    )


@strawberry.input(description="What was done with at least one message of a sequence.")
class EngagementConditionInput:
    action: EngagementAction = strawberry.field(description="What was done.")
    sequence_id: strawberry.ID = strawberry.field(description="With the mail of which sequence.")
    step_key: str | None = strawberry.field(
        default=None, description="Of which step; null for any."
    )
    within_seconds: int | None = strawberry.field(
        default=None,
        description="Only in the last so many seconds, up to ten years; null for ever.",
    )


@strawberry.input(
    description="A tree of tests about a subscriber. Each is true or false: what is not known makes"
    " a test false, and `not` of it true.",
    one_of=True,
)
class ConditionInput:
    all: list["ConditionInput"] | None = strawberry.field(
        default=strawberry.UNSET,
        description="All are true; true for everybody when empty. Up to 100 parts in the tree.",
    )
    any: list["ConditionInput"] | None = strawberry.field(
        default=strawberry.UNSET,
        description="At least one is true; false when empty. Up to 100 parts in the tree.",
    )
    not_: "ConditionInput | None" = strawberry.field(
        name="not", default=strawberry.UNSET, description="It is false."
    )
    profile: ProfileConditionInput | None = strawberry.field(
        default=strawberry.UNSET, description="About e-mail, names, time zone, locale, status."
    )
    created: TimeTestInput | None = strawberry.field(
        default=strawberry.UNSET, description="About when the subscriber was first known here."
    )
    attribute: AttributeConditionInput | None = strawberry.field(
        default=strawberry.UNSET, description="About one attribute."
    )
    has_tag: str | None = strawberry.field(
        default=strawberry.UNSET, description="The subscriber has this tag."
    )
    event_count: EventCountConditionInput | None = strawberry.field(
        default=strawberry.UNSET, description="About what the subscriber did."
    )
    engagement: EngagementConditionInput | None = strawberry.field(
        default=strawberry.UNSET, description="About what the subscriber did with mail."
    )


def chosen(given: object, field: str) -> tuple[str, object]:
    """The one member that a one-of input has. Raises InvalidInputError when it is null."""
    for name, value in vars(given).items():
        if value is not strawberry.UNSET and value is not None:
            return name, value
    raise InvalidInputError("One of the kinds must be given here.", field=field)


def condition_of(given: ConditionInput, field: str, depth: int = 1) -> Condition:
    """Raises InvalidInputError with the place below `field`."""
    if depth > MAX_NESTING:
        message = f"Conditions are nested at most {MAX_NESTING} deep."
        raise InvalidInputError(message, field=field)
    kind, value = chosen(given, field)
    below = f"{field}.{kind.rstrip('_')}"
    match value:
        case list():
            parts = tuple(
                condition_of(part, f"{below}.{at}", depth + 1) for at, part in enumerate(value)
            )
            return All(parts) if kind == "all" else AnyOf(parts)
        case ConditionInput():
            return Not(condition_of(value, below, depth + 1))
        case ProfileConditionInput() | AttributeConditionInput():
            return _tested(value, f"{below}.test")
        case TimeTestInput():
            return Created(_time_test(value, below))
        case _:
            return _counted(value)


def _tested(given: ProfileConditionInput | AttributeConditionInput, field: str) -> Condition:
    test = _test_of(given.test, field)
    found = IsSet() if test is None else test
    condition = (
        Profile(given.field, cast("TextTest | IsSet", found))
        if isinstance(given, ProfileConditionInput)
        else Attribute(given.name, found)
    )
    return Not(condition) if test is None else condition


def _counted(given: object) -> Condition:
    match given:
        case EventCountConditionInput():
            return EventCount(given.name, given.operator, given.count, given.within_seconds)
        case EngagementConditionInput():
            sequence_id = decode_id("Sequence", given.sequence_id)
            return Engagement(given.action, sequence_id, given.step_key, given.within_seconds)
        case _:
            return HasTag(str(given))


def _test_of(given: ProfileTestInput | AttributeTestInput, field: str) -> AttributeTest | None:
    """The test; None for "is not set"."""
    kind, value = chosen(given, field)
    match value:
        case TextTestInput():
            return TextTest(value.operator, tuple(value.values))
        case NumberTestInput():
            return NumberTest(value.operator, value.value)
        case TimeTestInput():
            return _time_test(value, f"{field}.{kind}")
        case _ if kind == "truth":
            return TruthTest(value=bool(value))
        case _:
            return IsSet() if value else None


def _time_test(given: TimeTestInput, field: str) -> TimeTest:
    for name, at in (("since", given.since), ("until", given.until)):
        if at is not None and at.tzinfo is None:
            raise InvalidInputError("The time needs its offset.", field=f"{field}.{name}")
    return TimeTest(given.since, given.until, given.within_seconds)


def condition_json(condition: Condition) -> JSON:
    """The condition in the shape of `ConditionInput`, to be given back as it is."""
    return cast("JSON", _tree(condition))


def _tree(condition: Condition) -> JsonTree:  # noqa: PLR0911  one return a kind
    match condition:
        case All():
            return {"all": _trees(condition.conditions)}
        case AnyOf():
            return {"any": _trees(condition.conditions)}
        case Not():
            return {"not": _tree(condition.condition)}
        case Profile():
            test = _test_tree(condition.test)
            return {"profile": {"field": condition.field.name, "test": test}}
        case Created():
            return {"created": _present(condition.test)}
        case Attribute():
            test = _test_tree(condition.test)
            return {"attribute": {"name": condition.name, "test": test}}
        case HasTag():
            return {"hasTag": condition.tag}
        case EventCount():
            return {"eventCount": _present(condition)}
        case Engagement():
            found = _present(condition)
            return {
                "engagement": {
                    **found,
                    "sequenceId": encode_id("Sequence", condition.sequence_id),
                }
            }
        case _:
            assert_never(condition)


def _trees(conditions: Sequence[Condition]) -> list[JsonTree]:
    return [_tree(part) for part in conditions]


def _test_tree(test: AttributeTest) -> JsonTree:
    match test:
        case TextTest():
            return {"text": _present(test)}
        case NumberTest():
            return {"number": _present(test)}
        case TimeTest():
            return {"time": _present(test)}
        case TruthTest():
            return {"truth": test.value}
        case IsSet():
            return {"isSet": True}
        case _:
            assert_never(test)


_SPELLING = {
    "within_seconds": "withinSeconds",
    "step_key": "stepKey",
    "sequence_id": "sequenceId",
}


def _present(leaf: Shape) -> JsonTree:
    """The leaf's fields that say something, in the API's spelling."""
    found: JsonTree = {}
    for field in fields(leaf):
        value = getattr(leaf, field.name)
        if value is not None:
            said = value.name if isinstance(value, StrEnum) else encode(value)
            found[_SPELLING.get(field.name, field.name)] = said
    return found
