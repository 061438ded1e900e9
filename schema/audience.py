"""People, and the addresses that are not mailed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import orjson
import strawberry
from strawberry.scalars import JSON

from domain.audience.attribute_types import AttributeType
from domain.audience.columns import Target
from domain.audience.models import SubscriberStatus, SuppressionReason
from domain.audience.suppressions import read_suppressions_of
from domain.base.database import Record
from schema.activity import Event, events_of_subscribers
from schema.base.batch import batch_field
from schema.base.connections import Connection
from schema.base.context import Info
from schema.base.enums import described_enum
from schema.base.errors import Payload
from schema.base.node import Node
from schema.base.rows import pure
from schema.delivery import Message, messages_of_subscribers
from schema.jobs import Job
from schema.sequences.types import Enrollment, enrollments_of_subscribers

described_enum(
    SubscriberStatus,
    name="SubscriberStatus",
    description="Only `SUBSCRIBED` people are mailed, and only while their address is not"
    " suppressed.",
    values={
        SubscriberStatus.SUBSCRIBED: "May be mailed.",
        SubscriberStatus.UNSUBSCRIBED: "Asked for no more mail.",
        SubscriberStatus.BOUNCED: "Their address was reported dead.",
        SubscriberStatus.COMPLAINED: "They reported our mail as spam.",
    },
)
described_enum(
    SuppressionReason,
    name="SuppressionReason",
    description="Why an address is not mailed.",
    values={
        SuppressionReason.UNSUBSCRIBED: "They unsubscribed.",
        SuppressionReason.HARD_BOUNCE: "It was reported dead.",
        SuppressionReason.COMPLAINT: "A complaint about spam was reported.",
        SuppressionReason.MANUAL: "By `suppressAddress`.",
    },
)
described_enum(
    AttributeType,
    name="AttributeType",
    description="Dates are kept as `2024-02-29`, times as `2024-02-29T12:00:00Z`.",
    values={
        AttributeType.INTEGER: "A whole number.",
        AttributeType.NUMBER: "A number with decimals.",
        AttributeType.BOOLEAN: "True or false.",
        AttributeType.DATE: "A day, kept as `2024-02-29`.",
        AttributeType.DATETIME: "A time, kept in UTC as `2024-02-29T12:00:00Z`.",
        AttributeType.TEXT: "Any text.",
    },
)
described_enum(
    Target,
    name="ColumnTarget",
    description="Where the values of a column go. `NAME`, `OCCURRED_AT`, `VALUE`, `CURRENCY` and"
    " `KEY` are of files of events only.",
    values={
        Target.EMAIL: "The e-mail address; needed in every file.",
        Target.FIRST_NAME: "Their given name.",
        Target.LAST_NAME: "Their family name.",
        Target.TIMEZONE: "The IANA time zone.",
        Target.LOCALE: "The language tag.",
        Target.TAGS: "Tags, with `,`, `;` or `|` between them.",
        Target.CREATED_AT: "Since when the person is known.",
        Target.ATTRIBUTE: "An attribute; in files of events, a property.",
        Target.IGNORE: "Nowhere.",
        Target.NAME: "The event's name.",
        Target.OCCURRED_AT: "When the event happened.",
        Target.VALUE: "The event's value.",
        Target.CURRENCY: "The value's currency, ISO 4217.",
        Target.KEY: "The event's idempotency key.",
    },
)


@strawberry.type(description="An address that is not mailed, whether or not a subscriber has it.")
class Suppression(Node):
    email: str = strawberry.field(description="In small letters, its domain in ASCII.")
    reason: SuppressionReason = strawberry.field(description="Why it is not mailed.")
    created_at: datetime = strawberry.field(description="Since when, UTC.")


async def suppression_of(parents: Sequence[Record], info: Info) -> list[Suppression | None]:
    found = await read_suppressions_of(info.context.workspace_id, [row["email"] for row in parents])
    return [cast("Suppression | None", found.get(row["email"])) for row in parents]


@strawberry.type(description="A person who gets mail of this workspace, or once did.")
class Subscriber(Node):
    email: str = strawberry.field(description="In small letters, its domain in ASCII.")
    status: SubscriberStatus = strawberry.field(description="Whether they may be mailed.")
    first_name: str | None = strawberry.field(description="Their given name, up to 200 characters.")
    last_name: str | None = strawberry.field(description="Their family name, up to 200 characters.")
    timezone: str | None = strawberry.field(description="IANA name, such as `Europe/Berlin`.")
    locale: str | None = strawberry.field(description="Language tag, such as `pt-BR`.")
    tags: list[str] = strawberry.field(description="In the order they were given.")
    created_at: datetime = strawberry.field(description="Since when they are known, UTC.")
    updated_at: datetime = strawberry.field(description="When any of this last changed, UTC.")
    unsubscribed_at: datetime | None = strawberry.field(description="When they unsubscribed, UTC.")

    @strawberry.field(description="All else that is known: texts, numbers and truth values.")
    @pure
    def attributes(self: Any) -> JSON:
        text: Any = orjson.Fragment(self["attributes"])
        return cast("JSON", text)

    suppression: Suppression | None = batch_field(
        suppression_of, description="Why their address is not mailed; null when it is."
    )
    events: Connection[Event] = batch_field(
        events_of_subscribers, description="What they did, newest first."
    )
    messages: Connection[Message] = batch_field(
        messages_of_subscribers, description="What they were or will be mailed, newest first."
    )
    enrollments: Connection[Enrollment] = batch_field(
        enrollments_of_subscribers, description="The sequences they are or were in, newest first."
    )


@strawberry.input(description="Who is wanted: all that is given must hold.")
class SubscriberFilterInput:
    status: SubscriberStatus | None = strawberry.field(default=None, description="Of this status.")
    tag: str | None = strawberry.field(default=None, description="With this tag.")
    email_prefix: str | None = strawberry.field(
        default=None,
        description="Whose address begins like this, whatever the case of its letters.",
    )


@strawberry.input(description="A new subscriber.")
class CreateSubscriberInput:
    email: str = strawberry.field(description="In any spelling.")
    first_name: str | None = strawberry.field(default=None, description="Up to 200 characters.")
    last_name: str | None = strawberry.field(default=None, description="Up to 200 characters.")
    timezone: str | None = strawberry.field(
        default=None, description="IANA name, such as `Europe/Berlin`."
    )
    locale: str | None = strawberry.field(
        default=None, description="Language tag, such as `pt-BR`."
    )
    tags: list[str] = strawberry.field(
        default_factory=list, description="Up to 100 of up to 100 characters."
    )
    attributes: JSON | None = strawberry.field(
        default=None, description="An object of texts, numbers and truth values."
    )


@strawberry.input(description="What is to change; what is left out stays, null empties.")
class UpdateSubscriberInput:
    email: str | None = strawberry.field(
        default=strawberry.UNSET, description="Their new address, in any spelling."
    )
    first_name: str | None = strawberry.field(
        default=strawberry.UNSET, description="Up to 200 characters."
    )
    last_name: str | None = strawberry.field(
        default=strawberry.UNSET, description="Up to 200 characters."
    )
    timezone: str | None = strawberry.field(
        default=strawberry.UNSET, description="IANA name, such as `Europe/Berlin`."
    )
    locale: str | None = strawberry.field(
        default=strawberry.UNSET, description="Language tag, such as `pt-BR`."
    )
    attributes: JSON | None = strawberry.field(
        default=strawberry.UNSET,
        description="Merged with those there are; an attribute given as null is taken away.",
    )


@strawberry.type(description="Answer of mutations about one subscriber.")
class SubscriberPayload(Payload):
    subscriber: Subscriber | None = strawberry.field(default=None, description="Null on errors.")


@strawberry.type(description="Answer of `addTags` and `removeTags`.")
class SubscribersPayload(Payload):
    subscribers: list[Subscriber] = strawberry.field(
        default_factory=list, description="Those of the ids that are there, in their order."
    )


@strawberry.type(description="Answer of `suppressAddress`.")
class SuppressAddressPayload(Payload):
    suppression: Suppression | None = strawberry.field(default=None, description="Null on errors.")


@strawberry.type(description="Answer of `unsuppressAddress`.")
class UnsuppressAddressPayload(Payload):
    email: str | None = strawberry.field(default=None, description="The address; null on errors.")


@strawberry.input(description="What the column with this header is.")
class ColumnMappingInput:
    column: str = strawberry.field(description="The header, as it stands in the file.")
    target: Target = strawberry.field(description="Where its values go.")
    key: str | None = strawberry.field(
        default=None,
        description="For `ATTRIBUTE`: the attribute's or property's name; null for the header's.",
    )
    type: AttributeType | None = strawberry.field(
        default=None,
        description="For `ATTRIBUTE`: the type, strictly; null to detect it, leniently.",
    )


@strawberry.type(description="Answer of `importSubscribers` and `importEvents`.")
class ImportPayload(Payload):
    job: Job | None = strawberry.field(
        default=None, description="The import, to be watched by `jobProgress`; null on errors."
    )
