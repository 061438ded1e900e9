"""A mail's bytes: headers in a fixed order, then text and HTML in quoted-printable.

Lines end in CRLF, hold at most 76 characters in the bodies, and none begins with `.`. A signer may
put its header in front without touching what is here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.content.compilation import CompiledTemplate
from domain.content.headers import check_address, date, mailbox, unstructured
from domain.content.links import UNSUBSCRIBE_VARIABLE
from domain.content.pieces import LINK_VARIABLE, PIXEL_VARIABLE

# `=_` cannot occur in quoted-printable, so no body ever holds the boundary.
_BOUNDARY = "=_dripgraph"
_PART = (
    f"--{_BOUNDARY}\r\n"
    "Content-Type: text/{kind}; charset=utf-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
)
_AFTER_HEADERS = (
    "MIME-Version: 1.0\r\n"
    f'Content-Type: multipart/alternative; boundary="{_BOUNDARY}"\r\n\r\n'
    + _PART.format(kind="plain")
)
# A body may end in a soft break, which a hard one has to follow; the next belongs to the boundary.
_BETWEEN = "\r\n\r\n" + _PART.format(kind="html")
_END = f"\r\n\r\n--{_BOUNDARY}--\r\n"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a mail has besides its content. `date` is aware; its zone is that of `now` in Liquid.

    `token` names the message in its links; `feedback_id` must not name the person.
    """

    message_id: UUID
    from_email: str
    from_name: str | None
    to_email: str
    date: datetime
    public_url: str
    token: str
    to_name: str | None = None
    reply_to: str | None = None
    unsubscribe_email: str | None = None
    feedback_id: str | None = None

    @property
    def domain(self) -> str:
        return self.from_email.rpartition("@")[2]

    @property
    def unsubscribe_url(self) -> str:
        return f"{self.public_url}/u/{self.token}"

    @property
    def pixel_url(self) -> str:
        return f"{self.public_url}/o/{self.token}.gif"

    @property
    def link_base(self) -> str:
        return f"{self.public_url}/c/{self.token}/"


def build_message(
    compiled: CompiledTemplate, values: Mapping[str, object], envelope: Envelope
) -> bytes:
    """The whole mail for one recipient.

    `values` are those of `message_values`. Raises TemplateError when a variable has no value or a
    limit is met, AddressError when an address cannot be mailed.
    """
    scope = message_scope(values, envelope)
    subject = unstructured(compiled.subject.render(scope), "Subject")
    return "".join(
        (
            _headers(envelope, subject),
            _AFTER_HEADERS,
            compiled.text.encode(scope),
            _BETWEEN,
            compiled.html.encode(scope),
            _END,
        )
    ).encode("ascii")


def message_scope(values: Mapping[str, object], envelope: Envelope) -> dict[str, object]:
    """The values that Liquid sees: the caller's and those of the envelope."""
    return {
        **values,
        UNSUBSCRIBE_VARIABLE: envelope.unsubscribe_url,
        "now": envelope.date,
        "today": envelope.date,
        LINK_VARIABLE: envelope.link_base,
        PIXEL_VARIABLE: envelope.pixel_url,
    }


def message_values(
    *,
    email: str,
    first_name: str | None,
    last_name: str | None,
    timezone: str | None,
    locale: str | None,
    attributes: Mapping[str, object],
    tags: list[str],
    workspace_name: str,
    event: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """What a template may ask for of one subscriber; `event` are the trigger's properties."""
    values: dict[str, object] = {
        "subscriber": {
            "email": email,
            "first_name": first_name,
            "last_name": last_name,
            "timezone": timezone,
            "locale": locale,
            "attributes": attributes,
            "tags": tags,
        },
        "workspace": {"name": workspace_name},
    }
    if event is not None:
        values["event"] = event
    return values


def _headers(envelope: Envelope, subject: str) -> str:
    unsubscribe = f"<{_as_is(envelope.unsubscribe_url)}>"
    if envelope.unsubscribe_email is not None:
        address = check_address(envelope.unsubscribe_email)
        unsubscribe += f", <mailto:{address}?subject=unsubscribe%20{_as_is(envelope.token)}>"
    lines = [
        f"From: {mailbox(envelope.from_email, envelope.from_name)}",
        f"To: {mailbox(envelope.to_email, envelope.to_name)}",
        f"Subject: {subject}",
        f"Date: {date(envelope.date.replace(microsecond=0))}",
        f"Message-ID: <{envelope.message_id}@{envelope.domain}>",
        f"List-Unsubscribe: {unsubscribe}",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ]
    if envelope.reply_to is not None:
        lines.append(f"Reply-To: {mailbox(envelope.reply_to, None)}")
    if envelope.feedback_id is not None:
        lines.append(f"Feedback-ID: {_as_is(envelope.feedback_id)}")
    return "\r\n".join([*lines, ""])


def _as_is(text: str) -> str:
    """Text that comes from our own code and settings; a break in it would be a fault of ours."""
    if not (text.isascii() and text.isprintable()):
        message = f"{text!r} cannot stand in a header"
        raise ValueError(message)
    return text
