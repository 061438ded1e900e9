from enum import StrEnum

from tortoise import fields
from tortoise.models import Model


class MessageStatus(StrEnum):
    """`queued` and `sending` are on the way; the other four are final."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Message(Model):
    """The queue of record; partitioned by month on id.

    `id` is `fact_id(due time of the visit, enrollment, visit)`, so that a step visit can make one
    message only. There is one timestamp per fact; each is set once.
    """

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    subscriber_id = fields.UUIDField()
    enrollment_id = fields.UUIDField(null=True)
    sequence_id = fields.UUIDField(null=True)
    version_id = fields.UUIDField(null=True)
    step_key = fields.CharField(max_length=64)
    visit = fields.IntField()
    revision_id = fields.UUIDField()
    status = fields.CharEnumField(MessageStatus, max_length=10)
    reason = fields.CharField(max_length=60, null=True)
    attempts = fields.IntField(default=0)
    owner = fields.UUIDField(null=True)
    lease_until = fields.DatetimeField(null=True)
    send_after = fields.DatetimeField()
    deadline_at = fields.DatetimeField(null=True)
    provider_reply = fields.TextField(null=True)
    queued_at = fields.DatetimeField()
    sent_at = fields.DatetimeField(null=True)
    delivered_at = fields.DatetimeField(null=True)
    bounced_at = fields.DatetimeField(null=True)
    failed_at = fields.DatetimeField(null=True)
    skipped_at = fields.DatetimeField(null=True)
    opened_at = fields.DatetimeField(null=True)
    machine_opened_at = fields.DatetimeField(null=True)
    clicked_at = fields.DatetimeField(null=True)
    unsubscribed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "message"


class DeliveryHold(Model):
    """While it stands, queued messages of this source (a sequence) stay queued."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    source_id = fields.UUIDField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "delivery_hold"
        unique_together = (("workspace_id", "source_id"),)
