"""Delivery: draining the queue of messages, and settling what dead workers left."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.activity.tokens import MessageTokens
from domain.base import clock, doorbells
from domain.base.database import in_fresh_task
from domain.base.settings import Settings
from domain.delivery.claim import has_due
from domain.delivery.composing import Composer
from domain.delivery.messages import DRAIN
from domain.delivery.recovery import has_expired, recover_expired, recover_journals
from domain.delivery.sending import drain
from tasks.broker import actor
from tasks.scheduler import ring_when_due
from tasks.smtp.account import smtp_account
from tasks.smtp.pool import SmtpPool
from tasks.worker import is_stopping, resource

RECOVER: Final = "delivery.recover"


@dataclass(frozen=True, slots=True)
class _PostOffice:
    """What the drains of one worker share."""

    sender: SmtpPool
    composer: Composer
    journals: Path


_offices: Final[list[_PostOffice]] = []


@resource
@asynccontextmanager
async def post_office(settings: Settings) -> AsyncIterator[None]:
    """Connections to the mail server and compiled templates, for as long as the worker lives."""
    office = _PostOffice(
        SmtpPool(smtp_account(settings.relay_url)),
        Composer(
            MessageTokens(settings.secret_key),
            public_url=settings.public_url,
            mail_from=settings.mail_from,
        ),
        settings.data_dir / "journal",
    )
    # A predecessor on this machine may have died with all of the queue in its hands: then nothing
    # is due, and no drain would come to read its journal.
    await in_fresh_task(lambda: recover_journals(office.journals, clock.now()))
    _offices.append(office)
    try:
        yield
    finally:
        _offices.remove(office)
        await office.sender.close()


@actor(DRAIN)
async def drain_queue() -> None:
    for office in _offices:
        prepare = office.composer.prepare
        if await drain(office.sender, prepare, office.journals, should_stop=is_stopping):
            await doorbells.ring(DRAIN)


@actor(RECOVER)
async def recover() -> None:
    for office in _offices:
        await recover_journals(office.journals, clock.now())
    while await recover_expired(clock.now()):
        pass


ring_when_due(DRAIN, has_due)
ring_when_due(RECOVER, has_expired, every_seconds=5.0)
