"""The commands that are a process each: serve, worker, scheduler, mailbox."""

import gc
import sys
from dataclasses import replace
from typing import TypeVar

import click

from domain.base.settings import Settings
from server.cli.settings import environment, with_settings
from server.embedded.processes import EmbeddedError
from server.embedded.stores import reachable_stores
from server.logs import configure_logging
from server.ports import is_free
from server.supervisor import Program, Supervisor

# A client's frame is a query; the largest body over HTTP is another matter.
WEBSOCKET_FRAME_MAX_BYTES = 64 * 1024
GRACE_SECONDS = 10


def own_command(*arguments: str) -> list[str]:
    """The command line of one of our own processes."""
    return [sys.executable, "-m", "server.cli", *arguments]


A = TypeVar("A")


def settled(application: A) -> A:
    """Take all that lives as long as the process out of the collector's rounds.

    The schema is some hundred thousand objects: looking through them again and again costs requests
    more than their own garbage does.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    return application


@click.command()
@with_settings
def serve(settings: Settings) -> None:
    """Run the API only."""
    import uvicorn

    from server.app import create_app
    from server.socket_protocol import SocketProtocol

    configure_logging("api", settings.log_level)
    if not is_free(settings.host, settings.port):
        raise EmbeddedError(
            f"{settings.host}:{settings.port} is taken by another program: set PORT to a free one"
        )
    with reachable_stores(settings, "dripgraph serve") as reachable:
        uvicorn.run(
            lambda: settled(create_app(reachable)),
            factory=True,
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            ws=SocketProtocol,
            # Small messages, the same for many: to deflate each would cost more than it saves.
            ws_per_message_deflate=False,
            ws_max_size=WEBSOCKET_FRAME_MAX_BYTES,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            server_header=False,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )


@click.command()
@click.option("--processes", type=click.IntRange(1, 64), help="Default: WORKER_PROCESSES.")
@click.option("--threads", type=click.IntRange(1, 128), help="Default: WORKER_THREADS.")
@click.option("--queue", "queues", multiple=True, help="Only this queue; may be repeated.")
@click.option("--name", default="worker", hidden=True)
@with_settings
def worker(
    settings: Settings,
    processes: int | None,
    threads: int | None,
    queues: tuple[str, ...],
    name: str,
) -> None:
    """Run workers: they send mail, advance people and do long jobs."""
    from tasks.broker import QUEUES

    unknown = sorted(set(queues) - set(QUEUES))
    if unknown:
        raise click.BadParameter(f"there is no queue {unknown[0]}: name {', '.join(QUEUES)}")
    settings = replace(
        settings,
        worker_processes=processes or settings.worker_processes,
        worker_threads=threads or settings.worker_threads,
    )
    with reachable_stores(settings, "dripgraph worker") as reachable:
        if settings.worker_processes == 1:
            _work(reachable, set(queues) or None, name)
        else:
            _supervise_workers(reachable, queues)


def _work(settings: Settings, queues: set[str] | None, name: str) -> None:
    from tasks.worker import run_worker

    configure_logging(name, settings.log_level)
    run_worker(settings, queues, name=name)


def _supervise_workers(settings: Settings, queues: tuple[str, ...]) -> None:
    urls = {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    chosen = [part for queue in queues for part in ("--queue", queue)]
    threads = ("--threads", str(settings.worker_threads))
    Supervisor(
        [
            Program(
                name=f"worker-{number}",
                command=own_command(
                    *("worker", "--processes", "1", "--name", f"worker-{number}", *threads, *chosen)
                ),
                environment=environment() | urls,
            )
            for number in range(1, settings.worker_processes + 1)
        ],
        say=lambda line: click.echo(line, err=True),
    ).run()


@click.command()
@with_settings
def scheduler(settings: Settings) -> None:
    """Run the clock: it rings the workers when work is due. Many may run, one leads."""
    import uvloop

    from tasks.scheduler import main

    configure_logging("scheduler", settings.log_level)
    with reachable_stores(settings, "dripgraph scheduler") as reachable:
        uvloop.run(main(reachable))


@click.command()
@with_settings
def mailbox(settings: Settings) -> None:
    """Run the built-in mailbox: it takes all mail and shows it on a page."""
    from server.mailbox import main

    configure_logging("mailbox", settings.log_level)
    host = settings.mailbox_host
    for port in (settings.mailbox_smtp_port, settings.mailbox_http_port):
        if not is_free(host, port):
            raise EmbeddedError(
                f"{host}:{port} is taken by another program: set MAILBOX_SMTP_PORT and "
                "MAILBOX_HTTP_PORT to free ones"
            )
    main(host, settings.mailbox_smtp_port, settings.mailbox_http_port, settings.data_dir)
