"""The commands that do one thing and end: migrate, demo, doctor."""

import asyncio
import sys

import click

from domain.base.settings import Settings
from server.cli.settings import with_settings
from server.embedded.stores import reachable_stores


@click.command()
@with_settings
def migrate(settings: Settings) -> None:
    """Bring the database to the newest migration."""
    from domain.base.migrations import migrate as bring

    with reachable_stores(settings, "dripgraph migrate") as reachable:
        applied = asyncio.run(bring(reachable.database_url))
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("the database is up to date")


@click.command()
@click.option("--play", is_flag=True, help="Let people in by and by, and have their mail read.")
@with_settings
def demo(settings: Settings, *, play: bool) -> None:
    """Build a workspace from the customers and orders of a real shop."""
    from server.demo.command import DemoRefusedError, run

    with reachable_stores(settings, "dripgraph demo") as reachable:
        try:
            asyncio.run(run(reachable, click.echo, plays=play))
        except DemoRefusedError as error:
            raise click.ClickException(str(error)) from error


@click.command()
@with_settings
def doctor(settings: Settings) -> None:
    """Say what is set up, what is not, and what to do about it."""
    from rich.console import Console
    from rich.table import Table

    from server.doctor import Finding, examine

    with reachable_stores(settings, "dripgraph doctor") as reachable:
        findings = asyncio.run(examine(reachable))
    table = Table.grid(padding=(0, 2))
    marks = {
        Finding.GOOD: "[green]ok[/]",
        Finding.NOTE: "[yellow]note[/]",
        Finding.BAD: "[red]bad[/]",
    }
    for check in findings:
        table.add_row(marks[check.finding], check.subject, check.text)
    Console(highlight=False, soft_wrap=True).print(table)
    if any(check.finding is Finding.BAD for check in findings):
        sys.exit(1)
