"""Why a message is where it is, in words, from what was recorded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.delivery.models import MessageStatus


@dataclass(frozen=True, slots=True)
class MessageExplanation:
    """`code` is stable, for programs: the reason, or what it waits for. `until` ends a wait."""

    code: str
    text: str
    until: datetime | None = None


_SKIPPED: Final = {
    "unsubscribed": "The subscriber unsubscribed before it could be sent.",
    "bounced": "The subscriber's address has bounced.",
    "complained": "The subscriber has complained about our mail.",
    "suppressed": "The address is on the suppression list.",
    "too_late": "Its deadline had passed when its turn came.",
    "sequence_archived": "The sequence was archived before it could be sent.",
}
_FAILED: Final = {
    "no_such_address": "The mail server says that the address does not exist.",
    "refused": "The mail server refused it for good.",
    "expired": "It was put off until it was too late to try again.",
    "template_error": "Its template could not be rendered for this subscriber.",
}
_UNKNOWN: Final = {
    "reply_lost": "It was handed over, but the connection broke before the mail server answered.",
    "sender_died": "The worker died after handing it over and before the mail server answered.",
    "lease_expired": "The worker vanished while it had the message in hand.",
}
_DEFERRED: Final = {
    "deferred": "The mail server asked to try again later",
    "server_unavailable": "The mail server could not be reached",
    "resent_unknown": "The last try may or may not have arrived; this workspace sends again",
}


def explain_message(
    *,
    status: MessageStatus,
    reason: str | None,
    send_after: datetime,
    attempts: int,
    is_held: bool,
    now: datetime,
) -> MessageExplanation:
    """Say why; every recorded reason has its sentence, one from elsewhere stands for itself."""
    if status is MessageStatus.QUEUED:
        return _waiting(reason, send_after, is_held=is_held, now=now)
    if status is MessageStatus.SENDING:
        return MessageExplanation("sending", "A worker is sending it at this moment.")
    if status is MessageStatus.SENT:
        tries = "" if attempts == 1 else f" at the {_ordinal(attempts)} try"
        return MessageExplanation("sent", f"The mail server took it{tries}.")
    sentences = {
        MessageStatus.SKIPPED: _SKIPPED,
        MessageStatus.FAILED: _FAILED,
        MessageStatus.UNKNOWN: _UNKNOWN,
    }[status]
    code = reason or status.value
    return MessageExplanation(code, sentences.get(code, code))


def _waiting(
    reason: str | None, send_after: datetime, *, is_held: bool, now: datetime
) -> MessageExplanation:
    if is_held:
        return MessageExplanation("held", "Its sequence is paused: it waits for that to end.")
    if send_after <= now:
        return MessageExplanation("due", "It waits for its turn in the queue.")
    if reason in _DEFERRED:
        return MessageExplanation(reason, f"{_DEFERRED[reason]}.", send_after)
    return MessageExplanation("scheduled", "It is not to be sent before its time.", send_after)


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")
