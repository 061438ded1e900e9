import asyncio
from contextvars import Context
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from domain.audience.conditions.tree import All, HasTag
from domain.audience.upserts import tell_subscribed
from domain.base.database import execute, fetch, fetchval, to_json, transaction
from domain.base.errors import ConflictError
from domain.base.ids import fact_id, new_id
from domain.base.partitions import ensure_months
from domain.identity.audit import Actor
from domain.sequences.advancing import advance_all_due, has_due_enrollments
from domain.sequences.definition import (
    Branch,
    BranchArm,
    Definition,
    Exit,
    Manual,
    Subscribed,
    Wait,
)
from domain.sequences.enrollments import admit_signals, enroll
from domain.sequences.sequences import activate, archive, pause
from domain.sequences.versions import publish
from tests.domain.sequences.garden import NOW, Garden, advance, revise

DAY = timedelta(days=1)


class ProcessEnded(Exception):  # noqa: N818
    """The process ends here."""


async def test_people_are_mailed_wait_and_are_mailed_again(garden: Garden) -> None:
    (ana,) = await garden.add_people(1)
    sequence_id = await garden.grow(
        garden.send("hello", "pause"), Wait("pause", 86_400, "bye"), garden.send("bye")
    )
    await enroll(garden.workspace_id, sequence_id, [ana], NOW)

    assert await advance() == (1, 2, 1)
    assert await advance() == (0, 0, 0)
    (row,) = await garden.enrollments(sequence_id)
    assert tuple(row) == (ana, "active", None, "pause", 2, NOW + DAY)

    assert await advance(NOW + DAY - timedelta(seconds=1)) == (0, 0, 0)
    assert await advance(NOW + DAY) == (1, 1, 1)
    (row,) = await garden.enrollments(sequence_id)
    assert tuple(row) == (ana, "completed", "end", "bye", 3, None)
    assert [(m["step_key"], m["visit"], m["status"]) for m in await garden.messages()] == [
        ("hello", 1, "queued"),
        ("bye", 3, "queued"),
    ]


async def test_reasons_are_recorded_for_each_visit(garden: Garden) -> None:
    (ana,) = await garden.add_people(1, tags=("vip",))
    fork = Branch("fork", (BranchArm(HasTag("vip"), "hello"),), "out")
    sequence_id = await garden.grow(
        fork, garden.send("hello", "pause"), Wait("pause", 60), Exit("out")
    )
    await enroll(garden.workspace_id, sequence_id, [ana], NOW)
    await advance()
    enrollment_id = fact_id(NOW, sequence_id, ana, 1)
    rows = await fetch(
        """SELECT id, visit, step_key, code, details::text FROM decision
           WHERE enrollment_id = $1 ORDER BY visit""",
        enrollment_id,
    )
    assert [tuple(row) for row in rows] == [
        (fact_id(NOW, enrollment_id, 1), 1, "fork", "branch", '{"taken": 0}'),
        (fact_id(NOW, enrollment_id, 2), 2, "hello", "queued", "{}"),
        (
            fact_id(NOW, enrollment_id, 3),
            3,
            "pause",
            "waiting",
            '{"until": "2026-03-04T12:01:00Z"}',
        ),
    ]
    (message,) = await garden.messages()
    assert message["id"] == fact_id(NOW, enrollment_id, 2)


async def test_branches_go_by_what_is_true_of_each_person(garden: Garden) -> None:
    plain = await garden.add_people(3)
    vips = await garden.add_people(2, tags=("vip",))
    fork = Branch("fork", (BranchArm(HasTag("vip"), "gift"),), "hello")
    sequence_id = await garden.grow(fork, garden.send("gift"), garden.send("hello"))
    await enroll(garden.workspace_id, sequence_id, [*plain, *vips], NOW)
    await advance()
    by_step: dict[str, set[UUID]] = {"gift": set(), "hello": set()}
    for message in await garden.messages():
        by_step[message["step_key"]].add(message["subscriber_id"])
    assert by_step == {"gift": set(vips), "hello": set(plain)}


async def test_batch_that_died_before_its_commit_makes_the_same_messages_again(
    garden: Garden,
) -> None:
    people = await garden.add_people(5)
    sequence_id = await garden.grow(garden.send("hello", "pause"), Wait("pause", 60))
    await enroll(garden.workspace_id, sequence_id, people, NOW)
    before = []

    async def advance_and_die() -> None:
        async with transaction():
            assert await advance() == (5, 10, 5)
            before.extend(await garden.messages())
            raise ProcessEnded

    with pytest.raises(ProcessEnded):
        await advance_and_die()
    assert await garden.messages() == []
    assert await advance(NOW + DAY) == (5, 10, 5)
    assert await garden.messages() == before


async def test_two_at_once_never_take_the_same_person(garden: Garden) -> None:
    people = await garden.add_people(200)
    sequence_id = await garden.grow(garden.send("hello", "pause"), Wait("pause", 60))
    await enroll(garden.workspace_id, sequence_id, people, NOW)

    async def drain() -> int:
        moved = 0
        while (batch := await advance(limit=20)).enrollments:
            moved += batch.enrollments
        return moved

    counts = await asyncio.gather(
        *(asyncio.create_task(drain(), context=Context()) for _ in range(4))
    )
    assert sum(counts) == 200
    assert {row["visit"] for row in await garden.enrollments(sequence_id)} == {2}
    assert len(await garden.messages()) == 200


async def test_limit_bounds_the_batch_over_all_sequences(garden: Garden) -> None:
    people = await garden.add_people(10)
    for _ in range(3):
        sequence_id = await garden.grow(garden.send("hello"))
        await enroll(garden.workspace_id, sequence_id, people, NOW)
    assert [(await advance(limit=12)).enrollments for _ in range(4)] == [12, 12, 6, 0]


async def test_paused_sequence_stands_still_and_loses_nobody(garden: Garden) -> None:
    people = await garden.add_people(3)
    sequence_id = await garden.grow(Wait("pause", 60, "hello"), garden.send("hello"))
    await enroll(garden.workspace_id, sequence_id, people, NOW)
    await advance()
    await pause(garden.workspace_id, sequence_id, NOW)
    assert not await has_due_enrollments(NOW + DAY)
    assert await advance(NOW + DAY) == (0, 0, 0)
    holds = await fetchval("SELECT count(*) FROM delivery_hold WHERE source_id = $1", sequence_id)
    assert holds == 1

    await activate(garden.workspace_id, sequence_id, NOW + DAY)
    assert await has_due_enrollments(NOW + DAY)
    assert await advance(NOW + DAY) == (3, 3, 3)
    holds = await fetchval("SELECT count(*) FROM delivery_hold WHERE source_id = $1", sequence_id)
    assert holds == 0


async def test_pausing_waits_for_the_batch_on_its_way(garden: Garden) -> None:
    people = await garden.add_people(2)
    sequence_id = await garden.grow(garden.send("hello"))
    await enroll(garden.workspace_id, sequence_id, people, NOW)
    async with transaction():
        assert (await advance()).enrollments == 2
        pausing = asyncio.create_task(
            pause(garden.workspace_id, sequence_id, NOW), context=Context()
        )
        waiting = 0
        while not waiting:
            waiting = int(str(await fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")))
        assert not pausing.done()
    assert (await pausing)["status"] == "paused"
    assert len(await garden.messages()) == 2


async def test_pausing_is_not_put_off_by_batches_that_begin_after_it(garden: Garden) -> None:
    people = await garden.add_people(2)
    sequence_id = await garden.grow(Wait("pause", 60))
    await enroll(garden.workspace_id, sequence_id, people, NOW)
    for table in ("decision", "message"):
        await ensure_months(table, [NOW])
    async with transaction():
        assert (await advance(limit=1)).enrollments == 1
        pausing = asyncio.create_task(
            pause(garden.workspace_id, sequence_id, NOW), context=Context()
        )
        while not await fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert not pausing.done()
        advancing = asyncio.create_task(advance(limit=1), context=Context())
        assert await advancing == (0, 0, 0)
    await pausing
    rows = await garden.enrollments(sequence_id)
    assert sorted(row["visit"] for row in rows) == [0, 1]


async def test_nobody_is_let_into_a_sequence_that_is_being_paused(garden: Garden) -> None:
    (ana,) = await garden.add_people(1)
    sequence_id = await garden.grow(garden.send("hello"), triggers=(Subscribed(),))
    await tell_subscribed(garden.workspace_id, [ana], NOW)
    async with transaction():
        await pause(garden.workspace_id, sequence_id, NOW)
        admitting = asyncio.create_task(admit_signals(NOW), context=Context())
        assert await admitting == 0
    assert await garden.enrollments(sequence_id) == []
    await activate(garden.workspace_id, sequence_id, NOW)
    assert await admit_signals(NOW) == 1


async def test_two_who_enroll_the_same_people_wait_in_the_same_order(garden: Garden) -> None:
    ana, bob = sorted(await garden.add_people(2))
    sequence_id = await garden.grow(garden.send("hello"))
    async with transaction():
        await enroll(garden.workspace_id, sequence_id, [ana], NOW)
        enrolling = asyncio.create_task(
            enroll(garden.workspace_id, sequence_id, [bob, ana], NOW), context=Context()
        )
        while not await fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert not enrolling.done()
        await enroll(garden.workspace_id, sequence_id, [bob], NOW)
    assert (await enrolling).already_count == 2


async def test_batch_passes_by_a_sequence_that_is_being_paused(garden: Garden) -> None:
    people = await garden.add_people(2)
    sequence_id = await garden.grow(garden.send("hello"))
    await enroll(garden.workspace_id, sequence_id, people, NOW)
    async with transaction():
        await pause(garden.workspace_id, sequence_id, NOW)
        advancing = asyncio.create_task(advance(), context=Context())
        assert await advancing == (0, 0, 0)
    assert await garden.messages() == []


async def test_archiving_ends_everybody_and_skips_what_is_queued(garden: Garden) -> None:
    people = await garden.add_people(2)
    sequence_id = await garden.grow(garden.send("hello", "pause"), Wait("pause", 60))
    await enroll(garden.workspace_id, sequence_id, people, NOW)
    await advance()
    await archive(garden.workspace_id, sequence_id, NOW)
    rows = await garden.enrollments(sequence_id)
    assert [(row["status"], row["reason"], row["due_at"]) for row in rows] == [
        ("exited", "sequence_archived", None)
    ] * 2
    assert [(m["status"], m["reason"]) for m in await garden.messages()] == [
        ("skipped", "sequence_archived")
    ] * 2
    counted = await fetch(
        "SELECT sum(queued)::int, sum(skipped)::int FROM message_rollup WHERE sequence_id = $1",
        sequence_id,
    )
    assert tuple(counted[0]) == (2, 2)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE subscriber SET status = 'unsubscribed'", "subscriber_unsubscribed"),
        (
            """INSERT INTO suppression (id, workspace_id, email, reason, created_at)
               SELECT id, workspace_id, email, 'manual', now() FROM subscriber""",
            "suppressed",
        ),
    ],
)
async def test_people_who_may_not_be_mailed_any_more_leave(
    garden: Garden, statement: str, reason: str
) -> None:
    people = await garden.add_people(1)
    sequence_id = await garden.grow(Wait("pause", 60, "hello"), garden.send("hello"))
    await enroll(garden.workspace_id, sequence_id, people, NOW)
    await advance()
    await execute(statement)
    await advance(NOW + DAY)
    (row,) = await garden.enrollments(sequence_id)
    assert (row["status"], row["reason"]) == ("exited", reason)
    assert await garden.messages() == []


async def test_people_stay_in_the_version_they_entered(garden: Garden) -> None:
    (ana, bob) = await garden.add_people(2)
    sequence_id = await garden.grow(garden.send("hello", "pause"), Wait("pause", 60, "hello"))
    await enroll(garden.workspace_id, sequence_id, [ana], NOW)
    await advance()
    second = new_id(NOW)
    await revise(garden, second, 2)
    await publish(
        garden.workspace_id, sequence_id, expected_revision=1, published_by=Actor(), now=NOW
    )
    await enroll(garden.workspace_id, sequence_id, [bob], NOW)
    await advance(NOW + DAY)
    rows = await fetch("SELECT subscriber_id, revision_id FROM message ORDER BY visit, id")
    by_person: dict[UUID, set[UUID]] = {ana: set(), bob: set()}
    for row in rows:
        by_person[row["subscriber_id"]].add(row["revision_id"])
    assert by_person == {ana: {garden.revision_id}, bob: {second}}


async def test_work_that_is_months_late_finds_its_partitions(garden: Garden) -> None:
    people = await garden.add_people(1)
    sequence_id = await garden.grow(garden.send("hello"))
    await enroll(garden.workspace_id, sequence_id, people, NOW - 400 * DAY)
    assert await advance(NOW) == (1, 1, 1)


async def test_batch_takes_as_many_statements_for_many_as_for_one(
    garden: Garden, statements: list[str]
) -> None:
    fork = Branch("fork", (BranchArm(HasTag("vip"), "hello"),), "hello")
    sequence_id = await garden.grow(fork, garden.send("hello", "pause"), Wait("pause", 60))
    counts = []
    for count in (1, 1, 30):
        people = await garden.add_people(count)
        await enroll(garden.workspace_id, sequence_id, people, NOW)
        statements.clear()
        assert (await advance()).enrollments == count
        counts.append(len(statements))
    # The first batch also reads the definition, which is kept, and makes the month's partitions.
    assert counts[1:] == [8, 8]


async def test_draining_goes_on_until_nobody_is_due(garden: Garden) -> None:
    people = await garden.add_people(3)
    first = await garden.grow(garden.send("hello"))
    second = await garden.grow(garden.send("hello", "pause"), Wait("pause", 1, "out"), Exit("out"))
    for sequence_id in (first, second):
        await enroll(garden.workspace_id, sequence_id, people, NOW)
    seconds = iter(range(100))

    def clock() -> datetime:
        return NOW + timedelta(seconds=next(seconds))

    assert await advance_all_due(clock, Random(1), 50) == (9, 12, 6)
    assert await advance_all_due(clock, Random(1), 50) == (0, 0, 0)


async def test_draining_ends_when_its_time_is_over(garden: Garden) -> None:
    people = await garden.add_people(3)
    sequence_id = await garden.grow(Wait("pause", 1, "pause"))
    await enroll(garden.workspace_id, sequence_id, people, NOW)
    seconds = iter(range(100))

    def clock() -> datetime:
        return NOW + timedelta(seconds=2 * next(seconds))

    assert (await advance_all_due(clock, Random(1), 7)).enrollments == 9


# More parameters than a statement can have.
TOO_MANY_TAGS = Definition(
    "fork", (Manual(),), (Branch("fork", (BranchArm(All((HasTag("x"),) * 2**15)),)),)
)


@pytest.mark.parametrize(
    "definition",
    [
        pytest.param('{"start": 5}', id="cannot be read"),
        # Refused by the driver before it reaches Postgres, as a misuse of its interface.
        pytest.param(to_json(TOO_MANY_TAGS.to_json()), id="cannot be asked"),
    ],
)
async def test_faulty_sequence_is_logged_and_holds_up_no_other(
    garden: Garden, definition: str, caplog: pytest.LogCaptureFixture
) -> None:
    people = await garden.add_people(3)
    faulty = await garden.grow(garden.send("hello"))
    sound = await garden.grow(garden.send("hello"))
    await execute(
        "UPDATE sequence_version SET definition = $2 WHERE sequence_id = $1", faulty, definition
    )
    for sequence_id in (faulty, sound):
        await execute(
            """INSERT INTO enrollment (id, workspace_id, sequence_id, version_id, subscriber_id,
                 status, due_at, enrolled_at)
               SELECT gen_random_uuid(), q.workspace_id, q.id, q.active_version_id, person,
                 'active', $2, $2 FROM sequence q, unnest($3::uuid[]) AS person WHERE q.id = $1""",
            sequence_id,
            NOW,
            people,
        )
    seconds = iter(range(100))
    await advance_all_due(lambda: NOW + timedelta(seconds=next(seconds)), Random(1))
    statuses = [
        {row["status"] for row in await garden.enrollments(sequence_id)}
        for sequence_id in (faulty, sound)
    ]
    assert statuses == [{"active"}, {"completed"}]
    assert f"people of sequence {faulty} cannot be moved on" in caplog.text
    assert f"people of sequence {sound} cannot be moved on" not in caplog.text


async def test_nobody_slips_into_a_sequence_that_is_being_archived(garden: Garden) -> None:
    people = await garden.add_people(1)
    sequence_id = await garden.grow(garden.send("hello"))
    async with transaction():
        await archive(garden.workspace_id, sequence_id, NOW)
        enrolling = asyncio.create_task(
            enroll(garden.workspace_id, sequence_id, people, NOW), context=Context()
        )
        while not await fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert not enrolling.done()
    with pytest.raises(ConflictError):
        await enrolling
    assert await garden.enrollments(sequence_id) == []
