from enum import StrEnum

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model


class Role(StrEnum):
    """What a member may do; each role may do all that those after it may."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


class UnknownPolicy(StrEnum):
    """What becomes of a message of which nobody can know whether the server took it."""

    HOLD = "hold"
    RESEND = "resend"


class Workspace(Model):
    id = fields.UUIDField(primary_key=True)
    name = fields.CharField(max_length=200)
    from_name = fields.CharField(max_length=200, null=True)
    from_email = fields.CharField(max_length=320, null=True)
    on_unknown = fields.CharEnumField(UnknownPolicy, max_length=10, default=UnknownPolicy.HOLD)
    is_demo = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()

    class Meta:
        table = "workspace"


class User(Model):
    id = fields.UUIDField(primary_key=True)
    email = fields.CharField(max_length=320, unique=True)
    name = fields.CharField(max_length=200)
    password_hash = fields.TextField()
    created_at = fields.DatetimeField()

    class Meta:
        # `user` is a reserved word of SQL.
        table = "account"


class Membership(Model):
    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    user_id = fields.UUIDField()
    role = fields.CharEnumField(Role, max_length=10)
    created_at = fields.DatetimeField()

    class Meta:
        table = "membership"
        unique_together = (("workspace_id", "user_id"),)


class RefreshToken(Model):
    """One link of a sign-in's chain: used once, then replaced; use twice ends the chain."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    user_id = fields.UUIDField()
    family_id = fields.UUIDField()
    token_hash = fields.BinaryField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "refresh_token"


class ApiKey(Model):
    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    name = fields.CharField(max_length=200)
    prefix = fields.CharField(max_length=16)
    secret_hash = fields.BinaryField()
    scopes = ArrayField(element_type="text", default=list)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "api_key"


class AuditEntry(Model):
    """A link of a workspace's audit log; never changed."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    number = fields.BigIntField()
    action = fields.CharField(max_length=40)
    actor_user_id = fields.UUIDField(null=True)
    actor_api_key_id = fields.UUIDField(null=True)
    target_type = fields.CharField(max_length=40)
    target_id = fields.UUIDField()
    details = fields.JSONField[dict[str, object]](default=dict)
    at = fields.DatetimeField()
    previous_hash = fields.BinaryField()
    hash = fields.BinaryField()

    class Meta:
        table = "audit_entry"
        unique_together = (("workspace_id", "number"),)


class AuditChain(Model):
    """The head of a workspace's audit log; its id is the workspace's."""

    id = fields.UUIDField(primary_key=True)
    workspace_id = fields.UUIDField()
    entries = fields.BigIntField()
    hash = fields.BinaryField()

    class Meta:
        table = "audit_chain"
