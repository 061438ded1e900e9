from enum import StrEnum

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model


class BodyFormat(StrEnum):
    MJML = "mjml"
    HTML = "html"


class Template(Model):
    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    name = fields.CharField(max_length=200)
    current_revision_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    archived_at = fields.DatetimeField(null=True)

    class Meta:
        table = "template"


class TemplateRevision(Model):
    """Never changed once written: what was mailed can always be shown again."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    template_id = fields.UUIDField()
    number = fields.IntField()
    subject = fields.TextField()
    body = fields.TextField()
    format = fields.CharEnumField(BodyFormat, max_length=10)
    text = fields.TextField(null=True)
    compiled = fields.JSONField[dict[str, object]](default=dict)
    links = ArrayField(element_type="text", default=list)
    variables = ArrayField(element_type="text", default=list)
    created_at = fields.DatetimeField()

    class Meta:
        table = "template_revision"
        unique_together = (("template_id", "workspace_id", "number"),)
