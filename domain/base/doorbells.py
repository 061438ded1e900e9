"""Doorbells: "there is work of this kind", said to whoever does it, after commit.

A doorbell carries ids only and may get lost: the scheduler finds the same work in Postgres.
"""

import logging
from collections.abc import Awaitable, Callable

from domain.base.database import after_commit

logger = logging.getLogger(__name__)

Sender = Callable[[str, dict[str, str]], Awaitable[None]]

_sender: Sender | None = None


def connect(sender: Sender | None) -> None:
    """Name who delivers doorbells in this process: called with `noun.verb` and ids as text."""
    global _sender  # noqa: PLW0603  one sender a process, set at start
    _sender = sender


async def ring(name: str, **ids: object) -> None:
    """Ring `name` after commit, at once outside a transaction, never on rollback."""
    payload = {key: str(value) for key, value in ids.items()}

    async def send() -> None:
        if _sender is None:
            logger.debug("no one answers the doorbell %s", name)
            return
        await _sender(name, payload)

    await after_commit(send)
