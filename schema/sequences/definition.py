"""A sequence's graph: its triggers and steps as types, read off its JSON."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import assert_never, cast
from uuid import UUID

import strawberry
from graphql import GraphQLResolveInfo
from graphql.type import GraphQLAbstractType
from strawberry.scalars import JSON

from domain.base.cache import Aged
from domain.content.templates import read_templates
from domain.sequences.definition import (
    Branch,
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
from domain.sequences.people import People, count_people
from schema.base.batch import batch_field
from schema.base.context import Context, Info
from schema.base.enums import described_enum
from schema.base.node import decode_id, encode_id
from schema.base.once import once
from schema.base.rows import TypedRow, always_true
from schema.conditions import condition_json
from schema.content import Template

Fields = Mapping[str, object]


class _Typed:
    """Of what type a row is, the row says."""

    @classmethod
    @always_true
    def is_type_of(cls, obj: object, _info: GraphQLResolveInfo[Context]) -> bool:  # noqa: ARG003
        return True

    @classmethod
    def resolve_type(
        cls, obj: object, _info: GraphQLResolveInfo[Context], _type: GraphQLAbstractType
    ) -> str:
        return cast("TypedRow", obj).typename


class TriggerKind(StrEnum):
    SUBSCRIBED = Subscribed.kind
    TAG_ADDED = TagAdded.kind
    EVENT = EventHappened.kind
    MANUAL = Manual.kind


described_enum(
    TriggerKind,
    name="TriggerKind",
    description="What lets people in.",
    values={
        TriggerKind.SUBSCRIBED: "Somebody subscribes.",
        TriggerKind.TAG_ADDED: "A tag is added to somebody.",
        TriggerKind.EVENT: "A custom event happens.",
        TriggerKind.MANUAL: "The mutation `enroll`.",
    },
)


class StepKind(StrEnum):
    SEND_EMAIL = SendEmail.kind
    WAIT = Wait.kind
    WAIT_UNTIL = WaitUntil.kind
    BRANCH = Branch.kind
    EXIT = Exit.kind


described_enum(
    StepKind,
    name="StepKind",
    description="What a step does.",
    values={
        StepKind.SEND_EMAIL: "Sends a mail.",
        StepKind.WAIT: "Waits for a time.",
        StepKind.WAIT_UNTIL: "Waits until a time of day.",
        StepKind.BRANCH: "Goes the first way whose condition is true.",
        StepKind.EXIT: "Leaves the sequence.",
    },
)


@strawberry.interface(name="Trigger", description="Something that lets people in.")
class TriggerType(_Typed):
    kind: TriggerKind = strawberry.field(description="Which trigger this is.")


@strawberry.type(description="Somebody subscribes.")
class SubscribedTrigger(TriggerType):
    pass


@strawberry.type(description="A tag is added to somebody.")
class TagAddedTrigger(TriggerType):
    tag: str = strawberry.field(description="Which tag.")


@strawberry.type(description="A custom event happens.")
class EventTrigger(TriggerType):
    name: str = strawberry.field(description="The event's name.")


@strawberry.type(description="By hand or by the API: the mutation `enroll`.")
class ManualTrigger(TriggerType):
    pass


async def people_of(info: Info, sequence_ids: frozenset[UUID]) -> dict[UUID, Aged[list[People]]]:
    """The people of sequences by step and status; one read for all edges that count."""
    workspace_id = info.context.workspace_id
    return await once(
        info,
        ("people", sequence_ids),
        lambda: count_people(workspace_id, list(sequence_ids)),
    )


async def _resting_counts(parents: Sequence[Fields], info: Info) -> list[int]:
    people = await people_of(
        info, frozenset(cast("UUID", parent["sequence_id"]) for parent in parents)
    )
    counts = {
        (sequence_id, each.step_key): each.number
        for sequence_id, aged in people.items()
        for each in aged.value
        if each.step_key is not None
    }
    return [
        counts.get((cast("UUID", parent["sequence_id"]), cast("str", parent["key"])), 0)
        for parent in parents
    ]


@strawberry.interface(name="Step", description="One step of a sequence.")
class StepType(_Typed):
    kind: StepKind = strawberry.field(description="Which step this is.")
    key: str = strawberry.field(description="Its name within the sequence, stable over versions.")
    resting_count: int = batch_field(
        _resting_counts,
        description="How many people rest here, whatever their version; as old as"
        " `EnrollmentCounts.asOf`.",
    )


async def _templates(parents: Sequence[Fields], info: Info) -> list[Template | None]:
    identifiers = [decode_id("Template", str(parent["template_id"])) for parent in parents]
    found = await read_templates(info.context.workspace_id, identifiers)
    return [cast("Template | None", found.get(identifier)) for identifier in identifiers]


@strawberry.type(description="Sends a mail.")
class SendEmailStep(StepType):
    template_id: strawberry.ID = strawberry.field(description="Which template is sent.")
    template: Template | None = batch_field(
        _templates, description="What is sent; null when a draft names none that exists."
    )
    next: str | None = strawberry.field(description="The step that follows; null for the end.")


@strawberry.type(description="Waits for a time.")
class WaitStep(StepType):
    duration_seconds: int = strawberry.field(description="How many seconds.")
    next: str | None = strawberry.field(description="The step that follows; null for the end.")


@strawberry.type(description="Waits until a time of day.")
class WaitUntilStep(StepType):
    local_time: str = strawberry.field(description="Such as `09:00`.")
    weekdays: list[int] = strawberry.field(description="ISO: 1 is Monday, 7 is Sunday.")
    timezone: str | None = strawberry.field(
        description="An IANA zone; null for each subscriber's own, UTC where it is not known."
    )
    spread_seconds: int = strawberry.field(
        description="People are let go at random over so many seconds from that time on."
    )
    next: str | None = strawberry.field(description="The step that follows; null for the end.")


@strawberry.type(description="One way out of a branch.")
class BranchArm:
    condition: JSON = strawberry.field(
        description="For whom, in the shape of `ConditionInput`: it can be given back as it is."
    )
    next: str | None = strawberry.field(description="The step that follows; null for the end.")


@strawberry.type(description="Goes the first way whose condition is true.")
class BranchStep(StepType):
    branches: list[BranchArm] = strawberry.field(description="The ways, in order.")
    otherwise: str | None = strawberry.field(
        description="The step for everybody else; null for the end."
    )


@strawberry.type(description="Leaves the sequence.")
class ExitStep(StepType):
    pass


@strawberry.type(description="Who enters, and what happens to them.")
class SequenceDefinition:
    start: str | None = strawberry.field(description="The first step's key.")
    triggers: list[TriggerType] = strawberry.field(description="What lets people in.")
    steps: list[StepType] = strawberry.field(description="In the order they were given.")


TYPES = [
    SubscribedTrigger,
    TagAddedTrigger,
    EventTrigger,
    ManualTrigger,
    SendEmailStep,
    WaitStep,
    WaitUntilStep,
    BranchStep,
    ExitStep,
]


def definition_fields(definition: Definition, sequence_id: object) -> SequenceDefinition:
    """The definition as its type's fields are read."""
    fields = {
        "start": definition.start,
        "triggers": [_trigger_row(trigger) for trigger in definition.triggers],
        "steps": [_step_row(step, sequence_id) for step in definition.steps],
    }
    return cast("SequenceDefinition", fields)


def _typed(shape: type[object], fields: Fields) -> TypedRow:
    return TypedRow(shape.__name__, fields)


def _trigger_row(trigger: Trigger) -> TypedRow:
    match trigger:
        case Subscribed():
            return _typed(SubscribedTrigger, {"kind": TriggerKind.SUBSCRIBED})
        case TagAdded():
            return _typed(TagAddedTrigger, {"kind": TriggerKind.TAG_ADDED, "tag": trigger.tag})
        case EventHappened():
            return _typed(EventTrigger, {"kind": TriggerKind.EVENT, "name": trigger.name})
        case Manual():
            return _typed(ManualTrigger, {"kind": TriggerKind.MANUAL})
        case _:
            assert_never(trigger)


def _step_row(step: Step, sequence_id: object) -> TypedRow:
    fields: dict[str, object] = {
        "kind": StepKind(step.kind),
        "key": step.key,
        "sequence_id": sequence_id,
    }
    match step:
        case SendEmail():
            fields |= {"template_id": encode_id("Template", step.template_id), "next": step.next}
            return _typed(SendEmailStep, fields)
        case Wait():
            fields |= {"duration_seconds": step.duration_seconds, "next": step.next}
            return _typed(WaitStep, fields)
        case WaitUntil():
            fields |= {
                "local_time": step.local_time,
                "weekdays": list(step.weekdays),
                "timezone": step.timezone,
                "spread_seconds": step.spread_seconds,
                "next": step.next,
            }
            return _typed(WaitUntilStep, fields)
        case Branch():
            arms = [
                {"condition": condition_json(arm.condition), "next": arm.next}
                for arm in step.branches
            ]
            fields |= {"branches": arms, "otherwise": step.otherwise}
            return _typed(BranchStep, fields)
        case Exit():
            return _typed(ExitStep, fields)
        case _:
            assert_never(step)
