"""Verbs of activity: telling events, watching how a sequence's mail fares."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Final, cast
from uuid import UUID

import strawberry

from domain.activity import rollups, timeline
from domain.activity.events import EventResult as DomainResult
from domain.activity.events import EventStatus, NewEvent, Starts
from domain.audience.tracked import track_events as track
from domain.base.clock import now
from domain.base.errors import (
    DomainError,
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
    RequiredError,
)
from schema.activity import EventInput, EventResult, SendStats, TrackEventsPayload
from schema.base.context import Info
from schema.base.errors import user_errors
from schema.base.node import decode_id, encode_id, readable_by_id

MOST_EVENTS: Final = 1_000

SequenceId = Annotated[strawberry.ID, strawberry.argument(description="Of which sequence.")]

readable_by_id("Event", timeline.read_events)


async def track_events(
    info: Info,
    events: Annotated[
        list[EventInput], strawberry.argument(description="Up to 1,000, in any order.")
    ],
    create_subscribers: Annotated[
        bool,
        strawberry.argument(
            description="Whether an unknown address becomes a subscriber; else it is refused."
        ),
    ] = False,
    starts: Annotated[
        Starts, strawberry.argument(description="Which of the events may start sequences.")
    ] = Starts.RECENT,
) -> TrackEventsPayload:
    if len(events) > MOST_EVENTS:
        raise LimitExceededError(f"At most {MOST_EVENTS} events at a time.", field="events")
    told = [_told(given) for given in events]
    answers = iter(
        await track(
            info.context.workspace_id,
            [one for one in told if isinstance(one, NewEvent)],
            now(),
            creates_subscribers=create_subscribers,
            starts=starts,
        )
    )
    results = [
        next(answers) if isinstance(one, NewEvent) else DomainResult(EventStatus.ERROR, error=one)
        for one in told
    ]
    statuses = [one.status for one in results]
    return TrackEventsPayload(
        results=[_result(one) for one in results],
        recorded_count=statuses.count(EventStatus.RECORDED),
        duplicate_count=statuses.count(EventStatus.DUPLICATE),
        error_count=statuses.count(EventStatus.ERROR),
    )


def _told(given: EventInput) -> NewEvent | DomainError:
    properties: object = {} if given.properties is None else given.properties
    if not isinstance(properties, dict):
        return InvalidInputError("The properties must be an object.", field="properties")
    if given.subscriber_id is not None and given.email is not None:
        return InvalidInputError("Name the subscriber by id or by address.", field="email")
    subscriber: UUID | str
    if given.subscriber_id is not None:
        subscriber = decode_id("Subscriber", given.subscriber_id)
    elif given.email is not None:
        subscriber = given.email
    else:
        return RequiredError("Name the subscriber by id or by address.", field="subscriberId")
    return NewEvent(
        subscriber=subscriber,
        name=given.name,
        occurred_at=given.occurred_at,
        value=given.value,
        currency=given.currency,
        properties=properties,
        idempotency_key=given.idempotency_key,
    )


def _result(result: DomainResult) -> EventResult:
    return EventResult(
        status=result.status,
        event_id=None if result.event_id is None else encode_id("Event", result.event_id),
        error=None if result.error is None else user_errors(result.error)[0],
    )


async def send_stats(info: Info, sequence_id: SequenceId) -> SendStats:
    workspace_id, identifier = info.context.workspace_id, decode_id("Sequence", sequence_id)
    found = await rollups.read_stats([(workspace_id, identifier)])
    if identifier not in found:
        raise NotFoundError("There is no such sequence.", field="sequenceId")
    return cast("SendStats", found[identifier])


async def watch_send_stats(info: Info, sequence_id: SequenceId) -> AsyncIterator[SendStats]:
    watch = info.context.services.live.watch_stats(
        info.context.workspace_id, decode_id("Sequence", sequence_id)
    )
    async with aclosing(watch):
        async for stats in watch:
            yield cast("SendStats", stats)
