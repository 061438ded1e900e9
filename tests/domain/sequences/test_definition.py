from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest

from domain.audience.conditions.tree import (
    All,
    AnyOf,
    Attribute,
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
from domain.sequences.definition import (
    Branch,
    BranchArm,
    Definition,
    EventHappened,
    Exit,
    Manual,
    SendEmail,
    Subscribed,
    TagAdded,
    Wait,
    WaitUntil,
    parse_local_time,
)

TEMPLATE = UUID("0195505f-8a00-7000-8000-000000000001")
REVISION = UUID("0195505f-8a00-7000-8000-000000000002")
SEQUENCE = UUID("0195505f-8a00-7000-8000-000000000003")

CONDITION = All(
    (
        AnyOf((HasTag("vip"), Not(HasTag("staff")))),
        Profile(ProfileField.EMAIL, TextTest(TextOperator.ENDS_WITH, ("@example.com",))),
        Profile(ProfileField.LAST_NAME, IsSet()),
        Created(TimeTest(since=datetime(2026, 1, 1, tzinfo=UTC), within_seconds=86_400)),
        Attribute("plan", TextTest(TextOperator.EQUALS, ("pro", "team"))),
        Attribute("orders", NumberTest(NumberOperator.AT_LEAST, 2.5)),
        Attribute("beta", TruthTest(value=False)),
        EventCount("order", NumberOperator.MORE_THAN, 3, within_seconds=3600),
        Engagement(EngagementAction.CLICKED, SEQUENCE, "hello"),
    )
)
DEFINITION = Definition(
    start="hello",
    triggers=(Subscribed(), TagAdded("vip"), EventHappened("order"), Manual()),
    steps=(
        SendEmail("hello", TEMPLATE, "pause", REVISION),
        Wait("pause", 86_400, "morning"),
        WaitUntil("morning", "09:00", (1, 2), "Europe/Berlin", 600, "fork"),
        Branch("fork", (BranchArm(CONDITION, "out"), BranchArm(HasTag("a"))), "hello"),
        Exit("out"),
    ),
)


def test_definition_reads_back_equal() -> None:
    assert Definition.from_json(orjson.loads(orjson.dumps(DEFINITION.to_json()))) == DEFINITION


def test_json_leaves_defaults_out_and_names_kinds() -> None:
    definition = Definition(start="a", triggers=(Manual(),), steps=(SendEmail("a", TEMPLATE),))
    assert definition.to_json() == {
        "start": "a",
        "triggers": [{"kind": "manual"}],
        "steps": [{"kind": "send_email", "key": "a", "template_id": str(TEMPLATE)}],
    }


def test_empty_draft_is_a_definition() -> None:
    assert Definition.from_json({}) == Definition()


@pytest.mark.parametrize(
    ("json", "field", "message"),
    [
        ([], None, "an object is expected here"),
        ({"step": []}, "step", "there is no `step` here"),
        ({"steps": {}}, "steps", "a list is expected here"),
        ({"start": 1}, "start", "text is expected here"),
        ({"reentry": "always"}, "reentry", "must be one of never"),
        (
            {"steps": [{"kind": "dance", "key": "a"}]},
            "steps.0.kind",
            "the kind must be one of send_email, wait, wait_until, branch, exit",
        ),
        ({"steps": [{"kind": "exit"}]}, "steps.0.key", "`key` is missing"),
        (
            {"steps": [{"kind": "wait", "key": "a", "duration_seconds": True}]},
            "steps.0.duration_seconds",
            "a whole number is expected here",
        ),
        (
            {"steps": [{"kind": "send_email", "key": "a", "template_id": "x"}]},
            "steps.0.template_id",
            "an id is expected here",
        ),
    ],
)
def test_wrong_json_is_refused_with_its_place(
    json: object, field: str | None, message: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Definition.from_json(json)
    assert (refused.value.field, refused.value.message) == (field, message)


def test_bottomless_condition_is_refused() -> None:
    condition: object = {"kind": "has_tag", "tag": "a"}
    for _ in range(5000):
        condition = {"kind": "not", "condition": condition}
    step = {"kind": "branch", "key": "a", "branches": [{"condition": condition}]}
    with pytest.raises(InvalidInputError, match="nested deeper than 32 levels"):
        Definition.from_json({"steps": [step]})


def test_step_is_found_by_its_key_in_a_changed_copy() -> None:
    copy = replace(DEFINITION, steps=(Exit("last"),))
    assert copy.step_by_key == {"last": Exit("last")}


@pytest.mark.parametrize(
    "text", ["", "9:00", "24:00", "09:60", "09-00", "09:00:00", "²¹:00", "٠٩:٠٠"]
)
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time of day"):
        parse_local_time(text)
