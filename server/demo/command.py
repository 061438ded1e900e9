"""`dripgraph demo`: build the workspace, and let it live when the rest of Dripgraph runs."""

from domain.base.settings import Settings
from server.demo.build import EMAIL, PASSWORD, Say, build
from server.demo.play import play
from tasks.stores import open_stores


class DemoRefusedError(Exception):
    """There is no demo where real people are mailed."""


async def run(settings: Settings, say: Say, *, plays: bool) -> None:
    """Build the demo workspace; with `plays`, let people in and have their mail read.

    Raises DemoRefusedError in production, and where mail leaves the machine.
    """
    if settings.is_production or settings.smtp_url:
        raise DemoRefusedError(
            "The demo is for trying things out: not in production, and not with SMTP_URL set."
        )
    async with open_stores(settings, "dripgraph-demo"):
        demo = await build(settings, say)
        say(f"The demo workspace is ready. Sign in as {EMAIL} with the password `{PASSWORD}`.")
        if plays:
            await play(settings, demo, say)
