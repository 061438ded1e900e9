"""The queue's index by sequence: claims jump from one to the next, over those that are held."""

from tortoise import migrations
from tortoise.migrations import operations as ops

INDEXES = """
CREATE INDEX message_waiting ON message (sequence_id, send_after) WHERE status = 'queued';
DROP INDEX message_queued;
"""


class Migration(migrations.Migration):
    dependencies = [("dripgraph", "0003_audit")]

    operations = [ops.RunSQL(INDEXES)]
