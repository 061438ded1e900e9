from enum import StrEnum

from tortoise import fields
from tortoise.models import Model


class EventKind(StrEnum):
    """Where a fact about a subscriber comes from."""

    CUSTOM = "custom"
    SUBSCRIBED = "subscribed"
    TAG_ADDED = "tag_added"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Actor(StrEnum):
    HUMAN = "human"
    PROXY = "proxy"
    SCANNER = "scanner"


class Event(Model):
    """Partitioned by month on id. `name` is the caller's word for custom events, else the kind."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    subscriber_id = fields.UUIDField()
    message_id = fields.UUIDField(null=True)
    kind = fields.CharEnumField(EventKind, max_length=20)
    name = fields.CharField(max_length=100)
    value = fields.DecimalField(max_digits=18, decimal_places=4, null=True)
    currency = fields.CharField(max_length=3, null=True)
    properties = fields.JSONField[dict[str, object]](default=dict)
    occurred_at = fields.DatetimeField()
    recorded_at = fields.DatetimeField()
    actor = fields.CharEnumField(Actor, max_length=10, default=Actor.HUMAN)

    class Meta:
        table = "event"


class MessageRollup(Model):
    """Messages of one step by the hour in which each fact was recorded.

    Kept in the transaction that records the fact, so that sums over it are exact. `id` is
    `fact_id(hour, sequence, step)`.
    """

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    sequence_id = fields.UUIDField()
    step_key = fields.CharField(max_length=64)
    hour = fields.DatetimeField()
    queued = fields.BigIntField(default=0)
    sent = fields.BigIntField(default=0)
    skipped = fields.BigIntField(default=0)
    failed = fields.BigIntField(default=0)
    unknown = fields.BigIntField(default=0)
    delivered = fields.BigIntField(default=0)
    bounced = fields.BigIntField(default=0)
    opened = fields.BigIntField(default=0)
    machine_opened = fields.BigIntField(default=0)
    clicked = fields.BigIntField(default=0)
    unsubscribed = fields.BigIntField(default=0)

    class Meta:
        table = "message_rollup"


class Listener(Model):
    """A sequence that wants to hear of a kind of fact, by its key (a tag, an event's name)."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    sequence_id = fields.UUIDField()
    kind = fields.CharEnumField(EventKind, max_length=20)
    key = fields.CharField(max_length=100, default="")
    created_at = fields.DatetimeField()

    class Meta:
        table = "listener"
        unique_together = (("workspace_id", "kind", "key", "sequence_id"),)


class Signal(Model):
    """A fact on its way to a sequence that listens; written with the fact, deleted when heard."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    sequence_id = fields.UUIDField()
    subscriber_id = fields.UUIDField()
    kind = fields.CharEnumField(EventKind, max_length=20)
    key = fields.CharField(max_length=100, default="")
    properties = fields.JSONField[dict[str, object]](default=dict)
    occurred_at = fields.DatetimeField()

    class Meta:
        table = "signal"
