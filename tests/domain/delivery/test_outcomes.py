import random
from datetime import timedelta
from uuid import UUID

import pytest

from domain.base.database import execute, fetchrow, fetchval
from domain.delivery.claim import Claimed, claim_batch
from domain.delivery.outcomes import (
    Settled,
    record_outcomes,
    retry_delay_seconds,
    settle,
    unrenderable,
    untried,
)
from domain.delivery.recovery import recover_expired
from domain.delivery.transport import Outcome, Verdict
from domain.sequences.sequences import archive
from tests.domain.delivery.shop import Shop

OWNER = UUID(int=7)


class Middling(random.Random):
    """The middle of every range."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


async def claim(shop: Shop, count: int = 1, *, owner: UUID = OWNER) -> list[Claimed]:
    await shop.queue(count)
    claimed = await claim_batch(shop.at, owner)
    assert claimed is not None
    return claimed


def decide(shop: Shop, claimed: Claimed, verdict: Verdict, code: int, reply: str) -> Settled:
    outcome = Outcome(claimed.message_id, verdict, code, reply)
    return settle(claimed, outcome, shop.at, Middling())


async def record(shop: Shop, *settled: Settled, owner: UUID = OWNER) -> int:
    return await record_outcomes(settled, owner, shop.at)


async def row(columns: str, message_id: UUID) -> tuple[object, ...]:
    found = await fetchrow(f"SELECT {columns} FROM message WHERE id = $1", message_id)
    assert found is not None
    return tuple(found)


async def test_an_accepted_message_is_sent_with_the_servers_words(shop: Shop) -> None:
    [one] = await claim(shop)
    settled = decide(shop, one, Verdict.ACCEPTED, 250, "250 2.0.0 queued as 7")
    assert await record(shop, settled) == 1
    assert await row(
        "status, reason, provider_reply, sent_at, owner, lease_until, attempts", one.message_id
    ) == ("sent", None, "250 2.0.0 queued as 7", shop.at, None, None, 1)
    assert await shop.counters() == {"queued": 1, "sent": 1}


async def test_recording_twice_counts_once(shop: Shop) -> None:
    [one] = await claim(shop)
    settled = decide(shop, one, Verdict.ACCEPTED, 250, "250 ok")
    assert await record(shop, settled) == 1
    assert await record(shop, settled) == 0
    assert await shop.counters() == {"queued": 1, "sent": 1}


async def test_who_lost_the_lease_writes_nothing(shop: Shop) -> None:
    [one] = await claim(shop)
    settled = decide(shop, one, Verdict.ACCEPTED, 250, "250 ok")
    assert await record(shop, settled, owner=UUID(int=8)) == 0
    assert await record(shop, settled._replace(attempt=2)) == 0
    assert list((await shop.statuses()).values()) == ["sending"]


async def test_a_permanent_refusal_fails_the_message_and_spares_the_address(shop: Shop) -> None:
    [one] = await claim(shop)
    await record(shop, decide(shop, one, Verdict.REFUSED, 554, "554 5.7.1 spam"))
    assert await row("status, reason, failed_at, bounced_at", one.message_id) == (
        "failed", "refused", shop.at, None,
    )  # fmt: skip
    assert await fetchval("SELECT count(*) FROM suppression") == 0
    assert await fetchval("SELECT status FROM subscriber") == "subscribed"
    assert await shop.counters() == {"queued": 1, "failed": 1}


@pytest.mark.parametrize("detail", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"])
async def test_an_address_that_does_not_exist_is_suppressed(shop: Shop, detail: str) -> None:
    [one] = await claim(shop)
    await record(shop, decide(shop, one, Verdict.REFUSED, 550, f"550 {detail} nobody here"))
    assert await row("status, reason, failed_at, bounced_at", one.message_id) == (
        "failed", "no_such_address", shop.at, None,
    )  # fmt: skip
    suppression = await fetchrow("SELECT workspace_id, email, reason FROM suppression")
    assert suppression is not None
    assert tuple(suppression) == (shop.workspace_id, "p0@example.com", "hard_bounce")
    assert await fetchval("SELECT status FROM subscriber") == "bounced"


async def test_an_address_that_was_put_right_meanwhile_is_spared(shop: Shop) -> None:
    [one] = await claim(shop)
    await execute("UPDATE subscriber SET email = 'right@example.com'")
    await record(shop, decide(shop, one, Verdict.REFUSED, 550, "550 5.1.1 nobody here"))
    assert await fetchval("SELECT email FROM suppression") == "p0@example.com"
    assert await fetchval("SELECT status FROM subscriber") == "subscribed"


@pytest.mark.parametrize("reply", ["550 5.1.8 bad sender", "550 5.1.7 sender", "550 15.1.1 x"])
async def test_a_refusal_of_the_sender_suppresses_nobody(shop: Shop, reply: str) -> None:
    [one] = await claim(shop)
    await record(shop, decide(shop, one, Verdict.REFUSED, 550, reply))
    assert await fetchval("SELECT count(*) FROM suppression") == 0


@pytest.mark.parametrize(
    ("verdict", "code", "reason"),
    [
        (Verdict.REFUSED, 451, "deferred"),
        (Verdict.NOT_HANDED_OVER, 0, "server_unavailable"),
    ],
)
async def test_what_may_go_better_later_is_tried_again_later(
    shop: Shop, verdict: Verdict, code: int, reason: str
) -> None:
    [one] = await claim(shop)
    await record(shop, decide(shop, one, verdict, code, "later"))
    assert await row("status, reason, provider_reply, owner, attempts", one.message_id) == (
        "queued", reason, "later", None, 1,
    )  # fmt: skip
    assert await claim_batch(shop.at + timedelta(seconds=59), OWNER) is None
    again = await claim_batch(shop.at + timedelta(seconds=60), OWNER)
    assert again is not None
    assert again[0].attempt == 2
    assert await shop.counters() == {"queued": 1}


def test_the_delay_doubles_from_a_minute_to_four_hours() -> None:
    delays = [retry_delay_seconds(attempt, Middling()) for attempt in range(1, 11)]
    assert delays == [60, 120, 240, 480, 960, 1920, 3840, 7680, 14400, 14400]


def test_delays_are_spread_by_a_quarter_either_way() -> None:
    chance = random.Random(5)
    delays = [retry_delay_seconds(1, chance) for _ in range(1000)]
    assert 45 <= min(delays) < 46
    assert 74 < max(delays) <= 75


async def test_a_retry_after_the_deadline_is_a_failure(shop: Shop) -> None:
    [one] = await claim(shop)
    soon = one._replace(deadline_at=shop.at + timedelta(seconds=59))
    await record(shop, decide(shop, soon, Verdict.REFUSED, 451, "451 later"))
    assert await row("status, reason, failed_at", one.message_id) == ("failed", "expired", shop.at)


async def test_patience_ends_after_two_days_of_tries(shop: Shop) -> None:
    [one] = await claim(shop)
    # 60 s and so on to 7,680 s make 4 h 15 min; eleven times four hours are missing to two days.
    assert decide(shop, one._replace(attempt=18), Verdict.REFUSED, 451, "").status == "queued"
    assert decide(shop, one._replace(attempt=19), Verdict.REFUSED, 451, "").status == "failed"


async def test_a_message_that_was_held_for_months_is_tried_as_long_as_any_other(
    shop: Shop,
) -> None:
    [one] = await claim(shop)
    held = one._replace(queued_at=shop.at - timedelta(days=90))
    assert decide(shop, held, Verdict.REFUSED, 451, "451 greylisted").status == "queued"
    assert decide(shop, held, Verdict.NOT_HANDED_OVER, 0, "away").status == "queued"


async def test_a_message_of_an_archived_sequence_that_comes_back_is_skipped(shop: Shop) -> None:
    [one] = await claim(shop)
    await archive(shop.workspace_id, shop.sequence_id, shop.at)
    await record(shop, decide(shop, one, Verdict.REFUSED, 451, "451 later"))
    later = shop.at + timedelta(hours=1)
    assert await claim_batch(later, OWNER) == []
    assert await row("status, reason, skipped_at", one.message_id) == (
        "skipped", "sequence_archived", later,
    )  # fmt: skip
    assert await shop.counters() == {"queued": 1, "skipped": 1}


async def test_a_template_that_fails_for_a_person_fails_that_message(shop: Shop) -> None:
    [one] = await claim(shop)
    await record(shop, unrenderable(one, "line 3: `first_nam` is not known"))
    assert await row("status, reason, provider_reply", one.message_id) == (
        "failed", "template_error", "line 3: `first_nam` is not known",
    )  # fmt: skip


async def test_an_untried_message_goes_back_as_if_never_claimed(shop: Shop) -> None:
    [one] = await claim(shop)
    await record(shop, untried(one, shop.at))
    assert await row("status, reason, owner, attempts", one.message_id) == (
        "queued", None, None, 0,
    )  # fmt: skip
    again = await claim_batch(shop.at, OWNER)
    assert again is not None
    assert again[0].attempt == 1


async def test_a_message_in_doubt_is_held_as_unknown(shop: Shop) -> None:
    [one] = await claim(shop)
    await record(shop, decide(shop, one, Verdict.IN_DOUBT, 0, "connection lost"))
    assert await row("status, reason, provider_reply", one.message_id) == (
        "unknown", "reply_lost", "connection lost",
    )  # fmt: skip
    assert await shop.counters() == {"queued": 1, "unknown": 1}
    assert await claim_batch(shop.at + timedelta(days=1), OWNER) is None


async def test_a_workspace_that_resends_tries_a_message_in_doubt_again(shop: Shop) -> None:
    await execute("UPDATE workspace SET on_unknown = 'resend' WHERE id = $1", shop.workspace_id)
    [one] = await claim(shop)
    await record(shop, decide(shop, one, Verdict.IN_DOUBT, 0, "connection lost"))
    assert await row("status, reason", one.message_id) == ("queued", "resent_unknown")
    assert await shop.counters() == {"queued": 1}
    assert await claim_batch(shop.at + timedelta(seconds=59), OWNER) is None
    assert len(await claim_batch(shop.at + timedelta(seconds=60), OWNER) or []) == 1


async def test_resending_ends_with_the_deadline(shop: Shop) -> None:
    await execute("UPDATE workspace SET on_unknown = 'resend' WHERE id = $1", shop.workspace_id)
    [one] = await claim(shop)
    soon = one._replace(deadline_at=shop.at + timedelta(seconds=59))
    await record(shop, decide(shop, soon, Verdict.IN_DOUBT, 0, "connection lost"))
    assert list((await shop.statuses()).values()) == ["unknown"]


async def test_a_lease_that_ran_out_leaves_the_message_unknown(shop: Shop) -> None:
    await claim(shop, 2)
    assert await recover_expired(shop.at + timedelta(seconds=300)) == 0
    assert await recover_expired(shop.at + timedelta(seconds=301)) == 2
    assert list((await shop.statuses()).values()) == ["unknown", "unknown"]
    assert await shop.counters() == {"queued": 2, "unknown": 2}
    assert await fetchval("SELECT DISTINCT reason FROM message") == "lease_expired"


async def test_a_late_certainty_replaces_unknown(shop: Shop) -> None:
    first, second, third = await claim(shop, 3)
    await recover_expired(shop.at + timedelta(seconds=301))
    await record(
        shop,
        decide(shop, first, Verdict.ACCEPTED, 250, "250 ok"),
        untried(second, shop.at),
        decide(shop, third, Verdict.IN_DOUBT, 0, "connection lost"),
    )
    assert await shop.statuses() == {
        first.message_id: "sent",
        second.message_id: "queued",
        third.message_id: "unknown",
    }
    assert await shop.counters() == {"queued": 3, "sent": 1, "unknown": 1}


async def test_a_batch_mixes_all_outcomes(shop: Shop) -> None:
    batch = await claim(shop, 200)
    verdicts = [
        (Verdict.ACCEPTED, 250, "250 ok"),
        (Verdict.REFUSED, 550, "550 5.1.1 no"),
        (Verdict.REFUSED, 451, "451 later"),
        (Verdict.IN_DOUBT, 0, "lost"),
    ]
    settled = [decide(shop, one, *verdicts[n % 4]) for n, one in enumerate(batch)]
    assert await record(shop, *settled) == 200
    statuses = list((await shop.statuses()).values())
    assert {status: statuses.count(status) for status in set(statuses)} == {
        "sent": 50, "failed": 50, "queued": 50, "unknown": 50,
    }  # fmt: skip
    assert await shop.counters() == {"queued": 200, "sent": 50, "failed": 50, "unknown": 50}
    assert await fetchval("SELECT count(*) FROM suppression") == 50
