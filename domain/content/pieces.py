"""Liquid that writes quoted-printable: literals encoded once at parsing, values as they come.

Only for templates whose output is written once, in order. A capture, or a tag that compares or
wraps what its block wrote, would encode twice; such templates are rendered first and encoded then.
"""

from collections.abc import Sequence
from typing import TextIO

from liquid import RenderContext, Token, TokenStream, escape
from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode, Literal
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.expression import Expression
from liquid.stringify import to_liquid_string

from domain.content.encoding import encode
from domain.content.liquid import MailEnvironment, NormalOutput, NormalOutputNode

LINK_VARIABLE = "_link"
"""Stands for `{public_url}/c/{token}/` in a compiled source."""
PIXEL_VARIABLE = "_pixel"
LINK_MARK = "\0"
"""What `LINK_VARIABLE` is encoded as. No other text can give it: quoted-printable holds no NUL."""

PIECEWISE_TAGS = frozenset(
    {"if", "unless", "case", "for", "break", "continue", "assign", "comment", "doc", "#"}
)


class EncodedContentNode(ContentNode):
    """A literal in its encoded form, or the mark of a link in place of its variable."""

    __slots__ = ()

    def __init__(self, token: Token, text: str) -> None:
        super().__init__(token, text)
        self.text = encode(text)


class EncodedOutputNode(NormalOutputNode):
    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = to_liquid_string(self.expression.evaluate(context), context.autoescape)
        # The methods of escaped text are many times slower than those of plain text.
        return buffer.write(encode(str.__str__(value)))


class EncodedPathNode(EncodedOutputNode):
    """An output that is a path of words and no more, such as `subscriber.first_name`.

    Text found in plain dictionaries is written without Liquid's general machinery, at half the
    cost; whatever is not as simple takes the general way, with the same result.
    """

    __slots__ = ("words",)

    def __init__(self, token: Token, expression: Expression, words: Sequence[str]) -> None:
        super().__init__(token, expression)
        self.words = words

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        found: object = context.scope.get(self.words[0])
        for word in self.words[1:]:
            found = found.get(word) if type(found) is dict else None
        if type(found) is not str:
            return super().render_to_output(context, buffer)
        return buffer.write(encode(str.__str__(escape(found)) if context.autoescape else found))


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
            last.text += text
            last.blank = last.blank and node.blank
        elif isinstance(node, LinkNode):
            start = EncodedContentNode(node.token, "")
            start.text, start.blank = LINK_MARK, False
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
        if not (isinstance(expression, FilteredExpression) and isinstance(expression.left, Path)):
            return node
        path = expression.left.path
        if path == [LINK_VARIABLE]:
            return LinkNode(node.token, expression)
        words = [word for word in path if isinstance(word, str)]
        if expression.filters or len(words) < len(path):
            return node
        return EncodedPathNode(node.token, expression, words)


class PieceEnvironment(MailEnvironment):
    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.add_tag(EncodedLiteral)
        self.add_tag(EncodedOutput)


HTML_PIECES = PieceEnvironment(autoescape=True)
TEXT_PIECES = PieceEnvironment(autoescape=False)
_NO_CONTEXT = RenderContext(TEXT_PIECES.from_string(""))
