"""How much work it is to see whether fields of one name can be merged.

The specification compares each two fields of a selection that answer under one name, and then each
two of what is in them. It is the one rule of validation whose time grows with the square of the
text: 7 KB of `viewer { role }` over and over took more than a second. So the comparisons are
counted first, with their end in sight.
"""

from collections.abc import Mapping
from typing import Final

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

MAX_COMPARISONS: Final = 3_000
"""At 7 µs each in graphql-core: 20 ms."""

_MAX_STEPS: Final = 20_000

_Fields = Mapping[str, list[FieldNode]]


def check_overlaps(document: DocumentNode) -> None:
    """Raises GraphQLError when fields of one name would be compared too often."""
    counter = _Counter(document)
    todo: list[SelectionSetNode] = [
        node.selection_set
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while todo:
        selection_set = todo.pop()
        counter.count(selection_set)
        for selection in selection_set.selections:
            inner = getattr(selection, "selection_set", None)
            if inner is not None:
                todo.append(inner)


class _Counter:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node.selection_set
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[int, _Fields] = {}
        self._comparisons = 0
        self._steps = 0

    def count(self, selection_set: SelectionSetNode) -> None:
        """Count what comparing the fields of a selection takes, and all that is in them."""
        # Without recursion: fragments may go round in a circle, which another rule will tell of.
        pairs = [
            (one, other)
            for fields in self._fields(selection_set).values()
            for place, one in enumerate(fields)
            for other in self._upto_the_limit(fields, place + 1)
        ]
        while pairs:
            one, other = pairs.pop()
            if one.selection_set is None or other.selection_set is None:
                continue
            theirs = self._fields(other.selection_set)
            for name, fields in self._fields(one.selection_set).items():
                for field in fields:
                    pairs += [(field, two) for two in self._upto_the_limit(theirs.get(name, []))]

    def _upto_the_limit(self, fields: list[FieldNode], start: int = 0) -> list[FieldNode]:
        self._comparisons += max(0, len(fields) - start)
        if self._comparisons > MAX_COMPARISONS:
            raise _excess()
        return fields[start:]

    def _fields(self, selection_set: SelectionSetNode) -> _Fields:
        """The fields of a selection by the name of their answer, its fragments' among them."""
        known = self._known.get(id(selection_set))
        if known is not None:
            return known
        found: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        todo = [selection_set]
        while todo:
            for selection in todo.pop().selections:
                self._steps += 1
                if self._steps > _MAX_STEPS:
                    raise _excess()
                if isinstance(selection, FieldNode):
                    name = selection.alias.value if selection.alias else selection.name.value
                    found.setdefault(name, []).append(selection)
                elif isinstance(selection, InlineFragmentNode):
                    todo.append(selection.selection_set)
                elif isinstance(selection, FragmentSpreadNode):
                    name = selection.name.value
                    if name not in spread and name in self._fragments:
                        spread.add(name)
                        todo.append(self._fragments[name])
        self._known[id(selection_set)] = found
        return found


def _excess() -> GraphQLError:
    return GraphQLError(
        "A document names too many fields more than once in one place.",
        extensions={"code": "LIMIT_EXCEEDED"},
    )
