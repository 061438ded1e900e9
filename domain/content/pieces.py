"""Liquid that writes quoted-printable: literals encoded once at parsing, values as they come.

Only for templates whose output is written once, in order. A capture, or a tag that compares or
wraps what its block wrote, would encode twice; such templates are rendered first and encoded then.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TextIO, cast

from liquid import RenderContext, Token, TokenStream, escape
from liquid.ast import BlockNode, ConditionalBlockNode, Node
from liquid.builtin.content import ContentNode, Literal
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.logical import BooleanExpression, EqExpression
from liquid.builtin.expressions.primitive import StringLiteral
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.if_tag import IfNode, IfTag
from liquid.expression import Expression
from liquid.stringify import to_liquid_string
from liquid.template import BoundTemplate

from domain.content.encoding import encode
from domain.content.liquid import (
    RENDERING_ERRORS,
    MailEnvironment,
    NormalOutput,
    NormalOutputNode,
    Program,
    Rendering,
    Sheet,
)

LINK_VARIABLE = "_link"
"""Stands for `{public_url}/c/{token}/` in a compiled source."""
PIXEL_VARIABLE = "_pixel"
LINK_MARK = "\0"
"""What `LINK_VARIABLE` is encoded as. No other text can give it: quoted-printable holds no NUL."""

PIECEWISE_TAGS = frozenset(
    {"if", "unless", "case", "for", "break", "continue", "assign", "comment", "doc", "#"}
)


class EncodedContentNode(ContentNode):
    """A literal in its encoded form, with marks in place of the links' variable."""

    __slots__ = ("segments",)

    def __init__(self, token: Token, text: str) -> None:
        super().__init__(token, text)
        self.text = encode(text)
        self.segments: tuple[str, ...] = (self.text,)

    def extend(self, text: str, *, blank: bool) -> None:
        self.text += text
        self.blank = self.blank and blank
        self.segments = tuple(self.text.split(LINK_MARK))


class EncodedOutputNode(NormalOutputNode):
    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = to_liquid_string(self.expression.evaluate(context), context.autoescape)
        # The methods of escaped text are many times slower than those of plain text.
        return buffer.write(encode(str.__str__(value)))


class EncodedPathNode(EncodedOutputNode):
    """An output that is a path of words and no more, such as `subscriber.first_name`."""

    __slots__ = ("words",)

    def __init__(self, token: Token, expression: Expression, words: Sequence[str]) -> None:
        super().__init__(token, expression)
        self.words = words


class PlainIfNode(IfNode):
    """Knows which of its conditions are a path of words, or compare one with a text."""

    __slots__ = ("branches",)

    def __init__(
        self,
        token: Token,
        condition: BooleanExpression,
        consequence: BlockNode,
        alternatives: list[ConditionalBlockNode],
        default: BlockNode | None,
    ) -> None:
        super().__init__(token, condition, consequence, alternatives, default)
        conditional = [
            (condition, consequence),
            *((one.expression, one.block) for one in alternatives),
        ]
        self.branches = [(test, _plain_test(test), block) for test, block in conditional]


class PlainTest(NamedTuple):
    """Whether the text at a path equals another; any text passes when that is None."""

    words: Sequence[str]
    text: str | None


class LinkNode(OutputNode):
    __slots__ = ()

    def render_to_output(self, _context: RenderContext, buffer: TextIO) -> int:
        return buffer.write(LINK_MARK)


def join_literals(nodes: list[Node]) -> None:
    """Make one node of literals and links that follow each other, here and in all blocks."""
    joined: list[Node] = []
    for node in nodes:
        if isinstance(node, BlockNode):
            join_literals(node.nodes)
        elif not isinstance(node, ContentNode | LinkNode):
            # None of the piecewise tags reads the context to tell its blocks.
            for child in node.children(_NO_CONTEXT, include_partials=False):
                join_literals([child])
        last = joined[-1] if joined else None
        text = _constant_text(node)
        if isinstance(last, EncodedContentNode) and text is not None:
            last.extend(text, blank=node.blank)
        elif isinstance(node, LinkNode):
            start = EncodedContentNode(node.token, "")
            start.extend(LINK_MARK, blank=False)
            joined.append(start)
        else:
            joined.append(node)
    nodes[:] = joined


def _constant_text(node: Node) -> str | None:
    if isinstance(node, LinkNode):
        return LINK_MARK
    return node.text if isinstance(node, EncodedContentNode) else None


class EncodedLiteral(Literal):
    node_class = EncodedContentNode


class EncodedOutput(NormalOutput):
    node_class = EncodedOutputNode

    def parse(self, stream: TokenStream) -> OutputNode:
        node = super().parse(stream)
        expression = node.expression
        if not isinstance(expression, FilteredExpression) or expression.filters:
            return node
        words = _words(expression.left)
        if words == [LINK_VARIABLE]:
            return LinkNode(node.token, expression)
        return EncodedPathNode(node.token, expression, words) if words else node


class PlainIf(IfTag):
    node_class: type[IfNode] = PlainIfNode


def _words(expression: Expression) -> list[str]:
    """A path's words; none for other expressions and for paths with numbers or paths in them."""
    if not isinstance(expression, Path):
        return []
    words = [word for word in expression.path if isinstance(word, str)]
    return words if len(words) == len(expression.path) else []


def _plain_test(condition: Expression) -> PlainTest | None:
    tested = condition.expression if isinstance(condition, BooleanExpression) else condition
    text: str | None = None
    if isinstance(tested, EqExpression) and isinstance(tested.right, StringLiteral):
        words, text = _words(tested.left), tested.right.value
    else:
        words = _words(tested)
    return PlainTest(words, text) if words else None


class PieceEnvironment(MailEnvironment):
    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.add_tag(EncodedLiteral)
        self.add_tag(EncodedOutput)
        self.add_tag(PlainIf)


HTML_PIECES = PieceEnvironment(autoescape=True)
TEXT_PIECES = PieceEnvironment(autoescape=False)
_NO_CONTEXT = RenderContext(TEXT_PIECES.from_string(""))


class Pieces(Program):
    """A source whose tags are PIECEWISE_TAGS, parsed to write quoted-printable."""

    __slots__ = ()

    def __init__(
        self, environment: PieceEnvironment, source: str, *, field: str, origins: Sequence[int]
    ) -> None:
        super().__init__(environment, source, field=field, origins=origins)
        join_literals(self.nodes)

    def encode(self, values: Mapping[str, object]) -> str:
        """The encoded form of what these values render to; raises TemplateError."""
        sheet = PieceSheet(self.template, values)
        try:
            sheet.write_nodes(self.nodes)
        except RENDERING_ERRORS as error:
            raise self.failure(error, sheet.node) from error
        encoded = "".join(sheet)
        # Looking for a mark is ten times as fast as replacing none, and only loops leave any.
        return encoded.replace(LINK_MARK, sheet.base) if LINK_MARK in encoded else encoded


class PieceSheet(Sheet):
    """What an encoding writes.

    Text found in plain dictionaries is written and compared without Liquid's general machinery, at
    a quarter of the cost; whatever is not as simple takes the general way, with the same result.
    """

    def __init__(self, template: BoundTemplate, values: Mapping[str, object]) -> None:
        super().__init__()
        self.node: Node | None = None
        self.base = encode(str(values[LINK_VARIABLE]))
        self._values = values
        self._template = template
        self._escapes = template.env.autoescape
        self._rendering: Rendering | None = None

    def write_nodes(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self.node = node
            if type(node) is EncodedContentNode:
                self.write(self.base.join(node.segments))
            elif type(node) is EncodedPathNode:
                text = self._find(node.words)
                if text is None:
                    self._render(node)
                else:
                    self.write(encode(str.__str__(escape(text)) if self._escapes else text))
            elif type(node) is PlainIfNode and not node.blank:
                chosen = self._choose(node)
                if chosen is not None and not chosen.blank:
                    self.write_nodes(chosen.nodes)
                elif chosen is not None:
                    self._render(chosen)
            else:
                self._render(node)

    def _choose(self, node: PlainIfNode) -> BlockNode | None:
        for condition, test, block in node.branches:
            found = None if test is None else self._find(test.words)
            if test is None or found is None:
                if condition.evaluate(self._general()):
                    return block
            elif test.text is None or test.text == found:
                return block
        return node.default

    def _find(self, words: Sequence[str]) -> str | None:
        """The text at a path of plain dictionaries, None for all else."""
        if self._rendering is not None and words[0] in self._rendering.locals:
            return None
        found = self._values.get(words[0])
        for word in words[1:]:
            found = found.get(word) if type(found) is dict else None
        return found if type(found) is str else None

    def _render(self, node: Node) -> None:
        node.render(self._general(), cast("TextIO", self))

    def _general(self) -> Rendering:
        if self._rendering is None:
            self._rendering = Rendering(self._template, self._values)
        return self._rendering
