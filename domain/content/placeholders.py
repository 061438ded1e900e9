"""Liquid hidden from what reads HTML, and put back.

Each construct becomes a word, `lqd12x`, inside tags, comments and verbatim elements, and a comment,
`<!--lqd12x-->`, between them: an HTML parser keeps a comment where it stands, even between the rows
of a table, where it would move a word out.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from domain.content.liquid import Construct, TemplateError, find_constructs
from domain.content.markup import Kind, regions
from domain.content.pieces import LINK_VARIABLE, PIXEL_VARIABLE

Shifts = Sequence[tuple[int, int]]
"""Where text that was changed starts to run along with the text before, in both of them."""
_MJML_CONTENT = frozenset(
    (
        "mj-accordion-text", "mj-accordion-title", "mj-button", "mj-navbar-link", "mj-raw",
        "mj-social-element", "mj-table", "mj-text",
    )
)  # fmt: skip
"""Elements that hold HTML. Blanks between its tags that begin with a break are words set apart,
and the MJML compiler drops them; a blank in front of the break keeps them."""
_ADDED = {"link": LINK_VARIABLE, "pixel": PIXEL_VARIABLE}


@dataclass(frozen=True)
class Hidden:
    """A source whose Liquid stands in `constructs`, and how to come back from it."""

    markup: str
    stem: str
    source: str
    constructs: tuple[Construct, ...]
    _shifts: tuple[Shifts, ...]

    @property
    def link_word(self) -> str:
        """Stands in front of a link's number for the variable that each message fills in."""
        return f"{self.stem}linkx"

    @property
    def pixel_word(self) -> str:
        return f"{self.stem}pixelx"

    def word(self, number: int) -> str:
        return f"{self.stem}{number}x"

    def reveal(self, markup: str) -> str:
        """Put the Liquid back; comments that hide a construct go with their marks."""
        return self._pattern().sub(self._liquid, markup)

    def origins(self, markup: str) -> tuple[int, ...]:
        """The author's line of each construct that `markup` holds; 0 for those that we added."""
        return tuple(
            0 if name in _ADDED else self.constructs[int(name)].line for name in self._names(markup)
        )

    def numbers(self, markup: str) -> list[int]:
        """The constructs that `markup` holds, in order."""
        return [int(name) for name in self._names(markup) if name not in _ADDED]

    def line_of(self, index: int) -> int:
        """The author's line of an index into `markup` as it was made."""
        origin = index
        for shifts in self._shifts:
            at = bisect_right(shifts, origin, key=itemgetter(0)) - 1
            if at >= 0:
                origin += shifts[at][1] - shifts[at][0]
        return self.source.count("\n", 0, origin) + 1

    def check_kept(self, markup: str) -> None:
        """Raise TemplateError for a construct that the transformation has dropped."""
        kept = set(self.numbers(markup))
        for number, construct in enumerate(self.constructs):
            if number not in kept:
                text = self.source[construct.start : construct.end]
                message = f"Liquid cannot stand here: `{text[:60]}`"
                raise TemplateError(message, line=construct.line, field="body")

    def _pattern(self) -> re.Pattern[str]:
        return re.compile(rf"<!--{self.stem}(\d+)x-->|{self.stem}(\d+|link|pixel)x")

    def _names(self, markup: str) -> list[str]:
        return [match.group(1) or match.group(2) for match in self._pattern().finditer(markup)]

    def _liquid(self, match: re.Match[str]) -> str:
        name = match.group(1) or match.group(2)
        if name in _ADDED:
            return f"{{{{ {_ADDED[name]} }}}}"
        construct = self.constructs[int(name)]
        return self.source[construct.start : construct.end]


def hide(source: str, *, is_markup: bool, is_mjml: bool = False) -> Hidden:
    """Hide the Liquid of a source that parses; Liquid's own comments are left out.

    In plain text every construct becomes a word.
    """
    stem = "lqd"
    while stem in source:
        stem += "q"
    found = list(find_constructs(source))
    constructs = tuple(construct for construct in found if not construct.is_comment)
    words: list[str] = []
    shifts: list[tuple[int, int]] = []
    length = number = at = 0
    for construct in found:
        word = "" if construct.is_comment else f"{stem}{number}x"
        number += not construct.is_comment
        words += (source[at : construct.start], word)
        length += construct.start - at + len(word)
        at = construct.end
        shifts.append((length, at))
    worded = "".join([*words, source[at:]])
    if not is_markup:
        return Hidden(worded, stem, source, constructs, (shifts,))
    markup, markup_shifts = _commented(worded, re.compile(rf"{stem}\d+x"), is_mjml=is_mjml)
    return Hidden(markup, stem, source, constructs, (markup_shifts, shifts))


def _commented(worded: str, word: re.Pattern[str], *, is_mjml: bool) -> tuple[str, Shifts]:
    """Put the words between tags into comments."""
    pieces: list[str] = []
    shifts: list[tuple[int, int]] = []
    length = 0
    is_content = False
    for region in regions(worded):
        if region.kind is Kind.TAG and region.name.lstrip("/") in _MJML_CONTENT:
            opens = not region.name.startswith("/")
            is_content = is_mjml and opens and not worded.endswith("/>", region.start, region.end)
        is_text = region.kind is Kind.TEXT
        at = region.start
        for found in [*word.finditer(worded, region.start, region.end), None]:
            end = found.start() if found else region.end
            between = worded[at:end]
            if is_text and is_content and between.startswith("\n") and between.isspace():
                between = " " + between
            shown = found.group() if found else ""
            pieces += (between, f"<!--{shown}-->" if found and is_text else shown)
            length += len(pieces[-2]) + len(pieces[-1])
            at = found.end() if found else end
            shifts.append((length, at))
    return "".join(pieces), shifts
