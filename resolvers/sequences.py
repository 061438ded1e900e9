"""Verbs of sequences: make, edit, publish, run, let people in."""

from typing import Annotated, Final, cast
from uuid import UUID

import strawberry

from domain.base.clock import now
from domain.base.errors import InvalidInputError, NotFoundError
from domain.identity.audit import Actor
from domain.sequences import enrollments, sequences, versions
from domain.sequences.models import SequenceStatus
from domain.sequences.validation import Severity
from schema.base.connections import After, Connection, First, connection, page_request
from schema.base.context import Info
from schema.base.node import NOTHING, decode_id, readable_by_id
from schema.sequences.inputs import SequenceDraftInput, definition_of
from schema.sequences.types import (
    CreateSequenceInput,
    DefinitionIssue,
    EnrollInput,
    Enrollment,
    EnrollPayload,
    PublishSequencePayload,
    Sequence,
    SequencePayload,
    SequenceVersion,
    UpdateSequenceDraftInput,
    ValidateSequencePayload,
)

MOST_ENROLLED: Final = 1000

SequenceId = Annotated[strawberry.ID, strawberry.argument(description="Which sequence.")]

readable_by_id("Sequence", sequences.read_sequences)
readable_by_id("SequenceVersion", versions.read_versions)
readable_by_id("Enrollment", enrollments.read_enrollments)


async def sequence(info: Info, id: SequenceId) -> Sequence | None:  # noqa: A002
    row = await sequences.find_sequence(info.context.workspace_id, decode_id("Sequence", id))
    return cast("Sequence | None", row)


async def list_of_sequences(
    info: Info,
    first: First = 20,
    after: After = None,
    status: Annotated[
        SequenceStatus | None,
        strawberry.argument(description="Only those of this status; null for all."),
    ] = None,
) -> Connection[Sequence]:
    page = await sequences.list_sequences(
        info.context.workspace_id, page_request(first, after), status
    )
    return connection(page)


async def create_sequence(
    info: Info,
    input: Annotated[CreateSequenceInput, strawberry.argument(description="Its name and draft.")],  # noqa: A002
) -> SequencePayload:
    row = await sequences.create_sequence(
        info.context.workspace_id, input.name, definition_of(input.draft, "draft"), now()
    )
    return SequencePayload(sequence=cast("Sequence", row))


async def update_sequence_draft(
    info: Info,
    input: Annotated[  # noqa: A002
        UpdateSequenceDraftInput,
        strawberry.argument(description="Which sequence, and what is to change."),
    ],
) -> SequencePayload:
    row = await sequences.update_draft(
        info.context.workspace_id,
        decode_id("Sequence", input.id),
        expected_revision=input.revision,
        now=now(),
        name=input.name,
        definition=None if input.draft is None else definition_of(input.draft, "draft"),
    )
    return SequencePayload(sequence=cast("Sequence", row))


async def validate_sequence(
    info: Info,
    id: SequenceId,  # noqa: A002
    draft: Annotated[
        SequenceDraftInput | None,
        strawberry.argument(
            description="To be judged in place of the one that is kept; null for that."
        ),
    ] = None,
) -> ValidateSequencePayload:
    workspace_id, sequence_id = info.context.workspace_id, decode_id("Sequence", id)
    if draft is None:
        issues = await versions.validate_draft(workspace_id, sequence_id)
    elif await sequences.find_sequence(workspace_id, sequence_id) is None:
        raise NotFoundError(sequences.GONE, field="id")
    else:
        (issues,) = await versions.find_issues(workspace_id, [definition_of(draft, "draft")])
    return ValidateSequencePayload(
        issues=cast("list[DefinitionIssue]", issues),
        is_publishable=all(issue.severity is not Severity.ERROR for issue in issues),
    )


async def publish_sequence(
    info: Info,
    id: SequenceId,  # noqa: A002
    revision: Annotated[
        int,
        strawberry.argument(
            description="The draft's `revision` that you have seen; another one is a `CONFLICT`."
        ),
    ],
) -> PublishSequencePayload:
    row = await versions.publish(
        info.context.workspace_id,
        decode_id("Sequence", id),
        expected_revision=revision,
        published_by=Actor.of(info.context.viewer),
        now=now(),
    )
    return PublishSequencePayload(version=cast("SequenceVersion", row))


async def activate_sequence(info: Info, id: SequenceId) -> SequencePayload:  # noqa: A002
    row = await sequences.activate(info.context.workspace_id, decode_id("Sequence", id), now())
    return SequencePayload(sequence=cast("Sequence", row))


async def pause_sequence(info: Info, id: SequenceId) -> SequencePayload:  # noqa: A002
    row = await sequences.pause(info.context.workspace_id, decode_id("Sequence", id), now())
    return SequencePayload(sequence=cast("Sequence", row))


async def archive_sequence(info: Info, id: SequenceId) -> SequencePayload:  # noqa: A002
    row = await sequences.archive(info.context.workspace_id, decode_id("Sequence", id), now())
    return SequencePayload(sequence=cast("Sequence", row))


async def enroll(
    info: Info,
    input: Annotated[EnrollInput, strawberry.argument(description="Whom to let in where.")],  # noqa: A002
) -> EnrollPayload:
    if not 1 <= len(input.subscriber_ids) <= MOST_ENROLLED:
        message = f"From 1 to {MOST_ENROLLED:,} people can be enrolled at a time."
        raise InvalidInputError(message, field="subscriberIds")
    given: dict[UUID, strawberry.ID] = {}
    strange: list[strawberry.ID] = []
    for identifier in input.subscriber_ids:
        decoded = decode_id("Subscriber", identifier)
        if decoded == NOTHING:
            strange.append(identifier)
        else:
            given[decoded] = identifier
    workspace_id = info.context.workspace_id
    found = await enrollments.enroll(
        workspace_id, decode_id("Sequence", input.sequence_id), list(given), now()
    )
    rows = await enrollments.read_enrollments(workspace_id, found.enrollment_ids)
    newest_first = sorted(rows.values(), key=lambda row: row["id"], reverse=True)
    return EnrollPayload(
        enrollments=cast("list[Enrollment]", newest_first),
        already_count=found.already_count,
        unknown_ids=[*strange, *(given[unknown] for unknown in found.unknown_ids)],
    )
