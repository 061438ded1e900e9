"""Liquid for mail: strict about what is missing, and bounded in time, loops and memory.

Limits count for one rendering as a whole. They are Python-level counters, so a template that means
harm is stopped after a bounded amount of work, not after a time-out.
"""

import bisect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TextIO, cast

from liquid import Environment, Markup, RenderContext, Token
from liquid.ast import Node
from liquid.builtin.output import Output, OutputNode
from liquid.exceptions import (
    LiquidError,
    LiquidInterrupt,
    LoopIterationLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
    UndefinedError,
)
from liquid.lex import compile_liquid_rules
from liquid.stringify import to_liquid_string
from liquid.template import BoundTemplate
from liquid.token import TOKEN_CONTENT
from liquid.undefined import UNDEFINED, FalsyStrictUndefined

from domain.base.errors import DomainError, ErrorCode
from domain.content.filters import Budget, mail_filters

MAX_CONSTRUCTS = 5_000
"""Outputs and tags in one source; more would take parsing beyond a fifth of a second."""
MAX_LOOP_ITERATIONS = 10_000
MAX_LOCALS_BYTES = 256 * 1024
MAX_OUTPUT_CHARACTERS = 1024 * 1024
MAX_FILTERED_CHARACTERS = 4 * 1024 * 1024

_RULES = compile_liquid_rules()
# Tags that read other templates: a mail is one template, whole in its revision.
_ABSENT_TAGS = ("include", "render")

# Not only Liquid's own: a filter may be given what it cannot work on, such as a number with too
# many digits.
RENDERING_ERRORS = (
    LiquidError,
    LiquidInterrupt,
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

_UNDEFINED = " is undefined"
_OPENING = re.compile(r"\{\{|\{%")
_MAX_BLANKS = 100
_BLANKS = re.compile(rf"\s{{{_MAX_BLANKS + 1}}}")
_VERBATIM = tuple(
    (name, re.compile(rf"{{%-?\s*{name}\s*-?%}}"), re.compile(rf"{{%-?\s*end{name}\s*-?%}}"))
    for name in ("raw", "doc")
)


class TemplateError(DomainError):
    """A template that cannot be compiled or rendered, with the place and the name at fault.

    `line` counts from 1 in the source as its author wrote it; `variable` is a path such as
    `subscriber.attributes.plan`. Each is None when unknown.
    """

    def __init__(
        self,
        reason: str,
        *,
        line: int | None = None,
        variable: str | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}", field=field)
        self.reason = reason
        self.line = line
        self.variable = variable


class TemplateLimitError(TemplateError):
    """The template is too large, or does too much."""

    code = ErrorCode.LIMIT_EXCEEDED


class Missing(FalsyStrictUndefined):
    """What a path that leads nowhere stands for: false in a condition, an error when shown."""

    def __init__(
        self,
        name: str,
        *,
        token: Token | None,
        obj: object = UNDEFINED,
        hint: str | None = None,
    ) -> None:
        # The library's hint is the full path, except for an index beyond a list's end.
        full = hint if hint and hint.endswith(_UNDEFINED) else name + _UNDEFINED
        super().__init__(name, token=token, obj=obj, hint=full)

    def __len__(self) -> int:
        return 0


class Rendering(RenderContext):
    """One rendering with its budgets."""

    __slots__ = ("budget", "iterations")

    def __init__(self, template: BoundTemplate, values: Mapping[str, object]) -> None:
        super().__init__(template, globals=values)
        self.budget = Budget(MAX_FILTERED_CHARACTERS)
        self.iterations = 0

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Count the iterations of all loops so far; the library counts only nested ones."""
        self.iterations += length
        if self.iterations > MAX_LOOP_ITERATIONS:
            message = f"loops run more than {MAX_LOOP_ITERATIONS} times in all"
            raise LoopIterationLimitError(message, token=None)


class Sheet(list[str]):
    """What a rendering writes, bounded; quicker than a text stream."""

    size = 0

    def write(self, text: str) -> int:
        length = len(text)
        self.size += length
        if self.size > MAX_OUTPUT_CHARACTERS:
            message = f"the result is longer than {MAX_OUTPUT_CHARACTERS} characters"
            raise OutputStreamLimitError(message, token=None)
        self.append(text)
        return length


class NormalOutputNode(OutputNode):
    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = to_liquid_string(self.expression.evaluate(context), context.autoescape)
        return buffer.write(normal_breaks(value))


class NormalOutput(Output):
    """Line breaks of values are line feeds, so that no value's end joins a literal's start."""

    node_class = NormalOutputNode


class MailEnvironment(Environment):
    """Liquid's tags and filters without those that read files, and with `date` on our clock."""

    loop_iteration_limit = MAX_LOOP_ITERATIONS
    local_namespace_limit = MAX_LOCALS_BYTES
    output_stream_limit = MAX_OUTPUT_CHARACTERS

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(autoescape=autoescape, undefined=Missing)

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        for name in _ABSENT_TAGS:
            del self.tags[name]
        self.add_tag(NormalOutput)
        for name, function in mail_filters(self.filters, autoescape=self.autoescape).items():
            self.add_filter(name, function)


HTML = MailEnvironment(autoescape=True)
TEXT = MailEnvironment(autoescape=False)


class Construct(NamedTuple):
    """One output, tag or raw block of a source."""

    start: int
    end: int
    line: int
    is_block_tag: bool
    is_comment: bool


def find_constructs(source: str) -> Iterator[Construct]:
    """The Liquid of a source that has been parsed before, in order, as the parser sees it."""
    line, counted, comment_start, depth = 1, 0, 0, 0
    for match in _RULES.finditer(source):
        kind = match.lastgroup
        if kind == TOKEN_CONTENT or kind is None:
            continue
        name = match.group("name") if kind == "TAG" else None
        if depth:
            depth += {"comment": 1, "endcomment": -1}.get(name or "", 0)
            if depth:
                continue
            start = comment_start
        elif name == "comment":
            depth, comment_start = 1, match.start()
            continue
        else:
            start = match.start()
        line += source.count("\n", counted, start)
        counted = start
        yield Construct(start, match.end(), line, kind == "TAG", name == "endcomment")


def _refuse_costly(source: str, field: str) -> None:
    """Refuse what the library's lexer, a backtracking expression, would take too long over."""
    if source.count("{{") + source.count("{%") > MAX_CONSTRUCTS:
        message = f"more than {MAX_CONSTRUCTS} outputs and tags in one template"
        raise TemplateLimitError(message, field=field)
    at = 0
    while opened := _OPENING.search(source, at):
        closing = "}}" if opened.group() == "{{" else "%}"
        closed = source.find(closing, opened.end())
        if closed < 0:
            raise _unclosed(source, opened.start(), f"expected `{closing}`", field)
        if _BLANKS.search(source, opened.end(), closed):
            message = f"more than {_MAX_BLANKS} blanks in a row inside Liquid"
            raise TemplateLimitError(message, line=_line(source, opened.start()), field=field)
        at = closed
    for name, opening, ending in _VERBATIM:
        at = 0
        while opened := opening.search(source, at):
            ended = ending.search(source, opened.end())
            if ended is None:
                message = f"`{name}` is never closed by `end{name}`"
                raise _unclosed(source, opened.start(), message, field)
            at = ended.end()


def _unclosed(source: str, at: int, reason: str, field: str) -> TemplateError:
    return TemplateError(reason, line=_line(source, at), field=field)


def _line(source: str, index: int) -> int:
    return source.count("\n", 0, index) + 1


class Lines:
    """Where an index of a source is in what its author wrote.

    `origins` gives the author's line for each construct of a source that was made from the
    author's by transformation; without it, lines are counted.
    """

    def __init__(self, source: str, origins: Sequence[int] | None) -> None:
        self._source = source
        self._origins = origins

    def last(self) -> int | None:
        return self.at(len(self._source))

    def at(self, index: int) -> int | None:
        if self._origins is None:
            return _line(self._source, index)
        starts = [construct.start for construct in find_constructs(self._source)]
        found = bisect.bisect_right(starts, index) - 1
        return self._origins[found] or None if 0 <= found < len(self._origins) else None


class Program:
    """A parsed source, ready to be rendered any number of times."""

    __slots__ = ("_field", "_lines", "_template")

    def __init__(
        self,
        environment: Environment,
        source: str,
        *,
        field: str,
        origins: Sequence[int] | None = None,
    ) -> None:
        """Parse; raises TemplateError for what Liquid does not understand."""
        self._field = field
        self._lines = Lines(source, origins)
        _refuse_costly(source, field)
        try:
            self._template = environment.from_string(source)
        except LiquidError as error:
            raise self._located(error) from error

    def render(self, values: Mapping[str, object]) -> str:
        """The text for these values; raises TemplateError for what is missing or too much."""
        context = Rendering(self._template, values)
        sheet = Sheet()
        buffer = cast("TextIO", sheet)
        node: Node | None = None
        try:
            for node in self._template.nodes:
                node.render(context, buffer)
        except RENDERING_ERRORS as error:
            raise self.failure(error, node) from error
        return "".join(sheet)

    def failure(self, error: Exception, node: Node | None) -> TemplateError:
        """What one of RENDERING_ERRORS, met while this node was rendered, tells the author."""
        token = None if node is None else node.token
        if isinstance(error, LiquidError):
            error.token = error.token or token
            return self._located(error)
        reason = (
            f"`{error}` outside of a loop" if isinstance(error, LiquidInterrupt) else str(error)
        )
        return TemplateError(reason, line=self.line_of(token), field=self._field)

    @property
    def template(self) -> BoundTemplate:
        return self._template

    @property
    def nodes(self) -> list[Node]:
        return self._template.nodes

    @property
    def tags(self) -> set[str]:
        return set(self._template.analyze().tags)

    def variables(self) -> list[tuple[tuple[str, ...], int | None]]:
        """The paths asked of the caller, each with its line; only the fixed head of each path."""
        found = []
        for uses in self._template.analyze().globals.values():
            for use in uses:
                path = []
                for segment in use.segments:
                    if not isinstance(segment, str):
                        break
                    path.append(segment)
                found.append((tuple(path), self._lines.at(use.span.index)))
        return found

    def unknown_filters(self) -> list[tuple[str, int | None]]:
        return [
            (name, self._lines.at(spans[0].index))
            for name, spans in self._template.analyze().filters.items()
            if name not in self._template.env.filters
        ]

    def line_of(self, token: Token | None) -> int | None:
        if token is None:
            return None
        # The end of the source has no index of its own.
        return self._lines.at(token.start_index) if token.start_index >= 0 else self._lines.last()

    def _located(self, error: LiquidError) -> TemplateError:
        reason = str(error.message or "this is not Liquid")
        line = self.line_of(error.token)
        if isinstance(error, ResourceLimitError):
            return TemplateLimitError(reason, line=line, field=self._field)
        variable = None
        if isinstance(error, UndefinedError):
            variable = reason.removesuffix(_UNDEFINED).strip("'")
            reason = f"`{variable}` has no value"
        return TemplateError(reason, line=line, variable=variable, field=self._field)


def normal_breaks(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def as_markup(text: str) -> str:
    """Text that is HTML already and is not escaped again."""
    return Markup(text)
