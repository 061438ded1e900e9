"""Migrations: Tortoise's own, and the table operation that gives our keys to its tables."""

import re
from typing import cast

from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget
from tortoise.migrations.operations import CreateModel
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State

from domain.base.database import tortoise_config

_PRIMARY_KEY = re.compile(r'("id" UUID NOT NULL)\s+PRIMARY KEY')
# No database is asked for the drift of models against migrations; the URL is never opened.
_NO_DATABASE = "postgres://nobody@127.0.0.1/none"


class CreateTable(CreateModel):
    """`CreateModel` whose table gets the primary key `(id, workspace_id)`.

    The ORM's own key stays `id`; the workspace in the key lets foreign keys carry it. With
    `is_partitioned` the table is range-partitioned on `id`, that is on time.
    """

    is_partitioned = False

    async def database_forward(
        self,
        app_label: str,
        old_state: State,  # noqa: ARG002  the ORM calls it so
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        if state_editor is None:
            return
        model = new_state.apps.get_model(f"{app_label}.{self.name}")
        sql = state_editor._get_model_sql_data(model).table_sql  # noqa: SLF001  no public way
        sql, count = _PRIMARY_KEY.subn(r"\1", sql)
        body, closing, comments = sql.partition("\n);")
        if count != 1 or not closing:
            message = f"the table of {self.name} does not look as expected: {sql}"
            raise RuntimeError(message)
        partition = " PARTITION BY RANGE (id)" if self.is_partitioned else ""
        await state_editor.client.execute_script(
            f'{body},\n    PRIMARY KEY ("id", "workspace_id")\n){partition};{comments}'
        )


class CreatePartitionedTable(CreateTable):
    is_partitioned = True


async def migrate(url: str) -> list[str]:
    """Bring the database to the newest migration; the names of those applied, in order."""
    config = tortoise_config(url, application="dripgraph-migrate")
    await Tortoise.init(config=config, init_connections=False)
    try:
        apps = cast("dict[str, dict[str, object]]", config["apps"])
        client = get_connection("default")
        async with client.acquire_connection() as lock:
            # Two processes starting at once must not both migrate.
            await lock.execute("SELECT pg_advisory_lock(hashtext('dripgraph.migrate'))")
            executor = MigrationExecutor(client, apps)
            targets = [MigrationTarget(app_label="dripgraph", name="__latest__")]
            plan = await executor.plan(targets)
            await executor.migrate(targets)
            await lock.execute("SELECT pg_advisory_unlock(hashtext('dripgraph.migrate'))")
        return [step.migration.name for step in plan]
    finally:
        await Tortoise.close_connections()


class _Autodetector(MigrationAutodetector):
    """Compares tables, not what is said of them: docstrings change without a migration."""

    def _current_state(self) -> State:
        return _without_descriptions(super()._current_state())

    async def _project_state(self) -> State:
        return _without_descriptions(await super()._project_state())


def _without_descriptions(state: State) -> State:
    for model in state.models.values():
        model.options.pop("table_description", None)
        for field in model.fields.values():
            field.description = None
    return state


async def _autodetector() -> MigrationAutodetector:
    config = tortoise_config(_NO_DATABASE)
    await Tortoise.init(config=config, init_connections=False)
    if Tortoise.apps is None:
        message = "the models did not load"
        raise RuntimeError(message)
    return _Autodetector(Tortoise.apps, cast("dict[str, dict[str, object]]", config["apps"]))


async def missing_operations() -> list[str]:
    """What the models say and no migration does yet; empty when they agree."""
    writers = await (await _autodetector()).changes()
    return [operation.describe() for writer in writers for operation in writer.operations]


async def write_migration() -> list[str]:
    """Write a migration file for `missing_operations`; the paths written."""
    return await (await _autodetector()).write()
