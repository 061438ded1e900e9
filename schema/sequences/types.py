"""Sequences, their versions, and the people in them."""

from collections.abc import Sequence as Rows
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, cast
from uuid import UUID

import orjson
import strawberry
from strawberry.scalars import JSON

from domain.audience.subscribers import read_subscribers
from domain.base import clock
from domain.base.database import Record
from domain.delivery.reading import read_messages
from domain.sequences import enrollments, explanation, sequences, versions
from domain.sequences.definition import Definition
from schema.activity import SendStats, stats_of_sequences
from schema.base.batch import batch_field
from schema.base.connections import After, Connection, First, connection, page_request
from schema.base.context import Info
from schema.base.errors import Payload
from schema.base.node import Node, encode_id
from schema.delivery import Message, messages_of_enrollments, messages_of_sequences
from schema.sequences.definition import SequenceDefinition, definition_fields, people_of
from schema.sequences.enums import EnrollmentStatus, IssueCode, SequenceStatus, Severity
from schema.sequences.inputs import SequenceDraftInput

if TYPE_CHECKING:
    from schema.audience import Subscriber


@strawberry.type(description="Why somebody is where they are.")
class Explanation:
    code: str = strawberry.field(description="For programs, stable.")
    text: str = strawberry.field(description="For people.")
    until: datetime | None = strawberry.field(description="When the wait ends, UTC.")


async def _message_of_decision(parents: Rows[Record], info: Info) -> list[Message | None]:
    # A visit and the message that it made have the same id.
    made = [row["id"] for row in parents if row["code"] == "queued"]
    found = await read_messages(info.context.workspace_id, made) if made else {}
    return [cast("Message | None", found.get(row["id"])) for row in parents]


@strawberry.type(description="One visit of a step, and what was decided there.")
class Decision:
    visit: int = strawberry.field(description="Counts the enrollment's steps, from 1.")
    step_key: str = strawberry.field(description="Which step.")
    code: str = strawberry.field(description="What was decided: for programs, stable.")
    decided_at: datetime = strawberry.field(description="When, UTC.")

    @strawberry.field(description="The same in words, and until when it waits.")
    def explain(self) -> Explanation:
        return cast("Explanation", explanation.explain_decision(cast("Record", self)))

    message: Message | None = batch_field(
        _message_of_decision, description="The message that was made, if any."
    )


async def _explain_enrollment(parents: Rows[Record], info: Info) -> list[Explanation]:
    wanted = [row["sequence_id"] for row in parents]
    found = await sequences.read_sequences(info.context.workspace_id, wanted)
    now = clock.now()
    return [
        cast(
            "Explanation",
            explanation.explain_enrollment(row, found[row["sequence_id"]]["status"], now),
        )
        for row in parents
    ]


async def _timelines(
    parents: Rows[Record],
    info: Info,
    last: Annotated[int, strawberry.argument(description="How many at most: 1 to 200.")] = 50,
) -> list[list[Decision]]:
    bounded = max(1, min(last, explanation.TIMELINE_MOST))
    found = await explanation.read_timelines(
        info.context.workspace_id, [row["id"] for row in parents], bounded
    )
    return [cast("list[Decision]", found[row["id"]]) for row in parents]


async def _subscribers(
    parents: Rows[Record], info: Info
) -> list[Annotated["Subscriber", strawberry.lazy("schema.audience")]]:
    wanted = [row["subscriber_id"] for row in parents]
    found = await read_subscribers(info.context.workspace_id, wanted)
    return [cast("Subscriber", found[row["subscriber_id"]]) for row in parents]


async def _version_of_enrollment(parents: Rows[Record], info: Info) -> list["SequenceVersion"]:
    wanted = [row["version_id"] for row in parents]
    found = await versions.read_versions(info.context.workspace_id, wanted)
    return [cast("SequenceVersion", found[row["version_id"]]) for row in parents]


async def _sequence_of_child(parents: Rows[Record], info: Info) -> list["Sequence"]:
    wanted = [row["sequence_id"] for row in parents]
    found = await sequences.read_sequences(info.context.workspace_id, wanted)
    return [cast("Sequence", found[row["sequence_id"]]) for row in parents]


@strawberry.type(description="One person's run through one version of a sequence.")
class Enrollment(Node):
    run: int = strawberry.field(description="Which run of this person, from 1.")
    status: EnrollmentStatus = strawberry.field(description="Whether it goes on.")
    reason: str | None = strawberry.field(description="Why it ended, a stable code.")
    step_key: str | None = strawberry.field(
        description="Where the person rests or was last; null before the first step."
    )
    visit: int = strawberry.field(description="How many steps were visited.")
    due_at: datetime | None = strawberry.field(description="When it goes on, UTC.")
    enrolled_at: datetime = strawberry.field(description="When the person was let in, UTC.")
    finished_at: datetime | None = strawberry.field(description="When it ended, UTC.")

    @strawberry.field(description="What let the person in.")
    def trigger(self) -> JSON:
        return cast("JSON", orjson.loads(cast("Record", self)["trigger"]))

    @strawberry.field(description="The subscriber's id, for clients that need no more.")
    def subscriber_id(self) -> strawberry.ID:
        return encode_id("Subscriber", cast("Record", self)["subscriber_id"])

    subscriber: Annotated["Subscriber", strawberry.lazy("schema.audience")] = batch_field(
        _subscribers, description="Who it is."
    )
    sequence: "Sequence" = batch_field(_sequence_of_child, description="Which sequence.")
    version: "SequenceVersion" = batch_field(
        _version_of_enrollment, description="The version it stays in."
    )
    explain: Explanation = batch_field(
        _explain_enrollment, description="Why the person waits, is next, or has left."
    )
    timeline: list[Decision] = batch_field(
        _timelines, description="The last decisions, at most 200, the oldest first."
    )
    messages: Connection[Message] = batch_field(
        messages_of_enrollments, description="The mail that it made."
    )


async def enrollments_of_sequences(
    parents: Rows[Record],
    info: Info,
    first: First = 20,
    after: After = None,
    status: Annotated[
        EnrollmentStatus | None,
        strawberry.argument(description="Only those of this status; null for all."),
    ] = None,
) -> list[Connection[Enrollment]]:
    """The edge `Sequence.enrollments`."""
    pages = await enrollments.read_enrollments_of_sequences(
        info.context.workspace_id,
        [row["id"] for row in parents],
        page_request(first, after),
        status,
    )
    return [connection(pages[row["id"]]) for row in parents]


async def enrollments_of_subscribers(
    parents: Rows[Record],
    info: Info,
    first: First = 20,
    after: After = None,
    status: Annotated[
        EnrollmentStatus | None,
        strawberry.argument(description="Only those of this status; null for all."),
    ] = None,
) -> list[Connection[Enrollment]]:
    """The edge `Subscriber.enrollments`."""
    pages = await enrollments.read_enrollments_of_subscribers(
        info.context.workspace_id,
        [row["id"] for row in parents],
        page_request(first, after),
        status,
    )
    return [connection(pages[row["id"]]) for row in parents]


# A version never changes, so what is read off it need not be made anew.
PUBLISHED_KEPT = 5_000
_published: dict[UUID, SequenceDefinition] = {}


@strawberry.type(description="What was published once; never changes.")
class SequenceVersion(Node):
    number: int = strawberry.field(description="Counts the sequence's versions, from 1.")
    published_at: datetime = strawberry.field(description="When, UTC.")

    @strawberry.field(description="The graph as published.")
    def definition(self) -> SequenceDefinition:
        row = cast("Record", self)
        found = _published.get(row["id"])
        if found is None:
            definition = Definition.from_json(orjson.loads(row["definition"]))
            found = definition_fields(definition, row["sequence_id"])
            if len(_published) >= PUBLISHED_KEPT:
                _published.clear()
            _published[row["id"]] = found
        return found

    sequence: "Sequence" = batch_field(_sequence_of_child, description="Whose version it is.")


@strawberry.type(description="Something wrong with a draft.")
class DefinitionIssue:
    step: str | None = strawberry.field(description="The step at fault; null for none alone.")
    field: str = strawberry.field(description="What about it, in the spelling of the input.")
    message: str = strawberry.field(description="For people.")
    code: IssueCode = strawberry.field(description="For programs.")
    severity: Severity = strawberry.field(description="Whether it keeps from publishing.")


async def _issues(parents: Rows[Record], info: Info) -> list[list[DefinitionIssue]]:
    drafts = [sequences.draft_of(row) for row in parents]
    found = await versions.find_issues(info.context.workspace_id, drafts)
    return cast("list[list[DefinitionIssue]]", found)


async def _active_versions(parents: Rows[Record], info: Info) -> list[SequenceVersion | None]:
    wanted = [row["active_version_id"] for row in parents if row["active_version_id"]]
    found = await versions.read_versions(info.context.workspace_id, wanted) if wanted else {}
    return [cast("SequenceVersion | None", found.get(row["active_version_id"])) for row in parents]


async def _versions(parents: Rows[Record], info: Info) -> list[list[SequenceVersion]]:
    rows = await versions.versions_of(info.context.workspace_id, [row["id"] for row in parents])
    found: dict[UUID, list[Record]] = {row["id"]: [] for row in parents}
    for row in rows:
        found[row["sequence_id"]].append(row)
    return [cast("list[SequenceVersion]", found[row["id"]]) for row in parents]


@strawberry.type(description="How many people are, or have been, in a sequence.")
class EnrollmentCounts:
    active: int = strawberry.field(description="On their way.")
    completed: int = strawberry.field(description="Went through all steps.")
    exited: int = strawberry.field(description="Left before.")
    as_of: datetime = strawberry.field(
        description="When they were counted, UTC: now, unless there are or were 10,000 people or"
        " more, who are counted every few seconds (and anew after `enroll` and `archiveSequence`)."
        " At most 30 seconds ago."
    )


async def _counts(parents: Rows[Record], info: Info) -> list[EnrollmentCounts]:
    people = await people_of(info, frozenset(row["id"] for row in parents))
    found: list[dict[str, object]] = []
    for row in parents:
        aged = people[row["id"]]
        counts = dict.fromkeys((status.value for status in EnrollmentStatus), 0)
        for each in aged.value:
            counts[each.status] += each.number
        found.append({**counts, "as_of": aged.as_of})
    return cast("list[EnrollmentCounts]", found)


@strawberry.type(description="Mail that follows people step by step, from a trigger on.")
class Sequence(Node):
    name: str = strawberry.field(description="1 to 200 characters.")
    status: SequenceStatus = strawberry.field(description="Whether it runs.")
    created_at: datetime = strawberry.field(description="When it was made, UTC.")
    updated_at: datetime = strawberry.field(description="When it was last changed, UTC.")

    @strawberry.field(
        description="Counts the draft's edits: give the one you have seen when you change it."
    )
    def revision(self) -> int:
        found: int = cast("Record", self)["draft_revision"]
        return found

    @strawberry.field(description="The graph as it is being edited; nobody runs through it.")
    def draft(self) -> SequenceDefinition:
        row = cast("Record", self)
        return definition_fields(sequences.draft_of(row), row["id"])

    issues: list[DefinitionIssue] = batch_field(
        _issues, description="What is wrong with the draft, in the order of its graph."
    )
    active_version: SequenceVersion | None = batch_field(
        _active_versions, description="The version that people enter; null before the first."
    )
    versions: list[SequenceVersion] = batch_field(
        _versions, description="Everything that was published, the newest first."
    )
    enrollment_counts: EnrollmentCounts = batch_field(
        _counts, description="How many people are in it."
    )
    enrollments: Connection[Enrollment] = batch_field(
        enrollments_of_sequences, description="Who is, or has been, in it."
    )
    messages: Connection[Message] = batch_field(
        messages_of_sequences, description="The mail that it made."
    )
    stats: SendStats = batch_field(stats_of_sequences, description="How its mail fares.")


@strawberry.input(description="A new sequence.")
class CreateSequenceInput:
    name: str = strawberry.field(description="1 to 200 characters.")
    draft: SequenceDraftInput = strawberry.field(description="Its graph, perhaps unfinished.")


@strawberry.input(description="An edit; what is left out stays.")
class UpdateSequenceDraftInput:
    id: strawberry.ID = strawberry.field(description="Which sequence.")
    revision: int = strawberry.field(description="The revision that was edited.")
    name: str | None = strawberry.field(default=None, description="1 to 200 characters.")
    draft: SequenceDraftInput | None = strawberry.field(
        default=None, description="The whole graph."
    )


@strawberry.type(description="Answer of the mutations that make or change a sequence.")
class SequencePayload(Payload):
    sequence: Sequence | None = strawberry.field(default=None, description="Null on errors.")


@strawberry.type(description="Answer of `publishSequence`; an error for each step at fault.")
class PublishSequencePayload(Payload):
    version: SequenceVersion | None = strawberry.field(default=None, description="Null on errors.")


@strawberry.type(description="Answer of `validateSequence`.")
class ValidateSequencePayload(Payload):
    issues: list[DefinitionIssue] = strawberry.field(
        default_factory=list, description="Whatever is wrong, in the order of the graph."
    )
    is_publishable: bool = strawberry.field(
        default=False, description="Whether there are no errors among the issues."
    )


@strawberry.input(description="People to let in by hand.")
class EnrollInput:
    sequence_id: strawberry.ID = strawberry.field(description="An active sequence.")
    subscriber_ids: list[strawberry.ID] = strawberry.field(description="1 to 1,000 people.")


@strawberry.type(description="Answer of `enroll`.")
class EnrollPayload(Payload):
    enrollments: list[Enrollment] = strawberry.field(
        default_factory=list, description="Who was let in now, the newest first."
    )
    already_count: int = strawberry.field(
        default=0, description="How many were in it already, or had been."
    )
    unknown_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Those ids that are no subscriber's here."
    )
