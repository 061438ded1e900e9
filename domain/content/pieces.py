"""Liquid that writes quoted-printable: literals encoded once at parsing, values as they come.

Only for templates whose output is written once, in order. A capture, or a tag that compares or
wraps what its block wrote, would encode twice; such templates are rendered first and encoded then.
"""

from typing import TextIO

from liquid import RenderContext, Token, TokenStream
from liquid.builtin.content import ContentNode, Literal
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.stringify import to_liquid_string

from domain.content.encoding import encode
from domain.content.liquid import MailEnvironment, NormalOutput, NormalOutputNode

LINK_VARIABLE = "_link"
"""Stands for `{public_url}/c/{token}/` in a compiled source."""
LINK_MARK = "\0"
"""What `LINK_VARIABLE` is encoded as. No other text can give it: quoted-printable holds no NUL."""

PIECEWISE_TAGS = frozenset(
    {"if", "unless", "case", "for", "break", "continue", "assign", "comment", "doc", "#"}
)


class EncodedContentNode(ContentNode):
    __slots__ = ()

    def __init__(self, token: Token, text: str) -> None:
        super().__init__(token, text)
        self.text = encode(text)


class EncodedOutputNode(NormalOutputNode):
    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = to_liquid_string(self.expression.evaluate(context), context.autoescape)
        return buffer.write(encode(value))


class LinkNode(OutputNode):
    __slots__ = ()

    def render_to_output(self, _context: RenderContext, buffer: TextIO) -> int:
        return buffer.write(LINK_MARK)


class EncodedLiteral(Literal):
    node_class = EncodedContentNode


class EncodedOutput(NormalOutput):
    node_class = EncodedOutputNode

    def parse(self, stream: TokenStream) -> OutputNode:
        node = super().parse(stream)
        expression = node.expression
        if (
            isinstance(expression, FilteredExpression)
            and isinstance(expression.left, Path)
            and expression.left.path == [LINK_VARIABLE]
        ):
            return LinkNode(node.token, expression)
        return node


class PieceEnvironment(MailEnvironment):
    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.add_tag(EncodedLiteral)
        self.add_tag(EncodedOutput)


HTML_PIECES = PieceEnvironment(autoescape=True)
TEXT_PIECES = PieceEnvironment(autoescape=False)
