"""What one GraphQL document may ask for, decided in time linear in its size.

A fragment's figures are worked out once and added up wherever it is spread, so that a chain of
fragments that each spread the next one twice costs no more than its text.
"""

import re
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

MAX_TOKENS = 2_000
MAX_DEPTH = 20
MAX_FIELDS = 2_000
MAX_ALIASES = 50
MAX_DIRECTIVES = 50
MAX_NESTING = 60
MAX_DEFINITIONS = 100
MAX_QUERY_CHARACTERS = 50_000
_SATURATED = 1 << 40

_BLOCK_OR_TEXT = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"|#[^\n]*|([{(\[])|([})\]])'
)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a selection with all its fragments spread: levels, fields, aliases, directives in it."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0


def check_nesting(text: str) -> None:
    """Refuse brackets nested so deeply that a recursive parser would give up in their midst."""
    if len(text) > MAX_QUERY_CHARACTERS:
        raise _excess(f"A document has at most {MAX_QUERY_CHARACTERS:,} characters.")
    depth = 0
    for match in _BLOCK_OR_TEXT.finditer(text):
        if match[1]:
            depth += 1
            if depth > MAX_NESTING:
                raise _excess(f"Brackets may be nested {MAX_NESTING} deep.")
        elif match[2]:
            depth -= 1


def check_document(document: DocumentNode) -> None:
    """Raises GraphQLError for the first operation that asks for too much."""
    if len(document.definitions) > MAX_DEFINITIONS:
        raise _excess(f"A document may have {MAX_DEFINITIONS} operations and fragments.")
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    known: dict[str, Figures] = {}
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            _refuse_excess(node, _figures(node.selection_set, fragments, known, frozenset()))


def _refuse_excess(node: OperationDefinitionNode, figures: Figures) -> None:
    for name, value, limit in (
        ("levels", figures.depth, MAX_DEPTH),
        ("fields", figures.fields, MAX_FIELDS),
        ("aliases", figures.aliases, MAX_ALIASES),
        ("directives", figures.directives + len(node.directives or ()), MAX_DIRECTIVES),
    ):
        if value > limit:
            raise _excess(f"An operation may have {limit:,} {name}.", node)


def _excess(message: str, node: OperationDefinitionNode | None = None) -> GraphQLError:
    return GraphQLError(
        message, nodes=[node] if node else None, extensions={"code": "LIMIT_EXCEEDED"}
    )


def _figures(
    selection_set: SelectionSetNode,
    fragments: dict[str, FragmentDefinitionNode],
    known: dict[str, Figures],
    open_fragments: frozenset[str],
) -> Figures:
    depth = fields = aliases = directives = 0
    for node in selection_set.selections:
        directives += len(node.directives or ())
        if isinstance(node, FieldNode):
            fields += 1
            aliases += node.alias is not None
            inner = (
                _figures(node.selection_set, fragments, known, open_fragments)
                if node.selection_set
                else Figures()
            )
            depth = max(depth, inner.depth + 1)
        elif isinstance(node, InlineFragmentNode):
            inner = _figures(node.selection_set, fragments, known, open_fragments)
            depth = max(depth, inner.depth)
        elif isinstance(node, FragmentSpreadNode):
            inner = _fragment_figures(node.name.value, fragments, known, open_fragments)
            depth = max(depth, inner.depth)
        else:
            continue
        fields = min(fields + inner.fields, _SATURATED)
        aliases = min(aliases + inner.aliases, _SATURATED)
        directives = min(directives + inner.directives, _SATURATED)
    return Figures(depth, fields, aliases, directives)


def _fragment_figures(
    name: str,
    fragments: dict[str, FragmentDefinitionNode],
    known: dict[str, Figures],
    open_fragments: frozenset[str],
) -> Figures:
    # Cycles and unknown names are for the specification's own rules to report.
    if name in open_fragments or name not in fragments:
        return Figures()
    if name not in known:
        known[name] = _figures(
            fragments[name].selection_set, fragments, known, open_fragments | {name}
        )
    return known[name]
