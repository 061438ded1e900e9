"""What a person wants to see of a mail. Any bytes are readable; nothing here raises on them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

_HEADER_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_LONGEST_HEADER_BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    content_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class View:
    html: str | None
    text: str | None
    attachments: list[Attachment]


def headers(content: bytes) -> list[tuple[str, str]]:
    """Return names and unfolded, decoded values, in the order of the mail."""
    head = _HEADER_END.split(content[:_LONGEST_HEADER_BLOCK], maxsplit=1)[0]
    lines = _FOLD.sub("", head.decode("utf-8", "replace")).splitlines()
    found = []
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            found.append((name.strip(), _decoded(value.strip())))
    return found


def summary(content: bytes) -> tuple[str, str]:
    """Return the subject and the author, empty where the mail has none."""
    subject = author = ""
    for name, value in headers(content):
        match name.lower():
            case "subject":
                subject = value
            case "from":
                author = value
    return subject, author


def view(content: bytes) -> View:
    """Return the first HTML part, the first text part, and everything else as attachments.

    A mail nested too deep to be read is shown as its source.
    """
    try:
        return _view(content)
    except RecursionError:
        return View(html=None, text=content.decode("utf-8", "replace"), attachments=[])


def _view(content: bytes) -> View:
    html: str | None = None
    text: str | None = None
    attachments: list[Attachment] = []
    message = BytesParser(policy=compat32).parsebytes(content)
    for part in _leaves(message):
        body = _body(part)
        content_type = part.get_content_type()
        is_attached = part.get_content_disposition() == "attachment"
        if content_type == "text/html" and html is None and not is_attached:
            html = _text(part, body)
        elif content_type == "text/plain" and text is None and not is_attached:
            text = _text(part, body)
        else:
            number = len(attachments) + 1
            attachments.append(
                Attachment(
                    name=_decoded(part.get_filename() or f"part-{number}"),
                    content_type=content_type,
                    content_id=str(part.get("Content-ID", "")).strip().strip("<>"),
                    body=body,
                )
            )
    return View(html=html, text=text, attachments=attachments)


def _leaves(message: Message) -> Iterator[Message]:
    """Yield the parts that hold content. A forwarded mail is one part, not its own parts."""
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _leaves(part)
    else:
        yield message


def _body(part: Message) -> bytes:
    if part.is_multipart():
        return b"".join(inner.as_bytes() for inner in part.walk() if inner is not part)
    body = part.get_payload(decode=True)
    return body if isinstance(body, bytes) else b""


def _text(part: Message, body: bytes) -> str:
    charset = part.get_content_charset("utf-8")
    try:
        return _without_surrogates(body.decode(charset, "replace"))
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")


def _decoded(value: str) -> str:
    """Decode RFC 2047 words; a value that is not well formed is shown as it stands."""
    if "=?" not in value:
        return value
    try:
        return _without_surrogates(str(make_header(decode_header(value))))
    except (MessageError, LookupError, ValueError):
        return value


def _without_surrogates(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
