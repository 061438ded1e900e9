"""MJML to HTML, and CSS into style attributes. Neither reads a file or the network."""

import re
import threading
from collections.abc import Callable
from typing import TypeVar

import css_inline
import mjml

from domain.content.liquid import TemplateError, TemplateLimitError

T = TypeVar("T")

MAX_TAGS = 20_000
MAX_STYLE_WORK = 1_000_000
"""Selectors and declarations of the style sheets, times tags: about a second of inlining."""
# Both compilers recurse on the machine's stack, once per level of nesting, and overflowing it ends
# the process. A stack for MAX_TAGS levels is address space only until it is used.
_STACK_BYTES = 256 * 1024 * 1024
_stack_lock = threading.Lock()

_POSITION = re.compile(r" in root template at position (\d+):\d+")

# By default the compiler has each reader fetch the fonts it knows of, its own default among them.
# Those of `mj-font` are the author's wish and stay.
_FONTS_UNASKED_FOR: dict[str, str] = {}

# The compiler's own rules for all tables, cells, images and paragraphs are made for a style sheet:
# in each element's attribute they are a fifth of the mail.
_RESET = '<style type="text/css">\n#outlook a {'
_RESET_LEFT_ALONE = _RESET.replace(">", ' data-css-inline="ignore">', 1)

_INLINER = css_inline.CSSInliner(
    keep_style_tags=True,
    keep_link_tags=True,
    keep_at_rules=True,
    remove_inlined_selectors=True,
    load_remote_stylesheets=False,
)


def check_tags(source: str) -> None:
    """Raise TemplateLimitError for more tags than conversion is prepared for."""
    if source.count("<") > MAX_TAGS:
        message = f"more than {MAX_TAGS} tags in one template"
        raise TemplateLimitError(message, field="body")


def mjml_to_html(source: str, line_of: Callable[[int], int]) -> str:
    """Raises TemplateError, with the line when the compiler tells the place."""
    try:
        html = _on_a_deep_stack(lambda: mjml.mjml2html(source, fonts=_FONTS_UNASKED_FOR))
    except ValueError as error:
        reason = str(error)
        place = _POSITION.search(reason)
        line = None if place is None else line_of(_index(source, octets=int(place.group(1))))
        raise TemplateError(
            f"MJML: {_POSITION.sub('', reason)}", line=line, field="body"
        ) from error
    return html.replace(_RESET, _RESET_LEFT_ALONE, 1)


def _index(source: str, *, octets: int) -> int:
    return len(source.encode()[:octets].decode(errors="ignore"))


def inline_css(html: str) -> str:
    """A whole document with its rules in `style` attributes, save those that cannot be there.

    Raises TemplateError, or TemplateLimitError for sheets too large for this many elements.
    """
    if _style_parts(html) * html.count("<") > MAX_STYLE_WORK:
        message = "the style sheets have too many rules for this many elements"
        raise TemplateLimitError(message, field="body")
    try:
        inlined = _on_a_deep_stack(lambda: _INLINER.inline(html))
    except css_inline.InlineError as error:
        message = (
            f"CSS: {error}; Liquid in a `style` attribute may stand for a value only, "
            "as in `color: {{ … }}`"
        )
        raise TemplateError(message, field="body") from error
    return inlined.replace(_RESET_LEFT_ALONE, _RESET, 1)


def _style_parts(html: str) -> int:
    lowered = html.lower()
    parts = at = 0
    while (at := lowered.find("<style", at)) >= 0:
        end = lowered.find("</style", at)
        end = len(lowered) if end < 0 else end
        parts += sum(lowered.count(mark, at, end) for mark in "{,;")
        at = end
    return parts


def _on_a_deep_stack(work: Callable[[], T]) -> T:
    results: list[T] = []
    failures: list[ValueError] = []

    def run() -> None:
        try:
            results.append(work())
        except ValueError as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="template conversion")
    with _stack_lock:
        usual = threading.stack_size(_STACK_BYTES)
        try:
            thread.start()
        finally:
            threading.stack_size(usual)
    thread.join()
    if failures:
        raise failures[0]
    return results[0]
