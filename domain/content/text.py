"""The plain text part of a mail whose author wrote HTML only."""

import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from urllib.parse import unquote

from domain.content.placeholders import Hidden

_SKIPPED = frozenset({"head", "style", "script", "title", "textarea", "select"})
_PARAGRAPHS = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "pre"))
_LISTS = frozenset(("ul", "ol"))
_LINES = frozenset(
    ("div", "tr", "section", "article", "header", "footer", "dt", "dd", "figure", "center")
)
_VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"))
_BLANKS = re.compile(r"[ \t\r\n\f]+")
# Stands for a blank that stays where it is; no source holds it.
_FIXED_BLANK = "\0"
_NOT_DIGITS = re.compile(r"[^\d+]")
_NOT_SHOWN = re.compile(r"display\s*:\s*none|max-height\s*:\s*0", re.IGNORECASE)


def derive_text(markup: str, hidden: Hidden, destinations: Sequence[str]) -> str:
    """The text of HTML whose Liquid is hidden, with its Liquid still hidden.

    Links follow their words in brackets, save where the words are the address; list items get an
    asterisk; what is not shown is left out, and so are pictures that lead where words lead too.
    `destinations` are those of the tracked links, number 1 first.
    """
    reader = _Reader(hidden, destinations)
    reader.feed(markup)
    reader.close()
    lines = [" ".join(line.split()) for line in reader.text().split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return _join_lone_tags(text, hidden).replace(_FIXED_BLANK, " ")


def _join_lone_tags(text: str, hidden: Hidden) -> str:
    """A tag on a line of its own gives up the line, which would be left empty by rendering.

    Between empty lines it gives up the second of them too.
    """
    kept: list[str] = []
    after_empty, is_joined = True, False
    for line in text.split("\n"):
        if not line and is_joined and after_empty:
            continue
        numbers = hidden.numbers(line)
        words = "".join(hidden.word(number) for number in numbers)
        is_joined = bool(line) and (
            line == words and all(hidden.constructs[one].is_block_tag for one in numbers)
        )
        after_empty = after_empty if is_joined else not line
        kept += (line, "" if is_joined else "\n")
    return "".join(kept).rstrip("\n")


class _Reader(HTMLParser):
    def __init__(self, hidden: Hidden, destinations: Sequence[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._hidden = hidden
        self._destinations = {
            f"{hidden.link_word}{number}": destination
            for number, destination in enumerate(destinations, 1)
        }
        self._hidden_within: list[str] = []
        self._links: list[tuple[str, int, int]] = []
        self._pieces: list[str] = []
        self._word_count = self._tag_count = 0
        # By address and the number of Liquid's tags before: between two tags all is shown or none.
        self._worded: set[tuple[str, int]] = set()
        self._pictures: list[tuple[tuple[str, int], int, int]] = []
        self._list_depth = self._pre_depth = 0
        self._item_start = self._link_end = -1

    def text(self) -> str:
        for place, start, end in self._pictures:
            if place in self._worded:
                self._pieces[start:end] = [""] * (end - start)
        return "".join(self._pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if self._hidden_within or tag in _SKIPPED or _NOT_SHOWN.search(given.get("style", "")):
            if tag not in _VOID:
                self._hidden_within.append(tag)
        else:
            self._open(tag, given)

    def _open(self, tag: str, given: Mapping[str, str]) -> None:
        self._pre_depth += tag == "pre"
        if tag == "a":
            if self._link_end == len(self._pieces):
                self._pieces.append(" ")
            self._links.append((given.get("href", ""), len(self._pieces), self._word_count))
        elif tag == "br":
            self._pieces.append("\n")
        elif tag == "hr":
            self._pieces.append("\n\n----\n\n")
        elif tag == "li":
            self._pieces.append("\n" + _FIXED_BLANK * 2 * (self._list_depth - 1) + "* ")
            self._item_start = len(self._pieces)
        elif tag == "img":
            self._pieces.append(given.get("alt", ""))
        elif tag in _LISTS:
            self._pieces.append("" if self._list_depth else "\n\n")
            self._list_depth += 1
        else:
            self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden_within:
            if tag in self._hidden_within:
                while self._hidden_within.pop() != tag:
                    pass
            return
        self._pre_depth -= tag == "pre" and self._pre_depth > 0
        if tag == "a" and self._links:
            self._close_link(*self._links.pop())
        elif tag == "td":
            self._pieces.append(" ")
        elif tag in _LISTS:
            self._list_depth = max(0, self._list_depth - 1)
            self._pieces.append("\n" if self._list_depth else "\n\n")
        else:
            self._break(tag)

    def handle_data(self, data: str) -> None:
        is_blank = data.isspace()
        if self._hidden_within or (is_blank and self._item_start == len(self._pieces)):
            return
        self._word_count += not is_blank
        if self._pre_depth:
            self._pieces.append(data.expandtabs(4).replace(" ", _FIXED_BLANK))
        else:
            self._pieces.append(_BLANKS.sub(" ", data))

    def handle_comment(self, data: str) -> None:
        if data.startswith(self._hidden.stem) and not self._hidden_within:
            self._word_count += 1
            self._tag_count += any(
                self._hidden.constructs[number].is_block_tag
                for number in self._hidden.numbers(data)
            )
            self._pieces.append(data)

    def _break(self, tag: str) -> None:
        if self._item_start == len(self._pieces):
            return
        if tag in _PARAGRAPHS:
            self._pieces.append("\n\n")
        elif tag in _LINES:
            self._pieces.append("\n")

    def _close_link(self, address: str, start: int, words_before: int) -> None:
        words = "".join(self._pieces[start:]).strip()
        if not address or address.startswith("#"):
            return
        scheme, _, rest = address.partition(":")
        shown = address
        if scheme.lower() in {"mailto", "tel"}:
            shown = unquote(rest.partition("?")[0])
        if self._destinations.get(address) == self._hidden.reveal(words):
            self._pieces[start:] = [address]
        elif words == shown or (scheme.lower() == "tel" and _digits(words) == _digits(shown)):
            self._pieces.append("")
        else:
            self._pieces.append(f" ({shown})" if words else shown)
        self._link_end = len(self._pieces)
        place = (address, self._tag_count)
        if self._word_count == words_before:
            self._pictures.append((place, start, self._link_end))
        else:
            self._worded.add(place)


def _digits(number: str) -> str:
    return _NOT_DIGITS.sub("", number)
