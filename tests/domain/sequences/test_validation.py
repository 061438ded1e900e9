from uuid import UUID

import pytest

from domain.audience.conditions.tree import (
    All,
    Attribute,
    Condition,
    Engagement,
    EngagementAction,
    EventCount,
    HasTag,
    IsSet,
    Not,
    NumberOperator,
    Profile,
    ProfileField,
    TextOperator,
    TextTest,
)
from domain.sequences.definition import (
    Branch,
    BranchArm,
    Definition,
    Exit,
    Manual,
    SendEmail,
    Step,
    TagAdded,
    Trigger,
    Wait,
    WaitUntil,
)
from domain.sequences.validation import Severity, Surroundings, validate

TEMPLATE = UUID("0195505f-8a00-7000-8000-000000000001")
OTHER = UUID("0195505f-8a00-7000-8000-000000000002")
SURROUNDINGS = Surroundings({TEMPLATE}, attributes={"plan"}, sequences={TEMPLATE})
HELLO = SendEmail("hello", TEMPLATE, "pause")
PAUSE = Wait("pause", 60, "hello")


def issues_of(
    *steps: Step, triggers: tuple[Trigger, ...] = (Manual(),), start: str | None = None
) -> list[tuple[str | None, str, str]]:
    definition = Definition(start or (steps[0].key if steps else None), triggers, steps)
    found = validate(definition, SURROUNDINGS)
    return [(issue.step, issue.field, issue.code) for issue in found]


def test_sound_definition_has_no_issues() -> None:
    arms = (BranchArm(Attribute("plan", IsSet()), "out"),)
    until = WaitUntil("until", "23:59", (7,), "Asia/Kathmandu", next="out")
    fork = Branch("fork", arms, "until")
    assert issues_of(HELLO, Wait("pause", 60, "fork"), fork, until, Exit("out")) == []


def test_loop_with_a_wait_is_sound() -> None:
    assert issues_of(HELLO, PAUSE) == []


def test_empty_definition_needs_a_trigger_and_steps() -> None:
    assert issues_of(triggers=()) == [
        (None, "triggers", "NO_TRIGGER"),
        (None, "steps", "EMPTY"),
    ]


def test_first_step_must_exist() -> None:
    assert issues_of(HELLO, PAUSE, start="nowhere") == [(None, "start", "NO_START")]


def test_missing_targets_name_step_and_field() -> None:
    fork = Branch("fork", (BranchArm(HasTag("a"), "x"), BranchArm(HasTag("b"), "fine")), "y")
    assert issues_of(fork, Wait("fine", 1, "z")) == [
        ("fork", "branches.0.next", "MISSING_TARGET"),
        ("fork", "otherwise", "MISSING_TARGET"),
        ("fine", "next", "MISSING_TARGET"),
    ]


def test_unreachable_steps_are_named() -> None:
    assert issues_of(HELLO, PAUSE, Wait("island", 1, "isle"), Exit("isle")) == [
        ("island", "key", "UNREACHABLE"),
        ("isle", "key", "UNREACHABLE"),
    ]


def test_endless_loop_is_shown_once_with_its_way() -> None:
    fork = Branch("fork", (BranchArm(HasTag("a"), "hello"),), "again")
    again = SendEmail("again", TEMPLATE, "hello")
    definition = Definition(
        "hello", (Manual(),), (SendEmail("hello", TEMPLATE, "fork"), fork, again)
    )
    assert [issue.message for issue in validate(definition, SURROUNDINGS)] == [
        "an endless loop without a wait: hello → fork → hello",
        "an endless loop without a wait: hello → fork → again → hello",
    ]


def test_step_that_follows_itself_is_an_endless_loop() -> None:
    assert issues_of(SendEmail("hello", TEMPLATE, "hello")) == [("hello", "next", "ENDLESS_LOOP")]


def test_five_hundred_steps_in_a_row_are_sound_and_one_more_is_not() -> None:
    row = [SendEmail(f"s{at}", TEMPLATE, f"s{at + 1}") for at in range(499)]
    assert issues_of(*row, SendEmail("s499", TEMPLATE)) == []
    assert issues_of(*row, SendEmail("s499", TEMPLATE, "s500"), Exit("s500")) == [
        (None, "steps", "TOO_LARGE")
    ]


def test_template_must_exist() -> None:
    assert issues_of(SendEmail("hello", OTHER)) == [("hello", "templateId", "MISSING_TEMPLATE")]


def test_sequence_that_a_condition_looks_at_must_exist() -> None:
    seen = Engagement(EngagementAction.OPENED, OTHER)
    fork = Branch("fork", (BranchArm(HasTag("a")), BranchArm(Not(seen))))
    assert issues_of(fork) == [("fork", "branches.1.condition", "MISSING_SEQUENCE")]
    known = Branch("fork", (BranchArm(Not(Engagement(EngagementAction.OPENED, TEMPLATE))),))
    assert issues_of(known) == []


def test_unknown_attribute_is_a_warning_that_names_it() -> None:
    fork = Branch("fork", (BranchArm(Attribute("plam", IsSet())),))
    (issue,) = validate(Definition("fork", (Manual(),), (fork,)), SURROUNDINGS)
    assert issue.severity is Severity.WARNING
    assert issue.message == "no subscriber has the attribute `plam` yet"
    assert (issue.step, issue.field) == ("fork", "branches.0.condition")


@pytest.mark.parametrize(
    ("step", "field"),
    [
        (Wait("a", 0), "durationSeconds"),
        (Wait("a", 10**12), "durationSeconds"),
        (WaitUntil("a", "25:00"), "localTime"),
        (WaitUntil("a", "09:00", ()), "weekdays"),
        (WaitUntil("a", "09:00", (0,)), "weekdays"),
        (WaitUntil("a", "09:00", (1, 1)), "weekdays"),
        (WaitUntil("a", "09:00", timezone="Mars/Olympus"), "timezone"),
        (WaitUntil("a", "09:00", spread_seconds=-1), "spreadSeconds"),
        (Branch("a", ()), "branches"),
        (Exit("a b"), "key"),
        (Exit("a" * 65), "key"),
    ],
)
def test_wrong_value_names_step_and_field(step: Step, field: str) -> None:
    assert issues_of(step) == [(step.key, field, "INVALID")]


def test_key_is_used_once() -> None:
    assert issues_of(Exit("a"), Exit("a")) == [("a", "key", "DUPLICATE")]


def test_trigger_needs_its_word_and_is_there_once() -> None:
    triggers = (TagAdded(""), Manual(), Manual())
    assert issues_of(Exit("a"), triggers=triggers) == [
        (None, "triggers.0.tag_added", "INVALID"),
        (None, "triggers.2", "DUPLICATE"),
    ]


@pytest.mark.parametrize(
    "condition",
    [
        HasTag(""),
        HasTag("a\0"),
        EventCount("order", NumberOperator.EQUALS, -1),
        EventCount("order", NumberOperator.EQUALS, 1, within_seconds=0),
        Profile(ProfileField.EMAIL, TextTest(TextOperator.EQUALS, ())),
        All(tuple(HasTag("a") for _ in range(100))),
    ],
)
def test_condition_that_cannot_be_evaluated_is_refused(condition: Condition) -> None:
    fork = Branch("fork", (BranchArm(condition),))
    assert issues_of(fork) == [("fork", "branches.0.condition", "INVALID")]
