from enum import StrEnum

from tortoise import fields
from tortoise.models import Model


class SequenceStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class EnrollmentStatus(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    EXITED = "exited"


class Sequence(Model):
    """`draft` is what is being edited; people run through immutable versions only."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    name = fields.CharField(max_length=200)
    status = fields.CharEnumField(SequenceStatus, max_length=10)
    draft = fields.JSONField[dict[str, object]](default=dict)
    draft_revision = fields.IntField(default=1)
    active_version_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "sequence"


class SequenceVersion(Model):
    """Never changed once published; template revisions are pinned inside `definition`."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    sequence_id = fields.UUIDField()
    number = fields.IntField()
    definition = fields.JSONField[dict[str, object]](default=dict)
    published_at = fields.DatetimeField()
    published_by_id = fields.UUIDField(null=True)

    class Meta:
        table = "sequence_version"
        unique_together = (("sequence_id", "workspace_id", "number"),)


class Enrollment(Model):
    """One person's run through one version. `due_at` is the only timer there is."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    sequence_id = fields.UUIDField()
    version_id = fields.UUIDField()
    subscriber_id = fields.UUIDField()
    run = fields.IntField(default=1)
    status = fields.CharEnumField(EnrollmentStatus, max_length=10)
    reason = fields.CharField(max_length=60, null=True)
    step_key = fields.CharField(max_length=64, null=True)
    visit = fields.IntField(default=0)
    due_at = fields.DatetimeField(null=True)
    trigger = fields.JSONField[dict[str, object]](default=dict)
    enrolled_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "enrollment"
        unique_together = (("sequence_id", "subscriber_id", "workspace_id", "run"),)


class Decision(Model):
    """Why the engine did what it did at one step visit; partitioned by month on id."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    enrollment_id = fields.UUIDField()
    visit = fields.IntField()
    step_key = fields.CharField(max_length=64)
    code = fields.CharField(max_length=40)
    details = fields.JSONField[dict[str, object]](default=dict)
    decided_at = fields.DatetimeField()

    class Meta:
        table = "decision"
