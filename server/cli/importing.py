"""`dripgraph import`: a CSV file into a workspace, as the API's import is, with a progress bar."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from domain.base.settings import Settings
from server.cli.settings import with_settings
from server.embedded.stores import reachable_stores

if TYPE_CHECKING:
    from domain.audience.columns import ColumnMapping

CHUNK_BYTES: Final = 1024 * 1024
LOOK_SECONDS: Final = 0.25
RETRY_SECONDS: Final = 1.0
SHOWN_FAULTS: Final = 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for. `mapping` holds `COLUMN=TARGET` texts."""

    path: Path
    workspace: str | None
    is_events: bool
    event_name: str | None
    mapping: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the job ended. `error` is None when it succeeded."""

    error: str | None
    counts: dict[str, object]
    faults: list[dict[str, object]]


@click.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--workspace", help="Its name or id; needed when there are several.")
@click.option("--events", "is_events", is_flag=True, help="The rows are past events, like orders.")
@click.option("--event-name", help="With --events: the name, when no column holds it.")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="COLUMN=TARGET",
    help="Where a column goes: email, first_name, tags, attribute, ignore, ...; may be repeated.",
)
@with_settings
def import_file(
    settings: Settings,
    *,
    path: Path,
    workspace: str | None,
    is_events: bool,
    event_name: str | None,
    mapping: tuple[str, ...],
) -> None:
    """Import people (or past events) from the CSV file PATH."""
    wish = Wish(path, workspace, is_events, event_name, mapping)
    console = Console(stderr=True)
    with ExitStack() as stack:
        reachable = stack.enter_context(reachable_stores(settings, "dripgraph import"))
        progress = stack.enter_context(
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[told]}"),
                TimeRemainingColumn(),
                console=console,
                disable=not console.is_terminal,
                transient=True,
            )
        )
        bar = progress.add_task(path.name, total=max(path.stat().st_size, 1), told="")

        def show(done_bytes: int, told: str) -> None:
            progress.update(bar, completed=done_bytes, told=told)

        outcome = asyncio.run(_import(reachable, wish, show))
    _tell(outcome)


def _tell(outcome: Outcome) -> None:
    click.echo(", ".join(f"{name} {count}" for name, count in outcome.counts.items()) or "no rows")
    for fault in outcome.faults[:SHOWN_FAULTS]:
        column = f", {fault['column']}" if fault["column"] else ""
        click.echo(f"line {fault['line']}{column}: {fault['reason']}", err=True)
    more = len(outcome.faults) - SHOWN_FAULTS
    if more > 0:
        click.echo(f"and {more} more", err=True)
    if outcome.error is not None:
        click.echo(f"Error: {outcome.error}", err=True)
        sys.exit(1)


async def _import(settings: Settings, wish: Wish, show: Callable[[int, str], None]) -> Outcome:
    from domain.base import clock, jobs
    from domain.base.ids import new_id
    from domain.base.migrations import migrate
    from tasks.jobs import RUNNERS
    from tasks.stores import open_stores

    await migrate(settings.database_url)
    async with open_stores(settings, "dripgraph import"):
        workspace_id = await _choose_workspace(wish.workspace)
        job_id = await _ask(workspace_id, wish)

        async def work() -> None:
            # Workers are rung as well: whoever is first does it, and they go on if this one dies.
            while True:
                await jobs.run_job(job_id, RUNNERS, new_id(clock.now()), clock.now)
                await asyncio.sleep(RETRY_SECONDS)

        working = asyncio.create_task(work())
        try:
            return await _follow(workspace_id, job_id, show)
        finally:
            working.cancel()
            await asyncio.wait([working])


async def _ask(workspace_id: UUID, wish: Wish) -> UUID:
    from domain.audience.event_imports import start_event_import
    from domain.audience.imports import start_import
    from domain.base import clock

    mapping = _read_mapping(wish.mapping)
    chunks, name = _chunks(wish.path), wish.path.name
    if wish.is_events:
        return await start_event_import(
            workspace_id,
            chunks,
            clock.now(),
            filename=name,
            mapping=mapping,
            name=wish.event_name,
            creates_subscribers=True,
        )
    return await start_import(workspace_id, chunks, clock.now(), filename=name, mapping=mapping)


def _read_mapping(texts: tuple[str, ...]) -> "list[ColumnMapping]":
    from domain.audience.columns import ColumnMapping, Target

    found = []
    for text in texts:
        column, equals, target = text.rpartition("=")
        if not equals or target not in set(Target):
            raise click.BadParameter(
                f"{text!r} must look like COLUMN=TARGET, TARGET one of {', '.join(Target)}"
            )
        found.append(ColumnMapping(column, Target(target)))
    return found


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk


async def _choose_workspace(named: str | None) -> UUID:
    from domain.base.database import fetch

    rows = await fetch("SELECT id, name FROM workspace ORDER BY created_at, id")
    chosen = [row for row in rows if named is None or named in {row["name"], str(row["id"])}]
    if len(chosen) == 1:
        workspace_id: UUID = chosen[0]["id"]
        return workspace_id
    if not rows:
        raise click.ClickException("there is no workspace yet: sign up first")
    wanted = chosen or rows
    listed = "".join(f"\n  {row['id']}  {row['name']}" for row in wanted)
    raise click.ClickException(f"name one workspace by --workspace ID:{listed}")


async def _follow(workspace_id: UUID, job_id: UUID, show: Callable[[int, str], None]) -> Outcome:
    """Show how far the job is until it has ended, whoever does it."""
    from domain.base import jobs

    while True:
        row = await jobs.read_job(workspace_id, job_id)
        if row is None:
            raise click.ClickException("the import is gone: its workspace was removed")
        progress = jobs.json_column(row, "progress")
        pace = progress.get("rows_per_second", 0)
        show(
            int(str(progress.get("offset", 0))), f"{progress.get('rows', 0)} rows, {pace} a second"
        )
        if row["status"] in {jobs.JobStatus.SUCCEEDED, jobs.JobStatus.FAILED}:
            counts = jobs.json_column(row, "result")
            faults = progress.get("errors", [])
            return Outcome(row["error"], counts, faults if isinstance(faults, list) else [])
        await asyncio.sleep(LOOK_SECONDS)
