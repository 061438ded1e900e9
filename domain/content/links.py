"""The tracked links of a template: found, numbered from 1, their destinations kept on our side."""

import html
import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, urlsplit

from domain.content.liquid import TEXT, Program, TemplateError
from domain.content.markup import Attribute, Kind, Region, attributes, regions
from domain.content.pieces import PIECEWISE_TAGS
from domain.content.placeholders import Hidden

UNSUBSCRIBE_VARIABLE = "unsubscribe_url"
# What is known again when a link is clicked; a loop's variable, say, is not.
_KNOWN_AT_CLICK = frozenset({"subscriber", "event", "workspace"})
_WEB = re.compile(r"https?://", re.IGNORECASE)
_TEXT_URL = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
_CONDITIONAL = "<!--[if"
_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"


class Links:
    """Numbers destinations; the same destination has one number wherever it stands."""

    def __init__(self, hidden: Hidden) -> None:
        self._hidden = hidden
        self._numbers: dict[str, int] = {}
        self.warnings: list[str] = []

    @property
    def destinations(self) -> list[str]:
        """In order of their numbers; each may hold Liquid."""
        return list(self._numbers)

    def mark_html(self, markup: str) -> str:
        """Replace the destination of each link that is tracked by the link word and its number."""
        pieces: list[str] = []
        at = 0
        for attribute in _link_attributes(markup, 0, len(markup)):
            tracked = self._track(html.unescape(attribute.value))
            if tracked is not None:
                pieces += (markup[at : attribute.start], tracked)
                at = attribute.end
        return "".join([*pieces, markup[at:]])

    def mark_text(self, text: str, hidden: Hidden) -> str:
        """The same for the bare addresses of a plain text, whose Liquid is hidden by `hidden`."""
        self._hidden = hidden

        def mark(match: re.Match[str]) -> str:
            address = match.group().rstrip(".,;:!?)")
            tracked = self._track(address)
            return match.group() if tracked is None else tracked + match.group()[len(address) :]

        return _TEXT_URL.sub(mark, text)

    def _track(self, address: str) -> str | None:
        hidden = self._hidden
        if not _WEB.match(address) and not address.startswith(f"{hidden.stem}"):
            return None
        destination = hidden.reveal(address).strip()
        if hidden.numbers(address) and not self._is_known_at_click(destination):
            return None
        number = self._numbers.setdefault(destination, len(self._numbers) + 1)
        return f"{hidden.link_word}{number}"

    def _is_known_at_click(self, destination: str) -> bool:
        try:
            program = Program(TEXT, destination, field="body")
        except TemplateError:
            # A tag that opens here and closes elsewhere: the address exists only within the mail.
            self.warnings.append(f"a link is not tracked: {destination}")
            return False
        roots = {path[0] for path, _ in program.variables()}
        if UNSUBSCRIBE_VARIABLE in roots:
            return False
        if roots <= _KNOWN_AT_CLICK and program.tags <= PIECEWISE_TAGS:
            return True
        self.warnings.append(f"a link is not tracked: {destination}")
        return False


def resolve_destination(destination: str, values: Mapping[str, object]) -> str | None:
    """Where a click on a tracked link leads, or None when that is not a web address.

    `destination` is the revision's text for the link's number; `values` as for the message.
    Raises TemplateError when a variable of the destination has no value any more.
    """
    address = destination
    if "{{" in destination or "{%" in destination:
        address = _destination_program(destination).render(values)
    # Blanks and letters outside ASCII come from values, and may not stand in a header.
    address = quote(address.strip(), safe=_URL_CHARACTERS)
    if not _WEB.match(address):
        return None
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return None
    return address if host else None


@lru_cache(maxsize=2_000)
def _destination_program(destination: str) -> Program:
    return Program(TEXT, destination, field="body")


def _link_attributes(markup: str, start: int, end: int) -> list[Attribute]:
    """The `href` of each link, also of those that only Outlook reads, in conditional comments."""
    found: list[Attribute] = []
    for region in regions(markup[start:end]):
        if region.kind is Kind.COMMENT and markup.startswith(_CONDITIONAL, start + region.start):
            inner = start + region.start + len(_CONDITIONAL)
            found += _link_attributes(markup, inner, start + region.end - len("-->"))
        elif region.kind is Kind.TAG and _is_link(region.name):
            shifted = region._replace(start=start + region.start, end=start + region.end)
            found += _href(markup, shifted)
    return found


def _is_link(name: str) -> bool:
    return name in {"a", "area"} or name.startswith("v:")


def _href(markup: str, tag: Region) -> list[Attribute]:
    found = attributes(markup, tag)
    if any(one.name == "data-track" and one.value.lower() == "off" for one in found):
        return []
    return [one for one in found if one.name == "href"][:1]
