"""Messages: what was, is, or will be mailed to whom, and why."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, cast
from uuid import UUID

import strawberry

from domain.audience.subscribers import read_subscribers
from domain.base import clock
from domain.base.database import Record
from domain.delivery import reading
from domain.delivery.explanation import MessageExplanation as Explanation
from domain.delivery.explanation import explain_message
from domain.delivery.models import MessageStatus
from schema.activity import Event, events_of_messages
from schema.base.batch import batch_field
from schema.base.connections import After, Connection, First, connection, page_request
from schema.base.context import Info
from schema.base.enums import described_enum
from schema.base.node import Node, encode_id

if TYPE_CHECKING:
    from schema.audience import Subscriber

described_enum(
    MessageStatus,
    name="MessageStatus",
    description="`QUEUED` and `SENDING` are on the way, the other four are final.",
    values={
        MessageStatus.QUEUED: "Waits to be sent.",
        MessageStatus.SENDING: "A worker is sending it.",
        MessageStatus.SENT: "The next mail server has taken it.",
        MessageStatus.SKIPPED: "Not sent: `reason` says why.",
        MessageStatus.FAILED: "Refused, or given up: `reason` says why.",
        MessageStatus.UNKNOWN: "Perhaps sent: the server's reply was lost.",
    },
)


OfStatus = Annotated[
    MessageStatus | None,
    strawberry.argument(description="Only those of this status; null for all."),
]


@strawberry.type(description="Why a message is where it is.")
class MessageExplanation:
    code: str = strawberry.field(description="For programs: the reason, or what it waits for.")
    text: str = strawberry.field(description="For people.")
    until: datetime | None = strawberry.field(description="When the wait ends, UTC.")


async def explain(parents: Sequence[Record], info: Info) -> list[MessageExplanation]:
    held = await reading.read_held(
        info.context.workspace_id, [row["sequence_id"] for row in parents]
    )
    now = clock.now()
    return [cast("MessageExplanation", _explained(row, held, now)) for row in parents]


def _explained(row: Record, held: set[UUID], now: datetime) -> Explanation:
    return explain_message(
        status=MessageStatus(row["status"]),
        reason=row["reason"],
        send_after=row["send_after"],
        attempts=row["attempts"],
        is_held=row["sequence_id"] in held,
        now=now,
    )


async def subscriber_of_messages(
    parents: Sequence[Record], info: Info
) -> list[Annotated["Subscriber", strawberry.lazy("schema.audience")]]:
    found = await read_subscribers(
        info.context.workspace_id, [row["subscriber_id"] for row in parents]
    )
    return cast("list[Subscriber]", [found[row["subscriber_id"]] for row in parents])


@strawberry.type(description="One mail to one subscriber: made once for each visit of a step.")
class Message(Node):
    status: MessageStatus = strawberry.field(description="Where it is.")
    reason: str | None = strawberry.field(description="Why it is there, a stable code.")
    step_key: str = strawberry.field(description="The step that asked for it.")
    visit: int = strawberry.field(description="Which visit of a step of the enrollment, from 1.")
    attempts: int = strawberry.field(description="How often it was tried to send it.")
    provider_reply: str | None = strawberry.field(description="The mail server's last words.")
    send_after: datetime = strawberry.field(description="Not sent before this, UTC.")
    deadline_at: datetime | None = strawberry.field(description="Not sent after this, UTC.")
    queued_at: datetime = strawberry.field(description="When it came into being, UTC.")
    sent_at: datetime | None = strawberry.field(description="When the mail server took it.")
    delivered_at: datetime | None = strawberry.field(description="When delivery was reported.")
    bounced_at: datetime | None = strawberry.field(description="When it was reported to bounce.")
    failed_at: datetime | None = strawberry.field(description="When it was given up.")
    skipped_at: datetime | None = strawberry.field(description="When it was skipped.")
    opened_at: datetime | None = strawberry.field(description="When a person first opened it.")
    machine_opened_at: datetime | None = strawberry.field(
        description="When a machine first fetched its pictures."
    )
    clicked_at: datetime | None = strawberry.field(description="When a person first clicked.")
    unsubscribed_at: datetime | None = strawberry.field(
        description="When the subscriber unsubscribed by it."
    )

    @strawberry.field(description="The subscriber's id, for clients that need no more.")
    def subscriber_id(self) -> strawberry.ID:
        return encode_id("Subscriber", cast("Record", self)["subscriber_id"])

    subscriber: Annotated["Subscriber", strawberry.lazy("schema.audience")] = batch_field(
        subscriber_of_messages, description="Whom it is for."
    )
    explain: MessageExplanation = batch_field(
        explain, description="Why it was sent, skipped, or waits, and until when."
    )
    events: list[Event] = batch_field(
        events_of_messages, description="What the subscriber did with it, oldest first."
    )


async def messages_of_sequences(
    parents: Sequence[Record],
    info: Info,
    first: First = 20,
    after: After = None,
    status: OfStatus = None,
) -> list[Connection[Message]]:
    """The edge `Sequence.messages`."""
    pages = await reading.read_messages_of_sequences(
        info.context.workspace_id,
        [row["id"] for row in parents],
        page_request(first, after),
        status,
    )
    return [connection(pages[row["id"]]) for row in parents]


async def messages_of_enrollments(
    parents: Sequence[Record],
    info: Info,
    first: First = 20,
    after: After = None,
    status: OfStatus = None,
) -> list[Connection[Message]]:
    """The edge `Enrollment.messages`."""
    pages = await reading.read_messages_of_enrollments(
        info.context.workspace_id,
        [row["id"] for row in parents],
        page_request(first, after),
        status,
    )
    return [connection(pages[row["id"]]) for row in parents]


async def messages_of_subscribers(
    parents: Sequence[Record],
    info: Info,
    first: First = 20,
    after: After = None,
    status: OfStatus = None,
) -> list[Connection[Message]]:
    """The edge `Subscriber.messages`."""
    pages = await reading.read_messages_of_subscribers(
        info.context.workspace_id,
        [row["id"] for row in parents],
        page_request(first, after),
        status,
    )
    return [connection(pages[row["id"]]) for row in parents]
