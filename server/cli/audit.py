"""`dripgraph verify-audit`: proves that the audit log is as it was written."""

import asyncio
import sys
from collections.abc import Sequence

import click

from domain.base.settings import Settings
from server.cli.settings import with_settings
from server.embedded.stores import reachable_stores


@click.command("verify-audit")
@with_settings
def verify_audit(settings: Settings) -> None:
    """Prove each workspace's audit log, or name the first entry that is not as it was written.

    Keep what it prints where the database's owner cannot change it: a log that was forged from
    end to end has other heads.
    """
    with reachable_stores(settings, "dripgraph verify-audit") as reachable:
        lines, holds = asyncio.run(_prove(reachable))
    for line in lines:
        click.echo(line)
    if not holds:
        sys.exit(1)


async def _prove(settings: Settings) -> tuple[Sequence[str], bool]:
    from domain.base import database
    from domain.identity.audit_proof import prove_all

    await database.connect(settings.database_url, application="dripgraph-verify-audit")
    try:
        proofs = await prove_all()
    finally:
        await database.disconnect()
    lines = [
        f"workspace {proof.workspace_id}: "
        + (
            f"BROKEN: {proof.broken}"
            if proof.broken
            else f"{proof.entries} entries, head {proof.head.hex()}"
        )
        for proof in proofs
    ]
    return lines or ["there is no audit log yet"], all(proof.broken is None for proof in proofs)
