from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops

from domain.activity.models import Actor, EventKind
from domain.audience.models import SubscriberStatus, SuppressionReason
from domain.base.jobs import JobStatus
from domain.base.migrations import CreatePartitionedTable, CreateTable
from domain.content.models import BodyFormat
from domain.delivery.models import MessageStatus
from domain.identity.models import Role, UnknownPolicy
from domain.sequences.models import EnrollmentStatus, SequenceStatus


class Migration(migrations.Migration):
    initial = True

    operations = [
        CreateTable(
            name="ApiKey",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("name", fields.CharField(max_length=200)),
                ("prefix", fields.CharField(max_length=16)),
                ("secret_hash", fields.BinaryField()),
                ("scopes", ArrayField(default=list, element_type="TEXT")),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "api_key", "app": "dripgraph", "pk_attr": "id"},
            bases=["Model"],
        ),
        CreatePartitionedTable(
            name="Decision",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("enrollment_id", fields.UUIDField()),
                ("visit", fields.IntField()),
                ("step_key", fields.CharField(max_length=64)),
                ("code", fields.CharField(max_length=40)),
                ("details", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("decided_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "decision",
                "app": "dripgraph",
                "pk_attr": "id",
                "table_description": "Why the engine did what it did at one step visit; partitioned by month on id.",
            },
            bases=["Model"],
        ),
        CreateTable(
            name="DeliveryHold",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("source_id", fields.UUIDField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "delivery_hold",
                "app": "dripgraph",
                "unique_together": (("workspace_id", "source_id"),),
                "pk_attr": "id",
                "table_description": "While it stands, queued messages of this source (a sequence) stay queued.",
            },
            bases=["Model"],
        ),
        CreateTable(
            name="Enrollment",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("sequence_id", fields.UUIDField()),
                ("version_id", fields.UUIDField()),
                ("subscriber_id", fields.UUIDField()),
                ("run", fields.IntField(default=1)),
                (
                    "status",
                    fields.CharEnumField(
                        description="ACTIVE: active\nCOMPLETED: completed\nEXITED: exited",
                        enum_type=EnrollmentStatus,
                        max_length=10,
                    ),
                ),
                ("reason", fields.CharField(null=True, max_length=60)),
                ("step_key", fields.CharField(null=True, max_length=64)),
                ("visit", fields.IntField(default=0)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("trigger", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("enrolled_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "finished_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "enrollment",
                "app": "dripgraph",
                "unique_together": (("sequence_id", "subscriber_id", "workspace_id", "run"),),
                "pk_attr": "id",
                "table_description": "One person's run through one version. `due_at` is the only timer there is.",
            },
            bases=["Model"],
        ),
        CreatePartitionedTable(
            name="Event",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("subscriber_id", fields.UUIDField()),
                ("message_id", fields.UUIDField(null=True)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="CUSTOM: custom\nSUBSCRIBED: subscribed\nTAG_ADDED: tag_added\nOPENED: opened\nCLICKED: clicked\nUNSUBSCRIBED: unsubscribed\nDELIVERED: delivered\nBOUNCED: bounced\nCOMPLAINED: complained",
                        enum_type=EventKind,
                        max_length=20,
                    ),
                ),
                ("name", fields.CharField(max_length=100)),
                ("value", fields.DecimalField(null=True, max_digits=18, decimal_places=4)),
                ("currency", fields.CharField(null=True, max_length=3)),
                ("properties", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("recorded_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "actor",
                    fields.CharEnumField(
                        default=Actor.HUMAN,
                        description="HUMAN: human\nPROXY: proxy\nSCANNER: scanner",
                        enum_type=Actor,
                        max_length=10,
                    ),
                ),
            ],
            options={
                "table": "event",
                "app": "dripgraph",
                "pk_attr": "id",
                "table_description": "Partitioned by month on id. `name` is the caller's word for custom events, else the kind.",
            },
            bases=["Model"],
        ),
        CreateTable(
            name="Job",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("kind", fields.CharField(max_length=60)),
                (
                    "status",
                    fields.CharEnumField(
                        description="QUEUED: queued\nRUNNING: running\nSUCCEEDED: succeeded\nFAILED: failed",
                        enum_type=JobStatus,
                        max_length=20,
                    ),
                ),
                ("input", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("progress", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("result", fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ("error", fields.TextField(null=True, unique=False)),
                ("attempts", fields.IntField(default=0)),
                ("owner", fields.UUIDField(null=True)),
                (
                    "lease_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("started_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "finished_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={"table": "job", "app": "dripgraph", "pk_attr": "id"},
            bases=["Model"],
        ),
        CreateTable(
            name="JobFile",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("job_id", fields.UUIDField()),
                ("number", fields.IntField()),
                ("content", fields.BinaryField()),
            ],
            options={
                "table": "job_file",
                "app": "dripgraph",
                "pk_attr": "id",
                "table_description": "One piece, of a megabyte at most, of a file that a job works on; gone when the job ends.",
            },
            bases=["Model"],
        ),
        CreateTable(
            name="Listener",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("sequence_id", fields.UUIDField()),
                (
                    "kind",
                    fields.CharEnumField(
                        description="CUSTOM: custom\nSUBSCRIBED: subscribed\nTAG_ADDED: tag_added\nOPENED: opened\nCLICKED: clicked\nUNSUBSCRIBED: unsubscribed\nDELIVERED: delivered\nBOUNCED: bounced\nCOMPLAINED: complained",
                        enum_type=EventKind,
                        max_length=20,
                    ),
                ),
                ("key", fields.CharField(default="", max_length=100)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "listener",
                "app": "dripgraph",
                "unique_together": (("workspace_id", "kind", "key", "sequence_id"),),
                "pk_attr": "id",
                "table_description": "A sequence that wants to hear of a kind of fact, by its key (a tag, an event's name).",
            },
            bases=["Model"],
        ),
        CreateTable(
            name="Membership",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("user_id", fields.UUIDField()),
                (
                    "role",
                    fields.CharEnumField(
                        description="OWNER: owner\nADMIN: admin\nEDITOR: editor\nVIEWER: viewer",
                        enum_type=Role,
                        max_length=10,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "membership",
                "app": "dripgraph",
                "unique_together": (("workspace_id", "user_id"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        CreatePartitionedTable(
            name="Message",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("subscriber_id", fields.UUIDField()),
                ("enrollment_id", fields.UUIDField(null=True)),
                ("sequence_id", fields.UUIDField(null=True)),
                ("version_id", fields.UUIDField(null=True)),
                ("step_key", fields.CharField(max_length=64)),
                ("visit", fields.IntField()),
                ("revision_id", fields.UUIDField()),
                (
                    "status",
                    fields.CharEnumField(
                        description="QUEUED: queued\nSENDING: sending\nSENT: sent\nSKIPPED: skipped\nFAILED: failed\nUNKNOWN: unknown",
                        enum_type=MessageStatus,
                        max_length=10,
                    ),
                ),
                ("reason", fields.CharField(null=True, max_length=60)),
                ("attempts", fields.IntField(default=0)),
                ("owner", fields.UUIDField(null=True)),
                (
                    "lease_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("send_after", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "deadline_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("provider_reply", fields.TextField(null=True, unique=False)),
                ("queued_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("sent_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "delivered_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("bounced_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("failed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("skipped_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("opened_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "machine_opened_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("clicked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "unsubscribed_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "message",
                "app": "dripgraph",
                "pk_attr": "id",
                "table_description": "The queue of record; partitioned by month on id.",
            },
            bases=["Model"],
        ),
        CreateTable(
            name="MessageRollup",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("sequence_id", fields.UUIDField()),
                ("step_key", fields.CharField(max_length=64)),
                ("hour", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("queued", fields.BigIntField(default=0)),
                ("sent", fields.BigIntField(default=0)),
                ("skipped", fields.BigIntField(default=0)),
                ("failed", fields.BigIntField(default=0)),
                ("unknown", fields.BigIntField(default=0)),
                ("delivered", fields.BigIntField(default=0)),
                ("bounced", fields.BigIntField(default=0)),
                ("opened", fields.BigIntField(default=0)),
                ("machine_opened", fields.BigIntField(default=0)),
                ("clicked", fields.BigIntField(default=0)),
                ("unsubscribed", fields.BigIntField(default=0)),
            ],
            options={
                "table": "message_rollup",
                "app": "dripgraph",
                "pk_attr": "id",
                "table_description": "Messages of one step by the hour in which each fact was recorded.",
            },
            bases=["Model"],
        ),
        CreateTable(
            name="RefreshToken",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("user_id", fields.UUIDField()),
                ("family_id", fields.UUIDField()),
                ("token_hash", fields.BinaryField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "refresh_token",
                "app": "dripgraph",
                "pk_attr": "id",
                "table_description": "One link of a sign-in's chain: used once, then replaced; use twice ends the chain.",
            },
            bases=["Model"],
        ),
        CreateTable(
            name="Sequence",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("name", fields.CharField(max_length=200)),
                (
                    "status",
                    fields.CharEnumField(
                        description="DRAFT: draft\nACTIVE: active\nPAUSED: paused\nARCHIVED: archived",
                        enum_type=SequenceStatus,
                        max_length=10,
                    ),
                ),
                ("draft", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("draft_revision", fields.IntField(default=1)),
                ("active_version_id", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "sequence",
                "app": "dripgraph",
                "pk_attr": "id",
                "table_description": "`draft` is what is being edited; people run through immutable versions only.",
            },
            bases=["Model"],
        ),
        CreateTable(
            name="SequenceVersion",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("sequence_id", fields.UUIDField()),
                ("number", fields.IntField()),
                ("definition", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("published_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("published_by_id", fields.UUIDField(null=True)),
            ],
            options={
                "table": "sequence_version",
                "app": "dripgraph",
                "unique_together": (("sequence_id", "workspace_id", "number"),),
                "pk_attr": "id",
                "table_description": "Never changed once published; template revisions are pinned inside `definition`.",
            },
            bases=["Model"],
        ),
        CreateTable(
            name="Signal",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("sequence_id", fields.UUIDField()),
                ("subscriber_id", fields.UUIDField()),
                (
                    "kind",
                    fields.CharEnumField(
                        description="CUSTOM: custom\nSUBSCRIBED: subscribed\nTAG_ADDED: tag_added\nOPENED: opened\nCLICKED: clicked\nUNSUBSCRIBED: unsubscribed\nDELIVERED: delivered\nBOUNCED: bounced\nCOMPLAINED: complained",
                        enum_type=EventKind,
                        max_length=20,
                    ),
                ),
                ("key", fields.CharField(default="", max_length=100)),
                ("properties", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "signal",
                "app": "dripgraph",
                "pk_attr": "id",
                "table_description": "A fact on its way to a sequence that listens; written with the fact, deleted when heard.",
            },
            bases=["Model"],
        ),
        CreateTable(
            name="Subscriber",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("email", fields.CharField(max_length=320)),
                (
                    "status",
                    fields.CharEnumField(
                        description="SUBSCRIBED: subscribed\nUNSUBSCRIBED: unsubscribed\nBOUNCED: bounced\nCOMPLAINED: complained",
                        enum_type=SubscriberStatus,
                        max_length=20,
                    ),
                ),
                ("first_name", fields.CharField(null=True, max_length=200)),
                ("last_name", fields.CharField(null=True, max_length=200)),
                ("timezone", fields.CharField(null=True, max_length=64)),
                ("locale", fields.CharField(null=True, max_length=35)),
                ("attributes", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("tags", ArrayField(default=list, element_type="TEXT")),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "unsubscribed_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "subscriber",
                "app": "dripgraph",
                "unique_together": (("workspace_id", "email"),),
                "pk_attr": "id",
                "table_description": "`email` is kept case-folded with its domain in ASCII (IDNA), unique in the workspace.",
            },
            bases=["Model"],
        ),
        CreateTable(
            name="Suppression",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("email", fields.CharField(max_length=320)),
                (
                    "reason",
                    fields.CharEnumField(
                        description="UNSUBSCRIBED: unsubscribed\nHARD_BOUNCE: hard_bounce\nCOMPLAINT: complaint\nMANUAL: manual",
                        enum_type=SuppressionReason,
                        max_length=20,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "suppression",
                "app": "dripgraph",
                "unique_together": (("workspace_id", "email"),),
                "pk_attr": "id",
                "table_description": "An address that is not mailed, whether or not a subscriber has it.",
            },
            bases=["Model"],
        ),
        CreateTable(
            name="Template",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("name", fields.CharField(max_length=200)),
                ("current_revision_id", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "archived_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={"table": "template", "app": "dripgraph", "pk_attr": "id"},
            bases=["Model"],
        ),
        CreateTable(
            name="TemplateRevision",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("template_id", fields.UUIDField()),
                ("number", fields.IntField()),
                ("subject", fields.TextField(unique=False)),
                ("body", fields.TextField(unique=False)),
                (
                    "format",
                    fields.CharEnumField(
                        description="MJML: mjml\nHTML: html", enum_type=BodyFormat, max_length=10
                    ),
                ),
                ("text", fields.TextField(null=True, unique=False)),
                ("compiled", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("links", ArrayField(default=list, element_type="TEXT")),
                ("variables", ArrayField(default=list, element_type="TEXT")),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "template_revision",
                "app": "dripgraph",
                "unique_together": (("template_id", "workspace_id", "number"),),
                "pk_attr": "id",
                "table_description": "Never changed once written: what was mailed can always be shown again.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("email", fields.CharField(unique=True, max_length=320)),
                ("name", fields.CharField(max_length=200)),
                ("password_hash", fields.TextField(unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "account", "app": "dripgraph", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Workspace",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("name", fields.CharField(max_length=200)),
                ("from_name", fields.CharField(null=True, max_length=200)),
                ("from_email", fields.CharField(null=True, max_length=320)),
                (
                    "on_unknown",
                    fields.CharEnumField(
                        default=UnknownPolicy.HOLD,
                        description="HOLD: hold\nRESEND: resend",
                        enum_type=UnknownPolicy,
                        max_length=10,
                    ),
                ),
                ("is_demo", fields.BooleanField(default=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "workspace", "app": "dripgraph", "pk_attr": "id"},
            bases=["Model"],
        ),
    ]
