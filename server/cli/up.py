"""`dripgraph up`: everything on one machine."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import click
from rich.console import Console

from domain.base.settings import Settings
from server.cli.processes import own_command
from server.cli.settings import environment, with_settings
from server.embedded.claim import Claim, InUseError
from server.embedded.stores import EmbeddedStores
from server.ports import next_free
from server.supervisor import Program, Supervisor

Say = Callable[[str], None]

_ONE = ("--processes", "1")
_SENDING = ("--queue", "delivery", "--queue", "sequences")


@click.command()
@click.option("--demo", "with_demo", is_flag=True, help="With the demo workspace, and readers.")
@with_settings
def up(settings: Settings, *, with_demo: bool) -> None:
    """Run everything here: servers, API, workers, scheduler and a mailbox."""
    # Until the supervisor listens for signals, a request to end unwinds what has been started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    say: Say = partial(console.print, markup=False)
    started_at = time.monotonic()
    with ExitStack() as stack:
        try:
            claim = Claim(settings.data_dir, "dripgraph up")
        except InUseError as error:
            raise click.ClickException(str(error)) from error
        stack.callback(claim.release)
        for name in claim.end_leftovers():
            say(f"Ended {name}, left over from a run that was killed.")
        with console.status("Starting PostgreSQL and Valkey"):
            stores = stack.enter_context(EmbeddedStores(claim, settings))
        with console.status("Migrating"):
            _migrate(stores.settings, say)
        variables = environment() | _variables(stores.settings, say)
        chosen = Settings.from_environment(variables)

        def announce() -> None:
            claim.tell(addresses=_addresses(chosen))
            say(f"Dripgraph is up, after {time.monotonic() - started_at:.1f} s.")
            for name, address in _addresses(chosen).items():
                say(f"  {name:<9} {address}")
            say("Ctrl-C stops it.")

        Supervisor(
            _programs(chosen, variables, with_demo=with_demo),
            say=say,
            started=lambda pids: claim.tell(children=pids),
            all_ready=announce,
            tend=lambda: stores.tend(say),
        ).run()
        say("Stopping the servers.")
    say("Dripgraph has stopped.")


def _migrate(settings: Settings, say: Say) -> None:
    from domain.base.migrations import migrate

    applied = asyncio.run(migrate(settings.database_url))
    if applied:
        say(f"Migrated the database: {', '.join(applied)}.")


def _variables(settings: Settings, say: Say) -> dict[str, str]:
    """What the children are told beyond our environment: the stores, and free ports."""
    port = _settled("the API", settings.host, settings.port, frozenset(), say)
    variables = {
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "PORT": str(port),
    }
    if not settings.smtp_url:
        host = settings.mailbox_host
        smtp = _settled(
            "the mailbox (SMTP)", host, settings.mailbox_smtp_port, frozenset({port}), say
        )
        http = _settled(
            "the mailbox", host, settings.mailbox_http_port, frozenset({port, smtp}), say
        )
        variables |= {"MAILBOX_SMTP_PORT": str(smtp), "MAILBOX_HTTP_PORT": str(http)}
    return variables


def _settled(what: str, host: str, wanted: int, taken: frozenset[int], say: Say) -> int:
    port = next_free(host, wanted, taken=taken)
    if port != wanted:
        say(f"Port {wanted} is taken: {what} listens on {port}.")
    return port


def _addresses(settings: Settings) -> dict[str, str]:
    addresses = {"GraphiQL": f"{settings.public_url}/graphql"}
    if not settings.smtp_url:
        addresses["Mailbox"] = f"http://{settings.mailbox_host}:{settings.mailbox_http_port}/"
    return addresses


def _programs(settings: Settings, variables: dict[str, str], *, with_demo: bool) -> list[Program]:
    """The children. Those that make work end first, the mailbox that takes it ends last."""
    program = partial(Program, environment=variables)
    workers = [
        program(name=name, command=own_command("worker", *_ONE, "--name", name, *_SENDING))
        for name in (f"worker-{number}" for number in range(1, settings.worker_processes + 1))
    ]
    # Long jobs have a process to themselves, so that an import holds up no mail.
    jobs = program(
        name="jobs", command=own_command("worker", *_ONE, "--name", "jobs", "--queue", "jobs")
    )
    mailbox = program(
        name="mailbox",
        command=own_command("mailbox"),
        listens=(settings.mailbox_host, settings.mailbox_http_port),
        drain_stage=2,
    )
    api = program(
        name="api",
        command=own_command("serve"),
        listens=(settings.host, settings.port),
        drain_stage=1,
    )
    scheduler = program(name="scheduler", command=own_command("scheduler"))
    demo = program(name="demo", command=own_command("demo", "--play"), runs_once=True)
    return [
        *([] if settings.smtp_url else [mailbox]),
        api,
        *workers,
        jobs,
        scheduler,
        *([demo] if with_demo else []),
    ]
