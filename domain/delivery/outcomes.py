"""What became of messages, written down for a whole batch at once."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from domain.activity.rollups import RollupRow, add_to_rollups
from domain.base.database import Record, fetch, transaction
from domain.delivery.bounces import is_dead_address, suppress_bounced
from domain.delivery.claim import Claimed
from domain.delivery.models import MessageStatus
from domain.delivery.transport import Outcome, Verdict

FIRST_RETRY_SECONDS: Final = 60
LONGEST_RETRY_SECONDS: Final = 4 * 3600
PATIENCE: Final = timedelta(hours=48)
"""How long a message without a deadline of its own is tried; what it waited before its first try,
while its sequence was paused or no server could be reached, does not count."""
_TEMPORARY: Final = range(400, 500)


class Settled(NamedTuple):
    """The end of one attempt at a claimed message, as it is to be written down.

    `send_after` is when a message that goes back to the queue may be tried again; an unknown one
    has it for workspaces that resend those. `attempts` is what the row shall count from now on: an
    attempt that never began does not count. `email` is where it was sent, if that is known.
    """

    message_id: UUID
    workspace_id: UUID
    attempt: int
    status: MessageStatus
    reason: str | None
    reply: str | None
    send_after: datetime | None
    attempts: int
    email: str | None = None


def retry_delay_seconds(attempt: int, chance: random.Random) -> float:
    """Twice as long after each attempt, from a minute to four hours, spread by a quarter."""
    return _nominal_delay_seconds(attempt) * chance.uniform(0.75, 1.25)


def _nominal_delay_seconds(attempt: int) -> float:
    # The exponent is bounded, since a power of thousands is no float any more.
    return min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(attempt - 1, 30))


@cache
def _longest_tried() -> int:
    """The attempt after which patience is at its end."""
    attempt, tried_seconds = 1, _nominal_delay_seconds(1)
    while tried_seconds <= PATIENCE.total_seconds():
        attempt += 1
        tried_seconds += _nominal_delay_seconds(attempt)
    return attempt


def settle(claimed: Claimed, outcome: Outcome, now: datetime, chance: random.Random) -> Settled:
    """Decide what an attempt's outcome means for its message.

    An outcome in doubt is `unknown` here; the workspace's policy is applied when it is recorded.
    """
    if outcome.verdict is Verdict.ACCEPTED:
        return _final(claimed, MessageStatus.SENT, None, outcome.reply)
    if outcome.verdict is Verdict.REFUSED and outcome.code not in _TEMPORARY:
        reason = "no_such_address" if is_dead_address(outcome.reply) else "refused"
        return _final(claimed, MessageStatus.FAILED, reason, outcome.reply)
    again_at = now + timedelta(seconds=retry_delay_seconds(claimed.attempt, chance))
    is_too_late = (
        claimed.attempt >= _longest_tried()
        if claimed.deadline_at is None
        else again_at > claimed.deadline_at
    )
    if outcome.verdict is Verdict.IN_DOUBT:
        unknown = _final(claimed, MessageStatus.UNKNOWN, "reply_lost", outcome.reply)
        return unknown if is_too_late else unknown._replace(send_after=again_at)
    if is_too_late:
        return _final(claimed, MessageStatus.FAILED, "expired", outcome.reply)
    reason = "deferred" if outcome.verdict is Verdict.REFUSED else "server_unavailable"
    waiting = _final(claimed, MessageStatus.QUEUED, reason, outcome.reply)
    return waiting._replace(send_after=again_at)


def unrenderable(claimed: Claimed, problem: str) -> Settled:
    """A message whose template cannot be rendered for this subscriber."""
    return _final(claimed, MessageStatus.FAILED, "template_error", problem)


def untried(claimed: Claimed, now: datetime) -> Settled:
    """A message given back before anything was done with it: the attempt does not count."""
    waiting = _final(claimed, MessageStatus.QUEUED, None, None)
    return waiting._replace(send_after=now, attempts=claimed.attempt - 1)


def _final(
    claimed: Claimed, status: MessageStatus, reason: str | None, reply: str | None
) -> Settled:
    return Settled(
        claimed.message_id,
        claimed.workspace_id,
        claimed.attempt,
        status,
        reason,
        reply,
        None,
        claimed.attempt,
        claimed.email,
    )


# Fenced by owner and attempt: whoever lost its lease writes nothing, unless it brings certainty
# about a message that meanwhile had to be called unknown. A repeat finds no row and does nothing.
_RECORD = """
UPDATE message m SET
    status = new.status, reason = new.reason, provider_reply = new.reply,
    attempts = new.attempts, lease_until = NULL,
    send_after = coalesce(new.send_after, m.send_after),
    owner = CASE new.status WHEN 'unknown' THEN m.owner END,
    sent_at = CASE new.status WHEN 'sent' THEN $10::timestamptz END,
    failed_at = CASE new.status WHEN 'failed' THEN $10::timestamptz END
FROM (
    SELECT o.id, o.workspace_id, o.attempt, o.reply, o.attempts,
        CASE WHEN resend THEN 'queued' ELSE o.status END AS status,
        CASE WHEN resend THEN 'resent_unknown' ELSE o.reason END AS reason,
        CASE WHEN resend OR o.status = 'queued' THEN o.send_after END AS send_after
    FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[],
                $7::timestamptz[], $8::int[])
        AS o (id, workspace_id, attempt, status, reason, reply, send_after, attempts),
    LATERAL (SELECT o.status = 'unknown' AND o.send_after IS NOT NULL AND EXISTS (
        SELECT FROM workspace w WHERE w.id = o.workspace_id AND w.on_unknown = 'resend'
    ) AS resend) policy
) new
WHERE m.id = new.id AND m.workspace_id = new.workspace_id AND m.owner = $9
  AND m.attempts = new.attempt AND m.status = $11
RETURNING m.id, m.workspace_id, m.sequence_id, m.step_key, m.status, m.reason
"""


async def record_outcomes(settled: Sequence[Settled], owner: UUID, now: datetime) -> int:
    """Write down a batch of attempts of one owner and say how many rows took it.

    One UPDATE, the hour's counters, and the suppression of dead addresses, in one transaction.
    Safe to repeat.
    """
    if not settled:
        return 0
    async with transaction():
        rows = await _record(settled, owner, now, MessageStatus.SENDING)
        late: list[Record] = []
        if len(rows) < len(settled):
            done = {row["id"] for row in rows}
            certain = [
                one
                for one in settled
                if one.message_id not in done and one.status is not MessageStatus.UNKNOWN
            ]
            late = await _record(certain, owner, now, MessageStatus.UNKNOWN)
        dead = {row["id"] for row in (*rows, *late) if row["reason"] == "no_such_address"}
        if dead:
            await suppress_bounced(
                [
                    (one.workspace_id, one.email)
                    for one in settled
                    if one.message_id in dead and one.email is not None
                ],
                now,
            )
        await add_to_rollups(_counted(rows, late, now))
    return len(rows) + len(late)


async def _record(
    settled: Sequence[Settled], owner: UUID, now: datetime, current: MessageStatus
) -> list[Record]:
    if not settled:
        return []
    columns = [list(column) for column in zip(*settled, strict=True)][:-1]
    return await fetch(_RECORD, *columns, owner, now, current.value)


def _counted(rows: Sequence[Record], late: Sequence[Record], now: datetime) -> list[RollupRow]:
    """What the counters gain; a late certainty takes back the unknown that was counted before."""
    gains: Counter[tuple[UUID, UUID, str, str]] = Counter()
    for row in (*rows, *late):
        gains[row["workspace_id"], row["sequence_id"], row["step_key"], row["status"]] += 1
    for row in late:
        gains[row["workspace_id"], row["sequence_id"], row["step_key"], "unknown"] -= 1
    return [
        RollupRow(workspace_id, sequence_id, step_key, now, **{status: gain})
        for (workspace_id, sequence_id, step_key, status), gain in gains.items()
        if status != MessageStatus.QUEUED
    ]
