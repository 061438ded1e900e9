"""The tables in Postgres are those that the models state, with the keys that the design wants."""

import pytest
from tortoise import Tortoise
from tortoise.models import Model

from domain.base import database as db

# Tables that stand above workspaces.
GLOBAL = {"workspace", "account"}
# Columns that end with _id and name no row, or one whose absence is meant to be survived.
NO_REFERENCE = {
    ("refresh_token", "family_id"): "a name for a chain of tokens",
    ("message", "sequence_id"): "its enrollment holds the reference",
    ("message", "version_id"): "its enrollment holds the reference",
    ("event", "message_id"): "an event outlives its message's partition",
    ("sequence_version", "published_by_id"): "a version outlives its author's account",
    ("delivery_hold", "source_id"): "a sequence or a campaign",
    ("audit_entry", "actor_user_id"): "an entry outlives whom it names",
    ("audit_entry", "actor_api_key_id"): "an entry outlives what it names",
    ("audit_entry", "target_id"): "an entry outlives what it names",
}


@pytest.fixture
def models(database: str) -> dict[str, type[Model]]:
    apps = Tortoise.apps
    assert apps is not None
    return {model._meta.db_table: model for model in apps["dripgraph"].values()}


async def test_columns_are_those_of_the_models(models: dict[str, type[Model]]) -> None:
    rows = await db.fetch(
        "SELECT table_name, column_name, is_nullable FROM information_schema.columns"
        " WHERE table_schema = 'public'"
    )
    found = {
        (row["table_name"], row["column_name"], row["is_nullable"] == "YES")
        for row in rows
        if row["table_name"] in models
    }
    stated = {
        (table, field.source_field or name, field.null)
        for table, model in models.items()
        for name, field in model._meta.fields_map.items()
    }
    assert found == stated


async def test_every_tenants_table_has_the_workspace_in_its_key(
    models: dict[str, type[Model]],
) -> None:
    rows = await db.fetch(
        "SELECT conrelid::regclass::text AS name, pg_get_constraintdef(oid) AS definition"
        " FROM pg_constraint WHERE contype = 'p' AND connamespace = 'public'::regnamespace"
    )
    keys = {row["name"]: row["definition"] for row in rows if row["name"] in models}
    assert keys == {
        table: "PRIMARY KEY (id)" if table in GLOBAL else "PRIMARY KEY (id, workspace_id)"
        for table in models
    }


async def test_every_reference_is_held_by_a_foreign_key_that_carries_the_workspace(
    models: dict[str, type[Model]],
) -> None:
    rows = await db.fetch(
        "SELECT conrelid::regclass::text AS name, pg_get_constraintdef(oid) AS definition"
        " FROM pg_constraint WHERE contype = 'f' AND conparentid = 0"
    )
    held = {(row["name"], row["definition"].split("(")[1].split(")")[0]) for row in rows}
    wanted = set()
    for table, model in models.items():
        for name in model._meta.fields_map:
            if not name.endswith("_id") or (table, name) in NO_REFERENCE:
                continue
            if name == "workspace_id":
                continue
            column = name if name == "user_id" else f"{name}, workspace_id"
            wanted.add((table, column))
    assert wanted <= held
    # Whatever hangs on nothing else hangs on its workspace.
    rooted = {table for table, column in held if column == "workspace_id"}
    hanging = {table for table, column in held if column.endswith(", workspace_id")}
    assert set(models) - GLOBAL == rooted | hanging


async def test_a_row_cannot_point_into_another_workspace(database: str) -> None:
    import asyncpg

    insert = """INSERT INTO job_file (id, workspace_id, job_id, number, content)
                SELECT gen_random_uuid(), w.id, j.id, {}, 'x' FROM job j, workspace w
                WHERE w.id {} j.workspace_id LIMIT 1"""
    await db.execute(
        "INSERT INTO job (id, workspace_id, kind, status, created_at)"
        " SELECT gen_random_uuid(), id, 'test', 'queued', now() FROM workspace LIMIT 1"
    )
    assert await db.execute(insert.format(1, "=")) == 1
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await db.execute(insert.format(2, "<>"))
