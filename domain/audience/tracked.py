"""Events told of people by their address, who may have to be made first."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.activity.events import (
    EventResult,
    EventStatus,
    NewEvent,
    Starts,
    problem_of,
    record_events,
)
from domain.audience.addresses import normalise_email
from domain.audience.upserts import Person, upsert_people
from domain.base.errors import DomainError


async def track_events(
    workspace_id: UUID,
    events: Sequence[NewEvent],
    now: datetime,
    *,
    creates_subscribers: bool = False,
    starts: Starts = Starts.RECENT,
    source: str = "api",
) -> list[EventResult]:
    """Record events whose subscribers are named by id or by an address in any spelling.

    With `creates_subscribers` an unknown address becomes a subscriber, for events that are
    otherwise right. One result for each event, in their order.
    """
    settled = [_with_kept_address(event) for event in events]
    sound = [event for event in settled if isinstance(event, NewEvent)]
    if creates_subscribers:
        emails = {
            event.subscriber
            for event in sound
            if isinstance(event.subscriber, str) and problem_of(event, now) is None
        }
        await upsert_people(workspace_id, [Person(email) for email in emails], now)
    results = iter(await record_events(workspace_id, sound, now, source=source, starts=starts))
    return [
        next(results)
        if isinstance(event, NewEvent)
        else EventResult(EventStatus.ERROR, error=event)
        for event in settled
    ]


def _with_kept_address(event: NewEvent) -> NewEvent | DomainError:
    if isinstance(event.subscriber, UUID):
        return event
    try:
        return replace(event, subscriber=normalise_email(event.subscriber))
    except DomainError as error:
        error.field = "email"
        return error
