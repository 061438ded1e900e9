"""Quoted-printable made of pieces (RFC 2045, section 6.7).

A piece starts and ends in the first column: its last line is a soft break unless the text itself
ends with a line break. So pieces that were encoded apart, long before or just now, may be put one
after another, and decode to their texts one after another.

Lines hold at most 76 characters. None begins with `.`, so no dot-stuffing is needed, or with
`From `; none holds two blanks in a row or ends with one, so that DKIM's relaxed form of the body is
the body itself.
"""

import re
from functools import lru_cache
from typing import Final

_WIDTH = 75
_SAFE_LINE = re.compile(r"(?!\.|From )[!-<>-~]+(?: [!-<>-~]+)*")
_TABLE: Final = {
    **{code: f"={code:02X}" for code in range(256) if not 32 <= code <= 126},  # noqa: PLR2004
    ord("="): "=3D",
}
_FIRST_COLUMN = {".": "=2E", "F": "=46"}
_REMEMBERED_CHARACTERS = 200


def encode(text: str) -> str:
    """One piece; any line break of the text becomes CRLF. Unpaired surrogates become `?`."""
    return _remembered(text) if len(text) <= _REMEMBERED_CHARACTERS else _encode(text)


@lru_cache(maxsize=2_000)
def _remembered(text: str) -> str:
    """A mail's links stand in both of its parts, and first names come again with other people."""
    return _encode(text)


def _encode(text: str) -> str:
    if _SAFE_LINE.fullmatch(text):
        return _fold(text) + "=\r\n"
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    last = lines.pop()
    pieces = [_fold(_escape(line, is_whole=True)) + "\r\n" for line in lines]
    if last:
        pieces.append(_fold(_escape(last, is_whole=False)) + "=\r\n")
    return "".join(pieces)


def _escape(line: str, *, is_whole: bool) -> str:
    octets = line.encode("utf-8", "replace").decode("latin-1")
    escaped = octets.translate(_TABLE).replace("  ", " =20")
    if is_whole and escaped.endswith(" "):
        return escaped[:-1] + "=20"
    return escaped


def _fold(escaped: str) -> str:
    """Break a long line softly, never inside an escape."""
    if len(escaped) <= _WIDTH and not escaped.startswith((".", "From ")):
        return escaped
    lines = []
    at = 0
    while at < len(escaped):
        start = ""
        if escaped.startswith((".", "From "), at):
            start = _FIRST_COLUMN[escaped[at]]
            at += 1
        end = at + _WIDTH - len(start)
        if end < len(escaped):
            end -= 1 if escaped[end - 1] == "=" else 2 if escaped[end - 2] == "=" else 0
        lines.append(start + escaped[at:end])
        at = end
    return "=\r\n".join(lines)
