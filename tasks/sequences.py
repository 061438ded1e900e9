"""People into sequences and on through them."""

from datetime import datetime
from random import SystemRandom

from domain.activity.signals import ADMIT
from domain.base import clock
from domain.sequences.advancing import advance_all_due, has_due_enrollments
from domain.sequences.enrollments import admit_all_signals, has_signals
from domain.sequences.sequences import ADVANCE
from tasks.broker import actor
from tasks.scheduler import ring_when_due


@actor(ADVANCE)
async def advance() -> None:
    await advance_all_due(clock.now, SystemRandom())


@actor(ADMIT)
async def admit(workspace_id: str = "") -> None:  # noqa: ARG001  whoever rang, all are let in
    await admit_all_signals(clock.now)


async def _has_signals(_now: datetime) -> bool:
    return await has_signals()


ring_when_due(ADVANCE, has_due_enrollments)
ring_when_due(ADMIT, _has_signals)
