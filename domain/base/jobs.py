"""Long work: a row that states what is asked for, how far it is, and what came of it."""

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Job(Model):
    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    kind = fields.CharField(max_length=60)
    status = fields.CharEnumField(JobStatus, max_length=20)
    input = fields.JSONField[dict[str, object]](default=dict)
    progress = fields.JSONField[dict[str, object]](default=dict)
    result = fields.JSONField[dict[str, object]](null=True)
    error = fields.TextField(null=True)
    attempts = fields.IntField(default=0)
    owner = fields.UUIDField(null=True)
    lease_until = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "job"


class JobFile(Model):
    """One piece, of a megabyte at most, of a file that a job works on; gone when the job ends."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    job_id = fields.UUIDField()
    number = fields.IntField()
    content = fields.BinaryField()

    class Meta:
        table = "job_file"
