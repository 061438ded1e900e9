"""Liquid hidden from what reads HTML, and put back.

Each construct becomes a word, `lqd12x`, inside tags, comments and verbatim elements, and a comment,
`<!--lqd12x-->`, between them: an HTML parser keeps a comment where it stands, even between the rows
of a table, where it would move a word out.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

from domain.content.liquid import Construct, TemplateError, find_constructs
from domain.content.markup import Kind, regions
from domain.content.pieces import LINK_VARIABLE, PIXEL_VARIABLE

_ADDED = {"link": LINK_VARIABLE, "pixel": PIXEL_VARIABLE}


@dataclass(frozen=True)
class Hidden:
    """A source whose Liquid stands in `constructs`, and how to come back from it."""

    markup: str
    stem: str
    source: str
    constructs: tuple[Construct, ...]
    _shifts: tuple[tuple[int, int], ...]

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
        starts = [hidden for hidden, _ in self._shifts]
        at = bisect_right(starts, index) - 1
        origin = self._shifts[at][1] + index - self._shifts[at][0] if at >= 0 else index
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


def hide(source: str, *, is_markup: bool) -> Hidden:
    """Hide the Liquid of a source that parses; Liquid's own comments are left out.

    In plain text every construct becomes a word.
    """
    stem = "lqd"
    while stem in source:
        stem += "q"
    found = list(find_constructs(source))
    constructs = tuple(construct for construct in found if not construct.is_comment)
    words, number, at = [], 0, 0
    for construct in found:
        words.append(source[at : construct.start])
        if not construct.is_comment:
            words.append(f"{stem}{number}x")
            number += 1
        at = construct.end
    worded = "".join([*words, source[at:]])
    if not is_markup:
        return Hidden(worded, stem, source, constructs, ())
    pattern = re.compile(rf"{stem}(\d+)x")
    markup: list[str] = []
    shifts: list[tuple[int, int]] = []
    length = 0
    for region in regions(worded):
        text = worded[region.start : region.end]
        position = 0
        for match in pattern.finditer(text):
            before = text[position : match.start()]
            shown = f"<!--{match.group()}-->" if region.kind is Kind.TEXT else match.group()
            markup += (before, shown)
            length += len(before) + len(shown)
            shifts.append((length, constructs[int(match.group(1))].end))
            position = match.end()
        markup.append(text[position:])
        length += len(text) - position
    return Hidden("".join(markup), stem, source, constructs, tuple(shifts))
