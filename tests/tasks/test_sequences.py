import pytest

from domain.activity.models import EventKind
from domain.activity.signals import ADMIT, SignalFacts, record_signals
from domain.base import doorbells
from domain.base.clock import now
from domain.identity.accounts import Session
from domain.sequences.definition import TagAdded, Wait
from domain.sequences.sequences import ADVANCE
from tasks.broker import actors, load_actors
from tasks.scheduler import duties
from tests.domain.sequences.garden import Garden, plant


@pytest.fixture
async def garden(session: Session) -> Garden:
    load_actors()
    return await plant(session.workspace_id)


@pytest.fixture
def rung(database: str) -> list[str]:
    """The doorbells that were rung."""
    names: list[str] = []

    async def note(name: str, _ids: dict[str, str]) -> None:
        names.append(name)

    doorbells.connect(note)
    return names


async def test_tag_leads_to_a_message_from_doorbell_to_doorbell(
    garden: Garden, rung: list[str]
) -> None:
    (ana,) = await garden.add_people(1)
    await garden.grow(garden.send("hello", "pause"), Wait("pause", 60), triggers=(TagAdded("vip"),))
    rung.clear()
    facts = SignalFacts(["vip"], [ana], ["{}"], [now()])
    await record_signals(garden.workspace_id, EventKind.TAG_ADDED, facts)
    assert rung == [ADMIT]
    await actors[ADMIT].unit(workspace_id=str(garden.workspace_id))
    assert rung == [ADMIT, ADVANCE]
    await actors[ADVANCE].unit()
    assert rung == [ADMIT, ADVANCE, "delivery.drain"]
    assert [message["step_key"] for message in await garden.messages()] == ["hello"]


async def test_lost_doorbells_are_rung_again_by_the_clock(garden: Garden, rung: list[str]) -> None:
    (ana,) = await garden.add_people(1)
    await garden.grow(garden.send("hello"), triggers=(TagAdded("vip"),))
    facts = SignalFacts(["vip"], [ana], ["{}"], [now()])
    await record_signals(garden.workspace_id, EventKind.TAG_ADDED, facts)
    for doorbell in (ADMIT, ADVANCE):
        rung.clear()
        await duties[doorbell].act(now())
        assert rung == [doorbell]
        await actors[doorbell].unit()
        rung.clear()
        await duties[doorbell].act(now())
        assert rung == []
