"""Foreign keys that carry the workspace, the indexes of the hot paths, and database defaults."""

from tortoise import migrations
from tortoise.migrations import operations as ops

# child table, column, parent table, what a deletion of the parent does.
REFERENCES = [
    ("membership", "user_id", "account", "CASCADE"),
    ("refresh_token", "user_id", "account", "CASCADE"),
    ("template_revision", "template_id", "template", "CASCADE"),
    ("template", "current_revision_id", "template_revision", "NO ACTION"),
    ("sequence", "active_version_id", "sequence_version", "NO ACTION"),
    ("sequence_version", "sequence_id", "sequence", "CASCADE"),
    ("enrollment", "sequence_id", "sequence", "CASCADE"),
    ("enrollment", "version_id", "sequence_version", "NO ACTION"),
    ("enrollment", "subscriber_id", "subscriber", "CASCADE"),
    ("decision", "enrollment_id", "enrollment", "CASCADE"),
    ("message", "subscriber_id", "subscriber", "CASCADE"),
    ("message", "enrollment_id", "enrollment", "CASCADE"),
    ("message", "revision_id", "template_revision", "NO ACTION"),
    ("event", "subscriber_id", "subscriber", "CASCADE"),
    ("listener", "sequence_id", "sequence", "CASCADE"),
    ("signal", "sequence_id", "sequence", "CASCADE"),
    ("signal", "subscriber_id", "subscriber", "CASCADE"),
    ("message_rollup", "sequence_id", "sequence", "CASCADE"),
    ("job_file", "job_id", "job", "CASCADE"),
]
GLOBAL = {"account"}
TENANTS = [
    "membership", "refresh_token", "api_key", "job", "subscriber", "suppression", "template",
    "sequence", "delivery_hold",
]  # fmt: skip


def reference(table: str, column: str, parent: str, on_delete: str) -> str:
    keys = ("id",) if parent in GLOBAL else ("id", "workspace_id")
    columns = (column,) if parent in GLOBAL else (column, "workspace_id")
    deferred = " DEFERRABLE INITIALLY DEFERRED" if on_delete == "NO ACTION" else ""
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_fkey FOREIGN KEY "
        f"({', '.join(columns)}) REFERENCES {parent} ({', '.join(keys)}) "
        f"ON DELETE {on_delete}{deferred};"
    )


FOREIGN_KEYS = "\n".join(
    [
        *(reference(*row) for row in REFERENCES),
        *(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_workspace_id_fkey "
            "FOREIGN KEY (workspace_id) REFERENCES workspace (id) ON DELETE CASCADE;"
            for table in TENANTS
        ),
    ]
)

INDEXES = """
-- Lists by workspace, newest first.
CREATE INDEX subscriber_list ON subscriber (workspace_id, id);
CREATE INDEX template_list ON template (workspace_id, id);
CREATE INDEX sequence_list ON sequence (workspace_id, id);
CREATE INDEX job_list ON job (workspace_id, id);
CREATE INDEX membership_user ON membership (user_id);
CREATE INDEX refresh_token_family ON refresh_token (family_id);
CREATE UNIQUE INDEX refresh_token_hash ON refresh_token (token_hash);
CREATE UNIQUE INDEX api_key_hash ON api_key (secret_hash);
CREATE INDEX subscriber_tags ON subscriber USING gin (tags);
-- The engine: due people of one sequence, in order.
CREATE INDEX enrollment_due ON enrollment (sequence_id, due_at) WHERE status = 'active';
CREATE INDEX enrollment_list ON enrollment (sequence_id, id);
CREATE INDEX enrollment_subscriber ON enrollment (subscriber_id, id);
CREATE INDEX decision_enrollment ON decision (enrollment_id, id);
-- The queue: what may be sent now, and whose lease has run out.
CREATE INDEX message_queued ON message (send_after) WHERE status = 'queued';
CREATE INDEX message_sending ON message (lease_until) WHERE status = 'sending';
CREATE INDEX message_subscriber ON message (subscriber_id, id);
CREATE INDEX message_sequence ON message (sequence_id, id);
CREATE INDEX message_enrollment ON message (enrollment_id, visit);
CREATE INDEX event_subscriber ON event (subscriber_id, id);
CREATE INDEX event_workspace ON event (workspace_id, id);
CREATE INDEX message_rollup_sequence ON message_rollup (sequence_id, hour);
CREATE INDEX signal_order ON signal (sequence_id, id);
CREATE INDEX job_open ON job (kind, created_at) WHERE status IN ('queued', 'running');
CREATE UNIQUE INDEX job_file_number ON job_file (job_id, number);
"""

DEFAULTS = """
ALTER TABLE subscriber ALTER attributes SET DEFAULT '{}', ALTER tags SET DEFAULT '{}';
ALTER TABLE enrollment ALTER run SET DEFAULT 1, ALTER visit SET DEFAULT 0,
  ALTER trigger SET DEFAULT '{}';
ALTER TABLE message ALTER attempts SET DEFAULT 0;
ALTER TABLE event ALTER properties SET DEFAULT '{}', ALTER actor SET DEFAULT 'human';
ALTER TABLE signal ALTER properties SET DEFAULT '{}', ALTER key SET DEFAULT '';
ALTER TABLE decision ALTER details SET DEFAULT '{}';
ALTER TABLE job ALTER input SET DEFAULT '{}', ALTER progress SET DEFAULT '{}',
  ALTER attempts SET DEFAULT 0;
ALTER TABLE message_rollup
  ALTER queued SET DEFAULT 0, ALTER sent SET DEFAULT 0, ALTER skipped SET DEFAULT 0,
  ALTER failed SET DEFAULT 0, ALTER unknown SET DEFAULT 0, ALTER delivered SET DEFAULT 0,
  ALTER bounced SET DEFAULT 0, ALTER opened SET DEFAULT 0, ALTER machine_opened SET DEFAULT 0,
  ALTER clicked SET DEFAULT 0, ALTER unsubscribed SET DEFAULT 0;
"""


class Migration(migrations.Migration):
    dependencies = [("dripgraph", "0001_initial")]

    operations = [
        ops.RunSQL(FOREIGN_KEYS),
        ops.RunSQL(INDEXES),
        ops.RunSQL(DEFAULTS),
    ]
