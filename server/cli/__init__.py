"""The `dripgraph` command."""

import click

from server.cli.audit import verify_audit
from server.cli.importing import import_file
from server.cli.operations import demo, doctor, migrate
from server.cli.processes import mailbox, scheduler, serve, worker
from server.cli.up import up


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dripgraph", message="%(prog)s %(version)s")
def main() -> None:
    """Dripgraph: e-mail sequences behind one typed GraphQL API.

    Settings come from the environment and from .env; .env.example lists them.
    """


for _command in (
    *(up, serve, worker, scheduler, mailbox),
    *(migrate, demo, import_file, doctor, verify_audit),
):
    main.add_command(_command)
