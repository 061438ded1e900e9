"""The plain text part of a mail whose author wrote HTML only."""

import re
from html.parser import HTMLParser

from domain.content.placeholders import Hidden

_SKIPPED = frozenset({"head", "style", "script", "title", "textarea", "select"})
_PARAGRAPHS = frozenset(
    ("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "table", "pre")
)
_LINES = frozenset(
    ("div", "tr", "section", "article", "header", "footer", "dt", "dd", "figure", "center")
)
_VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"))
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_NOT_SHOWN = re.compile(r"display\s*:\s*none|max-height\s*:\s*0", re.IGNORECASE)


def derive_text(markup: str, hidden: Hidden) -> str:
    """The text of HTML whose Liquid is hidden, with its Liquid still hidden.

    Links follow their words in brackets; list items get an asterisk; what is not shown is left out.
    """
    reader = _Reader(hidden.stem)
    reader.feed(markup)
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.pieces).split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return _join_lone_tags(text, hidden)


def _join_lone_tags(text: str, hidden: Hidden) -> str:
    """A tag on a line of its own gives up the line, which would be left empty by rendering."""
    kept: list[str] = []
    for line in text.split("\n"):
        numbers = hidden.numbers(line)
        words = "".join(hidden.word(number) for number in numbers)
        is_lone = line == words and all(hidden.constructs[one].is_block_tag for one in numbers)
        kept += (line, "") if line and is_lone else (line, "\n")
    return "".join(kept).rstrip("\n")


class _Reader(HTMLParser):
    def __init__(self, stem: str) -> None:
        super().__init__(convert_charrefs=True)
        self._stem = stem
        self._hidden_within: list[str] = []
        self._links: list[tuple[str, int]] = []
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if self._hidden_within or tag in _SKIPPED or _NOT_SHOWN.search(given.get("style", "")):
            if tag not in _VOID:
                self._hidden_within.append(tag)
            return
        if tag == "a":
            self._links.append((given.get("href", ""), len(self.pieces)))
        elif tag == "br":
            self.pieces.append("\n")
        elif tag == "hr":
            self.pieces.append("\n\n----\n\n")
        elif tag == "li":
            self.pieces.append("\n* ")
        elif tag == "img":
            self.pieces.append(given.get("alt", ""))
        else:
            self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden_within:
            if tag in self._hidden_within:
                while self._hidden_within.pop() != tag:
                    pass
            return
        if tag == "a" and self._links:
            self._close_link(*self._links.pop())
        elif tag == "td":
            self.pieces.append(" ")
        else:
            self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden_within:
            self.pieces.append(_BLANKS.sub(" ", data))

    def handle_comment(self, data: str) -> None:
        if data.startswith(self._stem) and not self._hidden_within:
            self.pieces.append(data)

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self.pieces.append("\n\n")
        elif tag in _LINES:
            self.pieces.append("\n")

    def _close_link(self, address: str, start: int) -> None:
        words = "".join(self.pieces[start:]).strip()
        if address and not address.startswith("#") and address != words:
            self.pieces.append(f" ({address})" if words else address)
