"""The audit log: its entries, and the head of each workspace's chain of them."""

from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops

from domain.base.migrations import CreateTable

KEYS = """
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_workspace_id_fkey
  FOREIGN KEY (workspace_id) REFERENCES workspace (id) ON DELETE CASCADE;
ALTER TABLE audit_chain ADD CONSTRAINT audit_chain_workspace_id_fkey
  FOREIGN KEY (workspace_id) REFERENCES workspace (id) ON DELETE CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("dripgraph", "0002_keys")]

    operations = [
        CreateTable(
            name="AuditChain",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("entries", fields.BigIntField()),
                ("hash", fields.BinaryField()),
            ],
            options={"table": "audit_chain", "app": "dripgraph", "pk_attr": "id"},
            bases=["Model"],
        ),
        CreateTable(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("workspace_id", fields.UUIDField()),
                ("number", fields.BigIntField()),
                ("action", fields.CharField(max_length=40)),
                ("actor_user_id", fields.UUIDField(null=True)),
                ("actor_api_key_id", fields.UUIDField(null=True)),
                ("target_type", fields.CharField(max_length=40)),
                ("target_id", fields.UUIDField()),
                ("details", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("previous_hash", fields.BinaryField()),
                ("hash", fields.BinaryField()),
            ],
            options={
                "table": "audit_entry",
                "app": "dripgraph",
                "unique_together": (("workspace_id", "number"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.RunSQL(KEYS),
    ]
