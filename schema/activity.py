"""What subscribers did, and how a sequence's mail fares."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import cast
from uuid import UUID

import orjson
import strawberry
from strawberry.scalars import JSON

from domain.activity import rollups, timeline
from domain.activity.events import EventStatus, Starts
from domain.activity.models import Actor, EventKind
from domain.base.database import Record
from ml.intervals import wilson_interval
from schema.base.connections import After, Connection, First, connection, page_request
from schema.base.context import Info
from schema.base.enums import described_enum
from schema.base.errors import Payload, UserError
from schema.base.node import Node, encode_id

described_enum(
    EventKind,
    name="EventKind",
    description="Where a fact about a subscriber comes from.",
    values={
        EventKind.CUSTOM: "Told by `trackEvents` or an import.",
        EventKind.SUBSCRIBED: "They subscribed, or were added.",
        EventKind.TAG_ADDED: "A tag that they did not have was added.",
        EventKind.OPENED: "A mail's pictures were fetched.",
        EventKind.CLICKED: "A link in a mail was followed.",
        EventKind.UNSUBSCRIBED: "They unsubscribed.",
        EventKind.DELIVERED: "The provider reported delivery.",
        EventKind.BOUNCED: "The provider, or the mail server, reported the address dead.",
        EventKind.COMPLAINED: "The provider reported a complaint about spam.",
    },
)
described_enum(
    Actor,
    name="Actor",
    description="Who did it, as far as the request told: a person, an image proxy that may act"
    " unasked, or a scanner.",
    values={
        Actor.HUMAN: "A person, as far as can be told.",
        Actor.PROXY: "An image proxy, which may fetch unasked.",
        Actor.SCANNER: "A program that looks for harmful links.",
    },
)
described_enum(
    EventStatus,
    name="EventStatus",
    description="What became of one event that was told.",
    values={
        EventStatus.RECORDED: "New, and recorded.",
        EventStatus.DUPLICATE: "Known already: nothing was done.",
        EventStatus.ERROR: "Refused: `error` says why.",
    },
)
described_enum(
    Starts,
    name="Starts",
    description="Which new events may start sequences that listen: none, those of the last day,"
    " or all.",
    values={
        Starts.NONE: "No event starts a sequence.",
        Starts.RECENT: "Events of the last 24 hours do.",
        Starts.ALL: "Every new event does, however old.",
    },
)


@strawberry.type(description="One fact about one subscriber.")
class Event(Node):
    kind: EventKind = strawberry.field(description="Where the fact comes from.")
    name: str = strawberry.field(description="The caller's word for custom events, else the kind.")
    value: Decimal | None = strawberry.field(
        description="Such as the amount of an order, in `currency`; at most 4 decimals."
    )
    currency: str | None = strawberry.field(description="The value's currency, ISO 4217.")
    occurred_at: datetime = strawberry.field(description="When it happened, UTC.")
    recorded_at: datetime = strawberry.field(description="When we were told, UTC.")
    actor: Actor = strawberry.field(description="Whether a person did it.")

    @strawberry.field(description="Whatever else was told.")
    def properties(self) -> JSON:
        row = cast("Record", self)
        return cast("JSON", orjson.loads(row["properties"]))

    @strawberry.field(description="Whom it is about.")
    def subscriber_id(self) -> strawberry.ID:
        return encode_id("Subscriber", cast("Record", self)["subscriber_id"])

    @strawberry.field(description="The message that was opened, clicked and so on.")
    def message_id(self) -> strawberry.ID | None:
        message_id: UUID | None = cast("Record", self)["message_id"]
        return None if message_id is None else encode_id("Message", message_id)


async def events_of_subscribers(
    parents: Sequence[Record], info: Info, first: First = 20, after: After = None
) -> list[Connection[Event]]:
    """The edge `Subscriber.events`."""
    pages = await timeline.read_events_of_subscribers(
        info.context.workspace_id, [row["id"] for row in parents], page_request(first, after)
    )
    return [connection(pages[row["id"]]) for row in parents]


async def events_of_messages(parents: Sequence[Record], info: Info) -> list[list[Event]]:
    """The edge `Message.events`; the parents have `id` and `subscriber_id`."""
    events = await timeline.read_events_of_messages(
        info.context.workspace_id,
        [row["id"] for row in parents],
        [row["subscriber_id"] for row in parents],
    )
    return [cast("list[Event]", events[row["id"]]) for row in parents]


@strawberry.input(description="One fact about one subscriber, named by `subscriberId` or `email`.")
class EventInput:
    name: str = strawberry.field(
        description="1 to 100 letters, digits, blanks and `_ . : / -`, such as `order placed`."
    )
    subscriber_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whom it is about."
    )
    email: str | None = strawberry.field(
        default=None, description="Whom it is about; any spelling of the address."
    )
    occurred_at: datetime | None = strawberry.field(
        default=None, description="With its offset; null for now. From 1990 to tomorrow."
    )
    value: Decimal | None = strawberry.field(
        default=None, description="A number with at most 4 decimals."
    )
    currency: str | None = strawberry.field(
        default=None, description="Three letters, such as `EUR` (ISO 4217)."
    )
    properties: JSON | None = strawberry.field(
        default=None, description="An object of at most 32 KiB, nested at most 8 deep."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 200 printable characters. Telling an event again with the same key and"
        " `occurredAt` does nothing.",
    )


@strawberry.type(description="What became of one event.")
class EventResult:
    status: EventStatus = strawberry.field(description="Recorded, known already, or refused.")
    event_id: strawberry.ID | None = strawberry.field(description="Null on an error.")
    error: UserError | None = strawberry.field(description="What is wrong with this event.")


@strawberry.type(description="Answer of `trackEvents`.")
class TrackEventsPayload(Payload):
    results: list[EventResult] = strawberry.field(
        default_factory=list, description="One for each event, in their order."
    )
    recorded_count: int = strawberry.field(default=0, description="How many are new.")
    duplicate_count: int = strawberry.field(default=0, description="How many were known already.")
    error_count: int = strawberry.field(default=0, description="How many were refused.")


@strawberry.type(description="A share of messages with its 95 % interval (Wilson's score).")
class Rate:
    value: float = strawberry.field(description="From 0 to 1.")
    low: float = strawberry.field(description="Lower end of the interval, from 0 to 1.")
    high: float = strawberry.field(description="Upper end of the interval, from 0 to 1.")


def _rate(successes: int, trials: int) -> Rate | None:
    if trials == 0:
        return None
    # An unsubscription or a click may be counted whose sending is not, being in doubt.
    counted = min(successes, trials)
    low, high = wilson_interval([counted], [trials])
    return Rate(value=counted / trials, low=float(low[0]), high=float(high[0]))


@strawberry.type(description="All messages of a sequence so far; each is counted once a column.")
class SendStats:
    queued: int = strawberry.field(description="Put into the queue, whatever became of them.")
    sent: int = strawberry.field(description="Taken by the next mail server.")
    skipped: int = strawberry.field(description="Not sent, for a recorded reason.")
    failed: int = strawberry.field(description="Refused, or given up.")
    unknown: int = strawberry.field(description="Perhaps sent: the server's reply was lost.")
    delivered: int | None = strawberry.field(
        description="Delivered as reported; null while no provider reports it."
    )
    bounced: int = strawberry.field(description="Whose address was reported dead.")
    opened: int = strawberry.field(description="Opened by a person, as far as can be told.")
    machine_opened: int = strawberry.field(description="Whose pictures a machine has fetched.")
    clicked: int = strawberry.field(description="In which a person followed a link.")
    unsubscribed: int = strawberry.field(description="By which a person unsubscribed.")
    sent_per_second: float = strawberry.field(
        description="Messages sent a second, a mean over the last 10 seconds."
    )
    as_of: datetime = strawberry.field(description="When these numbers were read, UTC.")

    @strawberry.field(description="Opened of sent; null before anything is sent.")
    def open_rate(self) -> Rate | None:
        return _rate(self.opened, self.sent)

    @strawberry.field(description="Clicked of sent; null before anything is sent.")
    def click_rate(self) -> Rate | None:
        return _rate(self.clicked, self.sent)


async def stats_of_sequences(parents: Sequence[Record], info: Info) -> list[SendStats]:
    """The edge `Sequence.stats`."""
    found = await rollups.read_stats([(info.context.workspace_id, row["id"]) for row in parents])
    return cast("list[SendStats]", [found[row["id"]] for row in parents])
