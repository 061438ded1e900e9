"""Mail as a receiver's parser sees it."""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import cast
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.base.errors import DomainError
from domain.content.compilation import compile_template
from domain.content.headers import AddressError
from domain.content.mime import Envelope, build_message, message_values
from domain.content.models import BodyFormat

ENVELOPE = Envelope(
    message_id=UUID("019c0000-0000-7000-8000-000000000001"),
    from_email="news@shop.example",
    from_name="The Shop, Ltd.",
    to_email="anna@example.com",
    date=datetime(2026, 3, 1, 12, 30, 15, 999, tzinfo=UTC),
    public_url="https://mail.shop.example",
    token="t0k-en_" * 8 + "abcd",
    unsubscribe_email="leave@shop.example",
    feedback_id="sequence:workspace:dripgraph",
)
TEMPLATE = compile_template(
    "Hello {{ subscriber.first_name }}",
    '<p>Hi {{ subscriber.first_name }} of {{ workspace.name }},</p><p><a href="https://a.example">'
    'See</a> <a href="{{ unsubscribe_url }}">Leave</a></p>',
    BodyFormat.HTML,
    None,
)
STRICT = email.policy.default.clone(raise_on_defect=True)


def values(first_name: str | None = "Anna") -> dict[str, object]:
    return message_values(
        email="anna@example.com",
        first_name=first_name,
        last_name=None,
        timezone=None,
        locale=None,
        attributes={},
        tags=[],
        workspace_name="Shop",
    )


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=STRICT)


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return cast("str", body.get_content()).replace("\r\n", "\n")


def test_headers_stand_in_a_fixed_order_with_exact_values() -> None:
    message = parsed(build_message(TEMPLATE, values(), ENVELOPE))
    token = ENVELOPE.token
    unsubscribe = f"<https://mail.shop.example/u/{token}>"
    mailto = f"<mailto:leave@shop.example?subject=unsubscribe%20{token}>"
    assert message.items() == [
        ("From", '"The Shop, Ltd." <news@shop.example>'),
        ("To", "anna@example.com"),
        ("Subject", "Hello Anna"),
        ("Date", "Sun, 01 Mar 2026 12:30:15 +0000"),
        ("Message-ID", "<019c0000-0000-7000-8000-000000000001@shop.example>"),
        ("List-Unsubscribe", f"{unsubscribe}, {mailto}"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Feedback-ID", "sequence:workspace:dripgraph"),
        ("MIME-Version", "1.0"),
        ("Content-Type", 'multipart/alternative; boundary="=_dripgraph"'),
    ]
    assert message.defects == []


def test_text_comes_first_and_html_last_each_with_the_message_s_own_addresses() -> None:
    message = parsed(build_message(TEMPLATE, values("Zoë <3"), ENVELOPE))
    assert [one.get_content_type() for one in message.iter_parts()] == ["text/plain", "text/html"]
    token = ENVELOPE.token
    assert part(message, "plain").strip() == (
        f"Hi Zoë <3 of Shop,\n\nSee (https://mail.shop.example/c/{token}/1)"
        f" Leave (https://mail.shop.example/u/{token})"
    )
    html = part(message, "html")
    assert "<p>Hi Zoë &lt;3 of Shop,</p>" in html
    assert f'<a href="https://mail.shop.example/c/{token}/1">See</a>' in html
    assert f'<a href="https://mail.shop.example/u/{token}">Leave</a>' in html
    assert f'<img src="https://mail.shop.example/o/{token}.gif"' in html


def test_the_same_message_is_the_same_bytes() -> None:
    first, second = (build_message(TEMPLATE, values(), ENVELOPE) for _ in range(2))
    assert first == second


NAMES = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\r\n"\\=?. é'))


@settings(deadline=None)
@given(NAMES, NAMES)
def test_no_value_breaks_out_of_its_header_or_makes_a_line_that_mail_servers_mind(
    name: str, sender: str
) -> None:
    envelope = replace(ENVELOPE, from_name=sender, to_name=name)
    raw = build_message(TEMPLATE, values(name), envelope)
    message = parsed(raw)
    assert [header for header, _ in message.items()] == [
        "From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe",
        "List-Unsubscribe-Post", "Feedback-ID", "MIME-Version", "Content-Type",
    ]  # fmt: skip
    assert [one.addr_spec for one in message["To"].addresses] == ["anna@example.com"]
    assert [one.addr_spec for one in message["From"].addresses] == ["news@shop.example"]
    assert raw.endswith(b"\r\n")
    for line in raw.decode("ascii").split("\r\n"):
        assert len(line) <= 998
        assert "\n" not in line
        assert "\r" not in line
        assert not line.startswith((".", "From "))


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("Anna\r\nBcc: all@evil.example", "Hello Anna Bcc: all@evil.example"),
        ("Zoë", "Hello Zoë"),
        ("=?utf-8?q?x?=", "Hello =?utf-8?q?x?="),
        ("Я" * 60, "Hello " + "Я" * 60),
        ("long " * 30, "Hello " + "long " * 29 + "long"),
        ("x" * 300, "Hello " + "x" * 300),
        (None, "Hello"),
    ],
)
def test_a_subject_is_read_back_as_one_line(name: str | None, subject: str) -> None:
    raw = build_message(TEMPLATE, values(name), ENVELOPE)
    assert parsed(raw)["Subject"] == subject
    head = raw.partition(b"\r\nDate:")[0].partition(b"Subject:")[2].split(b"\r\n")
    assert max(map(len, head)) <= 76


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Zoë Müller", "Zoë Müller"),
        ('A "quoted" \\ name', 'A "quoted" \\ name'),
        ("Anna\r\nBcc: x", "Anna Bcc: x"),
        ("Ж" * 18, "Ж" * 18),
        ("  ", ""),
    ],
)
def test_a_display_name_is_read_back(name: str, shown: str) -> None:
    message = parsed(build_message(TEMPLATE, values(), replace(ENVELOPE, to_name=name)))
    (address,) = message["To"].addresses
    assert (address.display_name, address.addr_spec) == (shown, "anna@example.com")


@pytest.mark.parametrize(
    "address",
    [
        "anna", "anna@", "@example.com", "a b@example.com", "a@example.com\r\nBcc: x@y.example",
        "a@b.example, c@d.example", "<a@b.example>", "zoë@example.com", "a@bü.example", "",
    ],
)  # fmt: skip
def test_an_address_that_mail_cannot_carry_is_refused(address: str) -> None:
    with pytest.raises(AddressError):
        build_message(TEMPLATE, values(), replace(ENVELOPE, to_email=address))


def test_a_missing_value_refuses_the_message() -> None:
    template = compile_template("x", "<p>\n{{ event.total }}</p>", BodyFormat.HTML, None)
    with pytest.raises(DomainError) as caught:
        build_message(template, values(), ENVELOPE)
    assert caught.value.message == "line 2: `event` has no value"


def test_the_time_of_the_mail_is_the_clock_of_its_template() -> None:
    template = compile_template(
        "{{ 'now' | date: '%Y' }} {{ today | date: '%H:%M' }}", "x", BodyFormat.HTML, None
    )
    assert parsed(build_message(template, values(), ENVELOPE))["Subject"] == "2026 12:30"


def test_nothing_of_the_sender_needs_to_be_given_but_its_address() -> None:
    envelope = replace(ENVELOPE, from_name=None, unsubscribe_email=None, feedback_id=None)
    message = parsed(build_message(TEMPLATE, values(), envelope))
    assert message["From"] == "news@shop.example"
    assert message["Feedback-ID"] is None
    assert message["List-Unsubscribe"] == f"<https://mail.shop.example/u/{ENVELOPE.token}>"


def test_a_reply_address_is_carried() -> None:
    envelope = replace(ENVELOPE, reply_to="help@shop.example")
    message = parsed(build_message(TEMPLATE, values(), envelope))
    assert message["Reply-To"] == "help@shop.example"
