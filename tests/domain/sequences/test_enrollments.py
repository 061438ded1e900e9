from datetime import datetime, timedelta
from uuid import UUID

import orjson
import pytest

from domain.activity.models import EventKind
from domain.activity.signals import SignalFacts, record_signals
from domain.base.database import execute, fetch, fetchval
from domain.base.errors import ConflictError, NotFoundError
from domain.base.ids import fact_id, new_id
from domain.base.pages import Page, PageRequest
from domain.sequences.definition import EventHappened, Exit, Manual, Subscribed, TagAdded, Wait
from domain.sequences.enrollments import (
    admit_signals,
    enroll,
    has_signals,
    read_enrollments_of_sequences,
)
from domain.sequences.models import EnrollmentStatus
from domain.sequences.people import count_people
from domain.sequences.sequences import activate, archive, pause
from tests.domain.sequences.garden import NOW, Garden, advance

EARLIER = NOW - timedelta(minutes=5)


async def signal(
    garden: Garden, kind: EventKind, key: str, people: list[UUID], at: datetime = EARLIER
) -> int:
    count = len(people)
    facts = SignalFacts([key] * count, people, ['{"total": 5}'] * count, [at] * count)
    return await record_signals(garden.workspace_id, kind, facts)


@pytest.mark.parametrize(
    ("trigger", "kind", "key"),
    [
        (Subscribed(), EventKind.SUBSCRIBED, ""),
        (TagAdded("vip"), EventKind.TAG_ADDED, "vip"),
        (EventHappened("order"), EventKind.CUSTOM, "order"),
    ],
)
async def test_trigger_lets_people_in(
    garden: Garden, trigger: Subscribed | TagAdded | EventHappened, kind: EventKind, key: str
) -> None:
    (ana,) = await garden.add_people(1)
    sequence_id = await garden.grow(Exit("out"), triggers=(trigger,))
    await signal(garden, kind, key, [ana])
    assert await has_signals()
    assert await admit_signals(NOW) == 1
    assert not await has_signals()
    (row,) = await fetch("SELECT *, trigger::text AS why FROM enrollment")
    assert row["id"] == fact_id(EARLIER, sequence_id, ana, 1)
    assert (row["status"], row["step_key"], row["visit"]) == ("active", None, 0)
    assert (row["due_at"], row["enrolled_at"]) == (NOW, NOW)
    assert orjson.loads(row["why"]) == {
        "kind": kind,
        "key": key,
        "at": "2026-03-04T11:55:00+00:00",
        "properties": {"total": 5},
    }


async def test_somebody_is_let_in_once_however_often_triggers_fire(garden: Garden) -> None:
    people = await garden.add_people(3)
    sequence_id = await garden.grow(
        garden.send("hello"), triggers=(EventHappened("order"), TagAdded("vip"))
    )
    await signal(garden, EventKind.CUSTOM, "order", people)
    await signal(garden, EventKind.TAG_ADDED, "vip", people)
    assert await admit_signals(NOW) == 6
    await signal(garden, EventKind.CUSTOM, "order", people, NOW)
    await advance()
    assert await admit_signals(NOW + timedelta(days=1)) == 3
    rows = await garden.enrollments(sequence_id)
    assert [row["status"] for row in rows] == ["completed"] * 3
    assert len(await garden.messages()) == 3


async def test_each_sequence_that_listens_lets_them_in(garden: Garden) -> None:
    people = await garden.add_people(2)
    for _ in range(2):
        await garden.grow(Exit("out"), triggers=(TagAdded("vip"),))
    await signal(garden, EventKind.TAG_ADDED, "vip", people)
    assert await admit_signals(NOW) == 4
    assert await fetchval("SELECT count(*) FROM enrollment") == 4


async def test_signals_are_taken_up_to_the_limit(garden: Garden) -> None:
    people = await garden.add_people(5)
    await garden.grow(Exit("out"), triggers=(TagAdded("vip"),))
    await signal(garden, EventKind.TAG_ADDED, "vip", people)
    assert [await admit_signals(NOW, limit=2) for _ in range(4)] == [2, 2, 1, 0]


async def test_signals_of_a_paused_sequence_wait_for_it(garden: Garden) -> None:
    people = await garden.add_people(2)
    sequence_id = await garden.grow(Exit("out"), triggers=(TagAdded("vip"),))
    await signal(garden, EventKind.TAG_ADDED, "vip", people)
    await pause(garden.workspace_id, sequence_id, NOW)
    assert not await has_signals()
    assert await admit_signals(NOW) == 0
    await activate(garden.workspace_id, sequence_id, NOW)
    assert await admit_signals(NOW) == 2


async def test_signals_of_an_archived_sequence_are_dropped(garden: Garden) -> None:
    people = await garden.add_people(2)
    sequence_id = await garden.grow(Exit("out"), triggers=(TagAdded("vip"),))
    await signal(garden, EventKind.TAG_ADDED, "vip", people)
    await archive(garden.workspace_id, sequence_id, NOW)
    assert await fetchval("SELECT count(*) FROM signal") == 0


async def test_enrolling_by_hand_tells_new_from_known_and_unknown(garden: Garden) -> None:
    ana, bob = await garden.add_people(2)
    sequence_id = await garden.grow(Exit("out"))
    first = await enroll(garden.workspace_id, sequence_id, [ana, ana], NOW)
    assert first.enrollment_ids == [fact_id(NOW, sequence_id, ana, 1)]
    stranger = new_id(NOW)
    second = await enroll(garden.workspace_id, sequence_id, [ana, bob, stranger], NOW)
    assert second.enrollment_ids == [fact_id(NOW, sequence_id, bob, 1)]
    assert (second.already_count, second.unknown_ids) == (1, [stranger])


async def test_enrolling_into_what_is_not_running_is_refused(garden: Garden) -> None:
    people = await garden.add_people(1)
    sequence_id = await garden.grow(Exit("out"))
    await pause(garden.workspace_id, sequence_id, NOW)
    with pytest.raises(ConflictError):
        await enroll(garden.workspace_id, sequence_id, people, NOW)
    assert await fetchval("SELECT count(*) FROM enrollment") == 0


async def test_enrolling_by_hand_needs_the_trigger_for_it(garden: Garden) -> None:
    people = await garden.add_people(1)
    sequence_id = await garden.grow(Exit("out"), triggers=(TagAdded("vip"),))
    with pytest.raises(ConflictError, match="`manual`"):
        await enroll(garden.workspace_id, sequence_id, people, NOW)


async def test_strangers_cannot_enroll_and_cannot_be_enrolled(garden: Garden) -> None:
    people = await garden.add_people(1)
    sequence_id = await garden.grow(Exit("out"))
    with pytest.raises(NotFoundError):
        await enroll(new_id(NOW), sequence_id, people, NOW)
    other = await fetchval("SELECT id FROM workspace WHERE id <> $1 LIMIT 1", garden.workspace_id)
    await execute("UPDATE subscriber SET workspace_id = $1", other)
    found = await enroll(garden.workspace_id, sequence_id, people, NOW)
    assert (found.enrollment_ids, found.unknown_ids) == ([], people)


async def test_people_are_counted_where_they_rest(garden: Garden) -> None:
    people = await garden.add_people(6)
    sequence_id = await garden.grow(Wait("pause", 60, "out"), Exit("out"), triggers=(Manual(),))
    await enroll(garden.workspace_id, sequence_id, people[:3], NOW)
    await advance()
    await advance(NOW + timedelta(minutes=1), limit=1)
    await enroll(garden.workspace_id, sequence_id, people[3:], NOW)
    people = await count_people(garden.workspace_id, [sequence_id])
    assert set(people[sequence_id].value) == {
        ("active", "pause", 2),
        ("active", None, 3),
        ("exited", None, 1),
    }
    assert (await count_people(new_id(NOW), [sequence_id]))[sequence_id].value == []


async def test_list_is_newest_first_by_pages_and_status(garden: Garden) -> None:
    people = await garden.add_people(5)
    sequence_id = await garden.grow(Wait("pause", 60, "out"), Exit("out"))
    for number, person in enumerate(people):
        at = NOW + timedelta(milliseconds=number)
        await enroll(garden.workspace_id, sequence_id, [person], at)
    page = await page_of_sequence(garden, sequence_id, PageRequest(3))
    assert [row["subscriber_id"] for row in page.rows] == people[:1:-1]
    assert page.has_next_page
    rest = PageRequest(3, page.rows[-1]["id"])
    page = await page_of_sequence(garden, sequence_id, rest, EnrollmentStatus.ACTIVE)
    assert [row["subscriber_id"] for row in page.rows] == people[1::-1]
    assert not page.has_next_page
    page = await page_of_sequence(garden, sequence_id, rest, EnrollmentStatus.EXITED)
    assert list(page.rows) == []


async def page_of_sequence(
    garden: Garden,
    sequence_id: UUID,
    request: PageRequest,
    status: EnrollmentStatus | None = None,
) -> Page:
    pages = await read_enrollments_of_sequences(garden.workspace_id, [sequence_id], request, status)
    return pages[sequence_id]
