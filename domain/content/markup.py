"""A linear walk over HTML or MJML source: what is text, what is a tag, what is a comment.

It never goes back, so that no input takes it longer than its length.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

_VERBATIM = frozenset(
    ("title", "style", "textarea", "script", "mj-title", "mj-style", "mj-preview")
)
_NAME = re.compile(r"</?([A-Za-z][^\s/>]*)")
_QUOTE_OR_END = re.compile(r"[\"'>]")
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")


class Kind(Enum):
    TEXT = auto()
    TAG = auto()
    COMMENT = auto()
    VERBATIM = auto()


class Region(NamedTuple):
    kind: Kind
    start: int
    end: int
    name: str


class Attribute(NamedTuple):
    name: str
    value: str
    start: int
    end: int


def regions(source: str) -> Iterator[Region]:
    """The whole source in order; `name` is a tag's, lower case, with `/` in front when it closes.

    The content of `title`, `style` and the like is one VERBATIM region.
    """
    lowered = source.lower()
    at = 0
    while at < len(source):
        opened = source.find("<", at)
        if opened < 0:
            opened = len(source)
        if opened > at:
            yield Region(Kind.TEXT, at, opened, "")
        if opened == len(source):
            return
        if source.startswith("<!--", opened):
            at = _after(source, "-->", opened + 4)
            yield Region(Kind.COMMENT, opened, at, "")
            continue
        name = _tag_name(source, opened)
        if name is None:
            yield Region(Kind.TEXT, opened, opened + 1, "")
            at = opened + 1
            continue
        at = _tag_end(source, opened + 1)
        yield Region(Kind.TAG, opened, at, name)
        if name in _VERBATIM and not source.endswith("/>", opened, at):
            ended = lowered.find(f"</{name}", at)
            ended = len(source) if ended < 0 else ended
            if ended > at:
                yield Region(Kind.VERBATIM, at, ended, name)
            at = ended


def attributes(source: str, tag: Region) -> list[Attribute]:
    """The attributes of a tag as written; start and end enclose the value without its quotes."""
    found = []
    name = _NAME.match(source, tag.start)
    for match in _ATTRIBUTE.finditer(source, name.end() if name else tag.start + 1, tag.end):
        group = next((number for number in (2, 3, 4) if match.group(number) is not None), None)
        if group is None:
            found.append(Attribute(match.group(1).lower(), "", match.end(), match.end()))
        else:
            found.append(Attribute(match.group(1).lower(), match.group(group), *match.span(group)))
    return found


def _after(source: str, mark: str, at: int) -> int:
    found = source.find(mark, at)
    return len(source) if found < 0 else found + len(mark)


def _tag_name(source: str, at: int) -> str | None:
    match = _NAME.match(source, at)
    if match:
        return ("/" if source[at + 1] == "/" else "") + match.group(1).lower()
    following = source[at + 1 : at + 2]
    return following if following in {"!", "?"} and following else None


def _tag_end(source: str, at: int) -> int:
    while match := _QUOTE_OR_END.search(source, at):
        if match.group() == ">":
            return match.end()
        at = _after(source, match.group(), match.end())
    return len(source)
