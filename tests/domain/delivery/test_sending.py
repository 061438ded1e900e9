import random
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from domain.base.clock import now
from domain.base.database import execute, fetch, fetchval
from domain.base.errors import InvalidInputError
from domain.delivery.claim import Claimed, claim_batch
from domain.delivery.journal import Journal, Step
from domain.delivery.outcomes import untried
from domain.delivery.recovery import recover_journals
from domain.delivery.sending import HAND_OVER_SECONDS, Compose, Dispatch, drain
from domain.delivery.transport import Outcome, Outgoing, Verdict
from tests.domain.delivery.memory_sender import MemorySender
from tests.domain.delivery.shop import Shop


def compose(claimed: Claimed) -> Outgoing:
    return Outgoing(claimed.message_id, "shop@example.com", claimed.email, b"Subject: x\r\n")


async def prepare(_: Sequence[Claimed]) -> Compose:
    return compose


async def prepare_with_faults(_: Sequence[Claimed]) -> Compose:
    def sometimes(claimed: Claimed) -> Outgoing:
        if claimed.email == "p3@example.com":
            raise InvalidInputError("line 1: `planet` is not known")
        if claimed.email == "p4@example.com":
            raise ZeroDivisionError
        return compose(claimed)

    return sometimes


def no_journal_in(folder: Path) -> bool:
    return list(folder.iterdir()) == []


async def outcomes() -> dict[str, tuple[str, str | None]]:
    rows = await fetch(
        """SELECT s.email, m.status, m.reason FROM message m
           JOIN subscriber s ON s.id = m.subscriber_id"""
    )
    return {row["email"]: (row["status"], row["reason"]) for row in rows}


async def test_a_drain_sends_all_that_is_due_and_leaves_no_journal(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.queue(1000)
    sender = MemorySender()
    assert await drain(sender, prepare, tmp_path) is False
    await sender.close()
    assert len(sender.sent) == 1000
    assert len({outgoing.message_id for outgoing in sender.sent}) == 1000
    assert await outcomes() == {f"p{n}@example.com": ("sent", None) for n in range(1000)}
    assert await shop.counters() == {"queued": 1000, "sent": 1000}
    assert no_journal_in(tmp_path)


async def test_each_message_gets_the_outcome_of_its_own(shop: Shop, tmp_path: Path) -> None:
    await shop.queue(6)
    verdicts = {
        "p0@example.com": (Verdict.REFUSED, 550, "550 5.1.1 no such mailbox"),
        "p1@example.com": (Verdict.NOT_HANDED_OVER, 0, "connection lost"),
        "p2@example.com": (Verdict.IN_DOUBT, 0, "connection lost"),
    }
    sender = MemorySender(
        lambda outgoing: verdicts.get(outgoing.recipient, (Verdict.ACCEPTED, 250, "250 ok"))
    )
    await drain(sender, prepare_with_faults, tmp_path)
    assert await outcomes() == {
        "p0@example.com": ("failed", "no_such_address"),
        "p1@example.com": ("queued", "server_unavailable"),
        "p2@example.com": ("unknown", "reply_lost"),
        "p3@example.com": ("failed", "template_error"),
        "p4@example.com": ("queued", "server_unavailable"),
        "p5@example.com": ("sent", None),
    }
    assert sorted(outgoing.recipient for outgoing in sender.sent) == [
        "p0@example.com", "p2@example.com", "p5@example.com",
    ]  # fmt: skip


async def test_nothing_is_claimed_while_no_server_can_be_reached(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.queue(3)
    assert await drain(MemorySender(is_reachable=False), prepare, tmp_path) is False
    assert await fetchval("SELECT count(*) FROM message WHERE attempts = 0") == 3


async def test_a_drain_out_of_time_says_that_there_is_more(shop: Shop, tmp_path: Path) -> None:
    await shop.queue(300)
    sender = MemorySender()
    assert await drain(sender, prepare, tmp_path, seconds=0) is True
    assert sender.sent == []
    assert list((await shop.statuses()).values()) == ["queued"] * 300


async def test_a_drain_that_must_stop_gives_back_what_it_has_not_begun(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.queue(600)
    sender = MemorySender()
    assert await drain(sender, prepare, tmp_path, should_stop=lambda: len(sender.sent) >= 50)
    rows = await fetch("SELECT status, attempts, count(*) FROM message GROUP BY 1, 2")
    sent = len(sender.sent)
    assert 50 <= sent < 600
    assert {tuple(row) for row in rows} == {("sent", 1, sent), ("queued", 0, 600 - sent)}


async def test_a_server_that_goes_away_costs_waiting_messages_no_attempt(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.queue(600)
    sender = MemorySender()
    sender.stalls_after = 20
    assert await drain(sender, prepare, tmp_path) is False
    rows = await fetch("SELECT status, attempts, count(*) FROM message GROUP BY 1, 2")
    assert {tuple(row) for row in rows} == {("sent", 1, 20), ("queued", 0, 580)}


async def test_a_failure_to_prepare_leaves_a_journal_that_gives_the_messages_back(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.queue(10)

    async def fail(_: Sequence[Claimed]) -> Compose:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await drain(MemorySender(), fail, tmp_path)
    assert set((await shop.statuses()).values()) == {"sending"}
    sender = MemorySender()
    await drain(sender, prepare, tmp_path)
    assert len(sender.sent) == 10
    assert no_journal_in(tmp_path)


async def dead_journal(
    folder: Path, owner: UUID, batch: Sequence[Claimed], *, is_other_boot: bool = False
) -> None:
    """What a sender leaves that died with one message in each state."""
    journal = Journal(folder, owner)
    for claimed in batch[:3]:
        journal.write(claimed.message_id, Step.HANDED_OVER)
    journal.write(batch[0].message_id, Step.ACCEPTED)
    journal.write(batch[2].message_id, Step.NOT_TAKEN)
    journal.close(is_settled=False)
    if is_other_boot:
        path = folder / f"{owner}.journal"
        path.write_bytes(b"another boot\n" + path.read_bytes().partition(b"\n")[2])


async def test_the_journal_of_a_dead_sender_tells_each_messages_fate(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.queue(4)
    owner = uuid4()
    batch = await claim_batch(shop.at, owner)
    assert batch is not None
    await dead_journal(tmp_path, owner, batch)
    assert await recover_journals(tmp_path, now()) == 4
    statuses = await shop.statuses()
    assert [statuses[claimed.message_id] for claimed in batch] == [
        "sent", "unknown", "queued", "queued",
    ]  # fmt: skip
    assert await shop.counters() == {"queued": 4, "sent": 1, "unknown": 1}
    assert await recover_journals(tmp_path, now()) == 0
    assert no_journal_in(tmp_path)


async def test_after_the_machine_went_down_what_is_not_noted_is_unknown(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.queue(4)
    owner = uuid4()
    batch = await claim_batch(shop.at, owner)
    assert batch is not None
    await dead_journal(tmp_path, owner, batch, is_other_boot=True)
    await recover_journals(tmp_path, now())
    statuses = await shop.statuses()
    assert [statuses[claimed.message_id] for claimed in batch] == [
        "sent", "unknown", "queued", "unknown",
    ]  # fmt: skip


async def test_a_resending_workspace_gets_its_unknown_messages_queued_again(
    shop: Shop, tmp_path: Path
) -> None:
    await execute("UPDATE workspace SET on_unknown = 'resend' WHERE id = $1", shop.workspace_id)
    await shop.queue(4)
    owner = uuid4()
    batch = await claim_batch(shop.at, owner)
    assert batch is not None
    await dead_journal(tmp_path, owner, batch)
    await recover_journals(tmp_path, now())
    statuses = await shop.statuses()
    assert [statuses[claimed.message_id] for claimed in batch] == [
        "sent", "queued", "queued", "queued",
    ]  # fmt: skip


async def test_a_message_on_its_way_for_five_seconds_is_a_straggler(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.queue(1)
    batch = await claim_batch(shop.at, uuid4())
    assert batch is not None
    clock = [100.0]
    journal = Journal(tmp_path, uuid4())
    dispatch = Dispatch(journal, now=now, monotonic=lambda: clock[0], chance=random.Random(1))
    dispatch.add(batch, compose, clock[0] + HAND_OVER_SECONDS)
    clock[0] = 106.0
    assert not dispatch.has_straggler(), "it has not been taken"
    outgoing = dispatch.take()
    assert outgoing is not None
    clock[0] = 105.0
    assert not dispatch.has_straggler()
    clock[0] = 105.1
    assert dispatch.has_straggler()
    dispatch.settle(Outcome(outgoing.message_id, Verdict.ACCEPTED, 250, "250 ok"))
    assert not dispatch.has_straggler()
    journal.close(is_settled=True)


async def test_a_message_claimed_too_long_ago_is_not_handed_over(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.queue(1)
    batch = await claim_batch(shop.at, uuid4())
    assert batch is not None
    clock = [100.0]
    journal = Journal(tmp_path, uuid4())
    dispatch = Dispatch(journal, now=now, monotonic=lambda: clock[0], chance=random.Random(1))
    dispatch.add(batch, compose, clock[0] + HAND_OVER_SECONDS)
    outgoing = dispatch.take()
    assert outgoing is not None
    clock[0] += HAND_OVER_SECONDS
    assert dispatch.hand_over(outgoing)
    clock[0] += 0.1
    assert not dispatch.hand_over(outgoing)
    journal.close(is_settled=True)


async def test_a_message_whose_turn_comes_too_late_goes_back_untried(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.queue(2)
    batch = await claim_batch(shop.at, uuid4())
    assert batch is not None
    clock = [100.0]
    journal = Journal(tmp_path, uuid4())
    dispatch = Dispatch(
        journal, now=lambda: shop.at, monotonic=lambda: clock[0], chance=random.Random(1)
    )
    dispatch.add(batch[:1], compose, 150.0)
    dispatch.add(batch[1:], compose, 151.0)
    clock[0] = 150.5
    outgoing = dispatch.take()
    assert outgoing is not None
    assert outgoing.message_id == batch[1].message_id
    assert dispatch.collect() == [untried(batch[0], shop.at)]
    journal.close(is_settled=True)
