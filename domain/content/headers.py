"""Header values of a mail: addresses, encoded words (RFC 2047), folding. Nothing passes a line."""

import re
from base64 import b64encode
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from domain.base.errors import InvalidInputError

_LINE = 76
_WORD_OCTETS = 39
"""Base64 of this many octets, in the frame of an encoded word, fits a line after any name."""
_ADDRESS = re.compile(r"[!#-'*+\-/0-9=?A-Z^-~]+(?:\.[!#-'*+\-/0-9=?A-Z^-~]+)*@[A-Za-z0-9.-]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?: [A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
_MAX_ADDRESS = 320


class AddressError(InvalidInputError):
    """An address that a mail cannot carry."""


def check_address(address: str) -> str:
    """The address itself, when it is plain ASCII (domains in IDNA form) and may stand in `<…>`."""
    if len(address) > _MAX_ADDRESS or not _ADDRESS.fullmatch(address):
        raise AddressError(f"{address[:_MAX_ADDRESS]!r} is not an address that mail can carry")
    return address


@lru_cache(maxsize=1_000)
def mailbox(address: str, name: str | None) -> str:
    """`Name <address>` for a From, To or Reply-To line."""
    checked = check_address(address)
    shown = one_line(name or "")
    if not shown:
        return checked
    if _is_plain(shown):
        if not _ATOMS.fullmatch(shown):
            quoted = shown.replace("\\", r"\\").replace('"', r"\"")
            shown = f'"{quoted}"'
        if len(shown) < _LINE - len("Reply-To: "):
            fits = len(shown) + len(checked) < _LINE - len("Reply-To:  <>")
            return f"{shown} <{checked}>" if fits else f"{shown}\r\n <{checked}>"
    return f"{_encoded_words(shown)}\r\n <{checked}>"


def unstructured(text: str, name: str) -> str:
    """The value of a text header such as Subject, folded; blanks and breaks become one blank."""
    shown = one_line(text)
    room = _LINE - len(name) - 2
    if not _is_plain(shown):
        return _encoded_words(shown)
    if len(shown) <= room:
        return shown
    lines: list[str] = []
    line = ""
    for word in shown.split(" "):
        if len(word) > room:
            return _encoded_words(shown)
        if line and len(line) + 1 + len(word) > room:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])


def one_line(text: str) -> str:
    """Text with each run of blanks and breaks made one blank."""
    return " ".join(text.split())


@lru_cache(maxsize=100)
def date(at: datetime) -> str:
    """RFC 5322 form, whole seconds."""
    return format_datetime(at)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and "=?" not in text


def _encoded_words(text: str) -> str:
    words: list[str] = []
    octets = b""
    for character in text:
        more = character.encode("utf-8", "replace") if character.isprintable() else b" "
        if len(octets) + len(more) > _WORD_OCTETS:
            words.append(b64encode(octets).decode())
            octets = b""
        octets += more
    words.append(b64encode(octets).decode())
    return "\r\n ".join(f"=?utf-8?B?{word}?=" for word in words)
