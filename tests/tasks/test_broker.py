"""Doorbells over Redis: rung once, answered one at a time, never the caller's error."""

import asyncio

import pytest
import redis

from tasks.broker import (
    NAMESPACE,
    Actor,
    Answering,
    Bell,
    actor,
    actors,
    create_broker,
    queue_of,
    waiting_key,
)
from tasks.worker import Taken


@pytest.fixture
def bell(redis_url: str) -> Bell:
    return Bell(redis_url)


def waiting(redis_url: str, queue: str) -> list[dict[str, object]]:
    """The ids of the messages that wait in a queue; they are taken out."""
    with redis.Redis.from_url(redis_url) as client:
        broker = create_broker(client, [Taken(client)])
        consumer = broker.consume(queue, prefetch=100, timeout=1)
        found = []
        while (message := next(consumer)) is not None:
            broker.emit_before("process_message", message)
            consumer.ack(message)
            found.append({"name": message.actor_name, **message.kwargs})
        consumer.close()
        broker.close()
    return found


@pytest.mark.parametrize(
    ("name", "queue"),
    [
        ("delivery.drain", "delivery"),
        ("sequences.advance", "sequences"),
        ("jobs.run", "jobs"),
        ("segments.refresh", "jobs"),
    ],
)
def test_doorbell_goes_to_its_nouns_queue(name: str, queue: str) -> None:
    assert queue_of(name) == queue


async def test_doorbell_that_waits_already_is_not_rung_again(bell: Bell, redis_url: str) -> None:
    for account in ("1", "2", "1"):
        await bell.ring("delivery.drain", {"account_id": account})
    await bell.ring("jobs.run", {})
    bell.close()
    assert waiting(redis_url, "delivery") == [
        {"name": "delivery.drain", "account_id": "1"},
        {"name": "delivery.drain", "account_id": "2"},
    ]
    assert waiting(redis_url, "jobs") == [{"name": "jobs.run"}]


async def test_doorbell_rings_again_once_it_was_taken(bell: Bell, redis_url: str) -> None:
    await bell.ring("jobs.run", {})
    assert waiting(redis_url, "jobs") == [{"name": "jobs.run"}]
    await bell.ring("jobs.run", {})
    assert waiting(redis_url, "jobs") == [{"name": "jobs.run"}]
    bell.close()


async def test_lost_message_keeps_its_doorbell_silent_for_ten_seconds_at_most(
    bell: Bell, redis_url: str
) -> None:
    await bell.ring("jobs.run", {"job_id": "7"})
    bell.close()
    key = waiting_key("jobs.run", {"job_id": "7"})
    assert key == f"{NAMESPACE}:waiting:jobs.run?job_id=7"
    with redis.Redis.from_url(redis_url) as client:
        assert 0 < client.pttl(key) <= 10_000


async def test_ringing_while_redis_is_down_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    bell = Bell("unix:///nowhere/valkey.sock?db=0")
    await bell.ring("delivery.drain", {})
    await bell.ring("delivery.drain", {})
    bell.close()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("cannot ring delivery.drain, the scheduler will: ")


def test_two_units_for_one_doorbell_are_a_mistake() -> None:
    async def unit() -> None:
        return

    try:
        actor("test.once")(unit)
        with pytest.raises(ValueError, match=r"two units answer the doorbell test\.once"):
            actor("test.once")(unit)
    finally:
        del actors["test.once"]


class Gate:
    """A unit that waits to be let through, and counts."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.arrivals: asyncio.Queue[str] = asyncio.Queue()
        self.free = asyncio.Event()
        self.tasks: list[asyncio.Task[object] | None] = []

    async def unit(self, account_id: str = "") -> None:
        self.begun.append(account_id)
        self.arrivals.put_nowait(account_id)
        self.tasks.append(asyncio.current_task())
        await self.free.wait()


async def test_doorbell_during_its_unit_makes_it_run_once_more() -> None:
    gate = Gate()
    answering = Answering(Actor("test.gate", "jobs", gate.unit, at_once=1))
    running = asyncio.create_task(answering.answer())
    await gate.arrivals.get()
    await answering.answer()
    await answering.answer()
    assert len(gate.begun) == 1
    gate.free.set()
    await running
    assert len(gate.begun) == 2
    assert len(set(gate.tasks)) == 2
    await answering.answer()
    assert len(gate.begun) == 3


async def test_units_with_other_ids_run_side_by_side() -> None:
    gate = Gate()
    answering = Answering(Actor("test.gate", "jobs", gate.unit, at_once=1))
    running = [asyncio.create_task(answering.answer(account_id=name)) for name in ("a", "b", "a")]
    await running[2]
    assert gate.begun == ["a", "b"]
    gate.free.set()
    await asyncio.gather(*running)
    assert gate.begun == ["a", "b", "a"]


async def test_so_many_units_run_at_once_as_the_actor_says() -> None:
    gate = Gate()
    answering = Answering(Actor("test.gate", "jobs", gate.unit, at_once=2))
    running = [asyncio.create_task(answering.answer()) for _ in range(3)]
    await running[2]
    assert len(gate.begun) == 2
    gate.free.set()
    await asyncio.gather(*running)
    assert len(gate.begun) == 3


async def test_many_units_of_one_name_leave_room_for_others() -> None:
    gate = Gate()
    answering = Answering(Actor("test.gate", "jobs", gate.unit, at_once=1, in_all=2))
    running = [asyncio.create_task(answering.answer(account_id=name)) for name in "abc"]
    await running[2]
    assert gate.begun == ["a", "b"]
    gate.free.set()
    await asyncio.gather(*running)
    await answering.answer(account_id="c")
    assert gate.begun == ["a", "b", "c"]


async def test_unit_that_fails_does_not_block_the_next() -> None:
    tries: list[int] = []

    async def fail() -> None:
        tries.append(len(tries))
        raise OSError("away")

    answering = Answering(Actor("test.fail", "jobs", fail, at_once=1))
    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            await answering.answer()
    assert tries == [0, 1]
