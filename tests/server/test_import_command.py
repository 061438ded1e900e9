"""`dripgraph import` as a person runs it."""

import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import Prepared

ROOT = Path(__file__).parents[2]


@pytest.fixture
def variables(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "k" * 32,
        "DATA_DIR": str(tmp_path / "data"),
    }


def run(variables: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "server.cli", "import", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


async def rows(url: str, sql: str, *values: object) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(sql, *values)]
    finally:
        await connection.close()


async def test_people_land_and_bad_rows_are_told_with_line_and_reason(
    variables: dict[str, str], prepared: Prepared, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "people.csv",
        "E-mail,Forename,Plan\nann@example.com,Ann,pro\nno address,Bob,free\n",
    )
    ran = run(
        variables,
        path,
        "--workspace",
        str(prepared.ada.workspace_id),
        "--map",
        "Forename=first_name",
    )
    assert (ran.returncode, ran.stdout) == (0, "rows 2, created 1, invalid 1, updated 0\n")
    assert ran.stderr.splitlines() == ["line 3, E-mail: The e-mail address has no @."]
    assert await rows(
        variables["DATABASE_URL"],
        "SELECT workspace_id, email, first_name, attributes FROM subscriber",
    ) == [(prepared.ada.workspace_id, "ann@example.com", "Ann", '{"plan": "pro"}')]


async def test_past_events_land(
    variables: dict[str, str], prepared: Prepared, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "orders.csv",
        "email,occurred_at,value,currency\nann@example.com,2024-05-01T10:00:00Z,12.50,EUR\n",
    )
    workspace = str(prepared.ada.workspace_id)
    ran = run(variables, path, "--workspace", workspace, "--events", "--event-name", "order")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert await rows(
        variables["DATABASE_URL"], "SELECT name, value::text, currency FROM event"
    ) == [("order", "12.5000", "EUR")]


def test_file_without_addresses_is_refused_and_nothing_is_asked_for(
    variables: dict[str, str], prepared: Prepared, tmp_path: Path
) -> None:
    path = write(tmp_path / "numbers.csv", "a,b\n1,2\n")
    ran = run(variables, path, "--workspace", str(prepared.ada.workspace_id))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        "Error: No column holds the e-mail: the first line must name the columns, "
        "and it reads 'a', 'b'.\n"
    )


def test_several_workspaces_must_be_told_apart(
    variables: dict[str, str], prepared: Prepared, tmp_path: Path
) -> None:
    ran = run(variables, write(tmp_path / "people.csv", "email\nann@example.com\n"))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.splitlines() == [
        "Error: name one workspace by --workspace ID:",
        f"  {prepared.ada.workspace_id}  Ada's shop",
        f"  {prepared.eve.workspace_id}  Eve's shop",
    ]
