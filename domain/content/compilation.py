"""What is done once per template revision, so that little is left for each message."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from liquid import Environment

from domain.content.conversion import check_tags, inline_css, mjml_to_html
from domain.content.encoding import encode
from domain.content.links import UNSUBSCRIBE_VARIABLE, Links
from domain.content.liquid import (
    HTML,
    MAX_OUTPUT_CHARACTERS,
    TEXT,
    Program,
    TemplateError,
    TemplateLimitError,
    normal_breaks,
)
from domain.content.models import BodyFormat
from domain.content.pieces import (
    HTML_PIECES,
    PIECEWISE_TAGS,
    TEXT_PIECES,
    Pieces,
)
from domain.content.placeholders import Hidden, hide
from domain.content.text import derive_text

MAX_BODY_BYTES = 512 * 1024
MAX_SUBJECT_CHARACTERS = 998

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_ANYTHING = None
# What a template may ask for, and of what.
_NAMES: Mapping[str, frozenset[str] | None] = {
    "subscriber": frozenset(
        ("email", "first_name", "last_name", "timezone", "locale", "attributes", "tags")
    ),
    "event": _ANYTHING,
    "workspace": frozenset(("name",)),
    UNSUBSCRIBE_VARIABLE: frozenset(),
    "now": frozenset(),
    "today": frozenset(),
}
_OF_ANY_VALUE = frozenset(("size", "first", "last"))
_PIXEL = (
    '<img src="{word}" alt="" width="1" height="1" style="display:block;border:0;height:1px;'
    'width:1px">'
)
_PICTURE_HOST = re.compile(r"src=\"https?://([^/\"]+)")
NO_UNSUBSCRIBE_LINK = "there is no link to unsubscribe: use {{ unsubscribe_url }}"


@dataclass(frozen=True, slots=True)
class PreparedTemplate:
    """A revision ready to be parsed; kept with it, so that link numbers never change.

    `links` holds the destination of link 1 first. `origins` are the author's line of each output
    and tag of a part, 0 for our own.
    """

    subject: str
    html: str
    text: str
    html_origins: tuple[int, ...]
    text_origins: tuple[int, ...]
    links: tuple[str, ...]
    variables: tuple[str, ...]
    warnings: tuple[str, ...]


def prepare_template(
    subject: str, body: str, body_format: BodyFormat, text: str | None
) -> PreparedTemplate:
    """Check and transform a template as its author wrote it.

    Raises TemplateError, with field, line and variable where they are known.
    """
    _check_sizes(subject, body, text)
    subject, body = normal_breaks(subject), normal_breaks(body)
    text = None if text is None else normal_breaks(text)
    variables = _check(TEXT, subject, "subject")
    variables |= _check(HTML, body, "body")
    is_mjml = body_format is BodyFormat.MJML
    hidden = hide(body, is_markup=True, is_mjml=is_mjml)
    markup = hidden.markup
    if is_mjml:
        markup = mjml_to_html(markup, hidden.line_of)
    markup = inline_css(markup)
    if len(markup) > MAX_OUTPUT_CHARACTERS:
        message = f"more than {MAX_OUTPUT_CHARACTERS} characters of HTML"
        raise TemplateLimitError(message, field="body")
    hidden.check_kept(markup)
    links = Links(hidden)
    markup = links.mark_html(markup)
    if text is None:
        text_hidden, plain = hidden, derive_text(markup, hidden, links.destinations)
    else:
        variables |= _check(TEXT, text, "text")
        text_hidden = hide(text, is_markup=False)
        plain = links.mark_text(text_hidden.markup, text_hidden)
    markup = _with_pixel(markup, hidden)
    warnings = [*links.warnings, *_hosts_not_named(body, markup)]
    if UNSUBSCRIBE_VARIABLE not in variables:
        warnings.append(NO_UNSUBSCRIBE_LINK)
    return PreparedTemplate(
        subject=subject,
        html=hidden.reveal(markup).strip(),
        text=text_hidden.reveal(plain).strip(),
        html_origins=hidden.origins(markup),
        text_origins=text_hidden.origins(plain),
        links=tuple(links.destinations),
        variables=tuple(sorted(variables)),
        warnings=tuple(warnings),
    )


def compile_template(
    subject: str, body: str, body_format: BodyFormat, text: str | None
) -> "CompiledTemplate":
    """Everything that a revision needs before its first message; raises TemplateError."""
    return CompiledTemplate(prepare_template(subject, body, body_format, text))


class CompiledTemplate:
    """A revision parsed and encoded as far as can be; safe to share, never changes."""

    def __init__(self, prepared: PreparedTemplate) -> None:
        self.prepared = prepared
        self.subject = Program(TEXT, prepared.subject, field="subject")
        self.html = Part(prepared.html, prepared.html_origins, is_html=True)
        self.text = Part(prepared.text, prepared.text_origins, is_html=False)

    def destination(self, number: int) -> str | None:
        """Of a tracked link, with its Liquid; None when there is no such link."""
        links = self.prepared.links
        return links[number - 1] if 1 <= number <= len(links) else None


class Part:
    """One body of a mail: HTML or plain text."""

    def __init__(self, source: str, origins: tuple[int, ...], *, is_html: bool) -> None:
        self._source = source
        self._origins = origins
        self._is_html = is_html
        self._field = "body" if is_html else "text"
        self.is_piecewise = self._plain.tags <= PIECEWISE_TAGS

    @cached_property
    def _plain(self) -> Program:
        environment = HTML if self._is_html else TEXT
        return Program(environment, self._source, field=self._field, origins=self._origins)

    @cached_property
    def _pieces(self) -> Pieces:
        environment = HTML_PIECES if self._is_html else TEXT_PIECES
        return Pieces(environment, self._source, field=self._field, origins=self._origins)

    def render(self, values: Mapping[str, object]) -> str:
        return self._plain.render(values)

    def encode(self, values: Mapping[str, object]) -> str:
        """Quoted-printable, ending in the first column. `values` has the link variable too."""
        if not self.is_piecewise:
            return self.encode_rendered(values)
        return self._pieces.encode(values)

    def encode_rendered(self, values: Mapping[str, object]) -> str:
        """The same mail the general way: render first, encode then."""
        return encode(self._plain.render(values))


def _check_sizes(subject: str, body: str, text: str | None) -> None:
    if len(subject) > MAX_SUBJECT_CHARACTERS:
        message = f"longer than {MAX_SUBJECT_CHARACTERS} characters"
        raise TemplateLimitError(message, field="subject")
    for field, given in (("subject", subject), ("body", body), ("text", text or "")):
        if _UNSTORABLE.search(given):
            message = "a NUL character or half of a surrogate pair"
            raise TemplateError(message, field=field)
        if len(given) > MAX_BODY_BYTES or len(given.encode()) > MAX_BODY_BYTES:
            message = f"larger than {MAX_BODY_BYTES // 1024} KiB"
            raise TemplateLimitError(message, field=field)
    if not body.strip():
        message = "the body is empty"
        raise TemplateError(message, field="body")
    check_tags(body)


def _check(environment: Environment, source: str, field: str) -> set[str]:
    """The paths that a source asks for; raises TemplateError for what can have no value."""
    program = Program(environment, source, field=field)
    for name, line in program.unknown_filters():
        raise TemplateError(f"there is no filter `{name}`", line=line, field=field)
    paths = set()
    for path, line in program.variables():
        name = ".".join(path)
        members = _NAMES.get(path[0], frozenset())
        is_known = path[0] in _NAMES and (
            members is _ANYTHING or len(path) == 1 or path[1] in members | _OF_ANY_VALUE
        )
        if not is_known:
            raise TemplateError(f"there is no `{name}`", line=line, variable=name, field=field)
        paths.add(name)
    return paths


def _hosts_not_named(body: str, markup: str) -> list[str]:
    """A warning for each host that readers would fetch pictures from without the author's word."""
    hosts = dict.fromkeys(_PICTURE_HOST.findall(markup))
    return [
        f"pictures come from {host}, which the template does not name: give them a `src`"
        for host in hosts
        if host not in body
    ]


def _with_pixel(markup: str, hidden: Hidden) -> str:
    image = _PIXEL.format(word=hidden.pixel_word)
    head, end, tail = markup.rpartition("</body>")
    return f"{head}{image}{end}{tail}" if end else markup + image
