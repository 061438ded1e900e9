from datetime import UTC, datetime, timedelta

import pytest

from domain.delivery.explanation import MessageExplanation, explain_message
from domain.delivery.models import MessageStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=7)


def explain(
    status: MessageStatus,
    reason: str | None = None,
    *,
    send_after: datetime = NOW,
    attempts: int = 1,
    is_held: bool = False,
) -> MessageExplanation:
    return explain_message(
        status=status,
        reason=reason,
        send_after=send_after,
        attempts=attempts,
        is_held=is_held,
        now=NOW,
    )


@pytest.mark.parametrize(
    ("explained", "code", "until"),
    [
        (explain(MessageStatus.QUEUED), "due", None),
        (explain(MessageStatus.QUEUED, send_after=LATER), "scheduled", LATER),
        (explain(MessageStatus.QUEUED, "deferred", send_after=LATER), "deferred", LATER),
        (explain(MessageStatus.QUEUED, "deferred"), "due", None),
        (explain(MessageStatus.QUEUED, send_after=LATER, is_held=True), "held", None),
        (explain(MessageStatus.SENDING), "sending", None),
        (explain(MessageStatus.SENT), "sent", None),
        (explain(MessageStatus.SKIPPED, "too_late"), "too_late", None),
        (explain(MessageStatus.FAILED, "no_such_address"), "no_such_address", None),
        (explain(MessageStatus.UNKNOWN, "sender_died"), "sender_died", None),
    ],
)
def test_each_state_has_its_code(
    explained: MessageExplanation, code: str, until: datetime | None
) -> None:
    assert (explained.code, explained.until) == (code, until)


def test_a_deferred_message_says_who_put_it_off() -> None:
    explained = explain(MessageStatus.QUEUED, "deferred", send_after=LATER)
    assert explained.text == "The mail server asked to try again later."


@pytest.mark.parametrize(
    ("attempts", "text"),
    [
        (1, "The mail server took it."),
        (2, "The mail server took it at the second try."),
        (5, "The mail server took it at the 5th try."),
    ],
)
def test_a_sent_message_says_how_many_tries_it_took(attempts: int, text: str) -> None:
    assert explain(MessageStatus.SENT, attempts=attempts).text == text


def test_a_reason_without_a_sentence_stands_for_itself() -> None:
    assert explain(MessageStatus.SKIPPED, "quota").text == "quota"
