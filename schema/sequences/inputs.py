"""A sequence's graph as it is given: one-of inputs for triggers and steps."""

from typing import cast

import strawberry

from domain.base.errors import InvalidInputError
from domain.sequences.definition import (
    Branch,
    BranchArm,
    Definition,
    EventHappened,
    Exit,
    Manual,
    SendEmail,
    Step,
    Subscribed,
    TagAdded,
    Trigger,
    Wait,
    WaitUntil,
)
from schema.base.node import decode_id
from schema.conditions import ConditionInput, chosen, condition_of

_NEXT = "The step that follows; null for the end."
_KEY = "1 to 64 letters, digits, `-` or `_`; stays the same when the step is edited."
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


@strawberry.input(description="A tag is added to somebody.")
class TagAddedTriggerInput:
    tag: str = strawberry.field(description="Which tag.")


@strawberry.input(description="A custom event happens.")
class EventTriggerInput:
    name: str = strawberry.field(description="The event's name.")


@strawberry.input(description="Something that lets people in.", one_of=True)
class TriggerInput:
    subscribed: bool | None = strawberry.field(
        default=strawberry.UNSET, description="True: somebody subscribes."
    )
    tag_added: TagAddedTriggerInput | None = strawberry.field(
        default=strawberry.UNSET, description="A tag is added."
    )
    event: EventTriggerInput | None = strawberry.field(
        default=strawberry.UNSET, description="A custom event happens."
    )
    manual: bool | None = strawberry.field(
        default=strawberry.UNSET, description="True: by hand or by the API (`enroll`)."
    )


@strawberry.input(description="Sends a mail.")
class SendEmailStepInput:
    key: str = strawberry.field(description=_KEY)
    template_id: strawberry.ID = strawberry.field(description="What to send.")
    next: str | None = strawberry.field(default=None, description=_NEXT)


@strawberry.input(description="Waits for a time.")
class WaitStepInput:
    key: str = strawberry.field(description=_KEY)
    duration_seconds: int = strawberry.field(
        description="How many seconds: from 1 to those of ten years, 316,224,000."
    )
    next: str | None = strawberry.field(default=None, description=_NEXT)


@strawberry.input(description="Waits until a time of day.")
class WaitUntilStepInput:
    key: str = strawberry.field(description=_KEY)
    local_time: str = strawberry.field(description="Such as `09:00`.")
    weekdays: list[int] = strawberry.field(
        default=EVERY_DAY, description="ISO: 1 is Monday, 7 is Sunday; at least one, each once."
    )
    timezone: str | None = strawberry.field(
        default=None, description="An IANA zone; null for each subscriber's own."
    )
    spread_seconds: int = strawberry.field(
        default=0,
        description="Let people go at random over so many seconds from that time on: 0 to 86,400.",
    )
    next: str | None = strawberry.field(default=None, description=_NEXT)


@strawberry.input(description="One way out of a branch.")
class BranchArmInput:
    condition: ConditionInput = strawberry.field(description="For whom.")
    next: str | None = strawberry.field(default=None, description=_NEXT)


@strawberry.input(description="Goes the first way whose condition is true.")
class BranchStepInput:
    key: str = strawberry.field(description=_KEY)
    branches: list[BranchArmInput] = strawberry.field(description="1 to 50 ways, in order.")
    otherwise: str | None = strawberry.field(
        default=None, description="The step for everybody else; null for the end."
    )


@strawberry.input(description="Leaves the sequence.")
class ExitStepInput:
    key: str = strawberry.field(description=_KEY)


@strawberry.input(description="One step.", one_of=True)
class StepInput:
    send_email: SendEmailStepInput | None = strawberry.field(
        default=strawberry.UNSET, description="Sends a mail."
    )
    wait: WaitStepInput | None = strawberry.field(
        default=strawberry.UNSET, description="Waits for a time."
    )
    wait_until: WaitUntilStepInput | None = strawberry.field(
        default=strawberry.UNSET, description="Waits until a time of day."
    )
    branch: BranchStepInput | None = strawberry.field(
        default=strawberry.UNSET, description="Goes the first way whose condition is true."
    )
    exit: ExitStepInput | None = strawberry.field(
        default=strawberry.UNSET, description="Leaves the sequence."
    )


@strawberry.input(
    description="The whole graph. A draft may be unfinished: what is wrong with it is told by"
    " `validateSequence`, and keeps it from being published."
)
class SequenceDraftInput:
    start: str | None = strawberry.field(
        default=None, description="The first step's key; null for the first of `steps`."
    )
    triggers: list[TriggerInput] = strawberry.field(
        default_factory=list, description="What lets people in: 1 to 50, to be published."
    )
    steps: list[StepInput] = strawberry.field(
        default_factory=list, description="All steps: 1 to 500, to be published."
    )


def definition_of(given: SequenceDraftInput, field: str) -> Definition:
    """Raises InvalidInputError with the place below `field`."""
    triggers = tuple(
        _trigger_of(trigger, f"{field}.triggers.{at}") for at, trigger in enumerate(given.triggers)
    )
    steps = tuple(_step_of(step, f"{field}.steps.{at}") for at, step in enumerate(given.steps))
    first = steps[0].key if steps else None
    return Definition(first if given.start is None else given.start, triggers, steps)


def _trigger_of(given: TriggerInput, field: str) -> Trigger:
    kind, value = chosen(given, field)
    match value:
        case TagAddedTriggerInput():
            return TagAdded(value.tag)
        case EventTriggerInput():
            return EventHappened(value.name)
        case True:
            return Subscribed() if kind == "subscribed" else Manual()
        case _:
            raise InvalidInputError("Leave the trigger out, or say true.", field=f"{field}.{kind}")


def _step_of(given: StepInput, field: str) -> Step:
    kind, value = chosen(given, field)
    match value:
        case SendEmailStepInput():
            return SendEmail(value.key, decode_id("Template", value.template_id), value.next)
        case WaitStepInput():
            return Wait(value.key, value.duration_seconds, value.next)
        case WaitUntilStepInput():
            return WaitUntil(
                value.key,
                value.local_time,
                tuple(value.weekdays),
                value.timezone,
                value.spread_seconds,
                value.next,
            )
        case BranchStepInput():
            arms = tuple(
                BranchArm(
                    condition_of(arm.condition, f"{field}.{kind}.branches.{at}.condition"),
                    arm.next,
                )
                for at, arm in enumerate(value.branches)
            )
            return Branch(value.key, arms, value.otherwise)
        case _:
            return Exit(cast("ExitStepInput", value).key)
