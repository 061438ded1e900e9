from enum import StrEnum

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model


class SubscriberStatus(StrEnum):
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class SuppressionReason(StrEnum):
    UNSUBSCRIBED = "unsubscribed"
    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"


class Subscriber(Model):
    """`email` is kept case-folded with its domain in ASCII (IDNA), unique in the workspace."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    email = fields.CharField(max_length=320)
    status = fields.CharEnumField(SubscriberStatus, max_length=20)
    first_name = fields.CharField(max_length=200, null=True)
    last_name = fields.CharField(max_length=200, null=True)
    timezone = fields.CharField(max_length=64, null=True)
    locale = fields.CharField(max_length=35, null=True)
    attributes = fields.JSONField[dict[str, object]](default=dict)
    tags = ArrayField(element_type="text", default=list)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    unsubscribed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "subscriber"
        unique_together = (("workspace_id", "email"),)


class Suppression(Model):
    """An address that is not mailed, whether or not a subscriber has it."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    email = fields.CharField(max_length=320)
    reason = fields.CharEnumField(SuppressionReason, max_length=20)
    created_at = fields.DatetimeField()

    class Meta:
        table = "suppression"
        unique_together = (("workspace_id", "email"),)
