"""Documents that have been read once: parsed, checked, and compiled when they come again."""

from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    Visitor,
    visit,
)

from server.compiled.plan import variables_that_choose
from server.compiled.variables import VariableReader

# Plans of one document differ by the values of `skip` and `include`: this many are kept.
MAX_PLANS = 16
MAX_SEEN = 64


def has_own_directives(document: DocumentNode) -> bool:
    """Whether there are directives that are not of the specification."""
    found = False

    class Search(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            nonlocal found
            found = found or node.name.value not in {"skip", "include"}

    visit(document, Search())
    return found


@dataclass(slots=True, weakref_slot=True, eq=False)
class Prepared:
    """A valid document with what has been made of it."""

    document: DocumentNode
    operations: dict[str | None, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    compile_at_sight: int = 2
    compiled: dict[tuple[Any, ...], object] = field(default_factory=dict)
    readers: dict[int, VariableReader] = field(default_factory=dict)
    _seen: dict[tuple[Any, ...], int] = field(default_factory=dict)
    _choices: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, document: DocumentNode, *, compile_at_sight: int = 2) -> "Prepared":
        """`compile_at_sight` 2 keeps texts that come once from costing a compilation."""
        operations: dict[str | None, OperationDefinitionNode] = {}
        fragments: dict[str, FragmentDefinitionNode] = {}
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                operations[node.name.value if node.name else None] = node
            elif isinstance(node, FragmentDefinitionNode):
                fragments[node.name.value] = node
        return cls(document, operations, fragments, compile_at_sight)

    def operation(self, name: str | None) -> OperationDefinitionNode | GraphQLError:
        """The named operation, or the only one; an error in graphql-core's words."""
        if name is not None:
            found = self.operations.get(name)
            return found or GraphQLError(f"Unknown operation named '{name}'.")
        if len(self.operations) > 1:
            return GraphQLError(
                "Must provide operation name if query contains multiple operations."
            )
        if not self.operations:
            return GraphQLError("Must provide an operation.")
        return next(iter(self.operations.values()))

    def choices(self, operation: OperationDefinitionNode) -> tuple[str, ...]:
        found = self._choices.get(id(operation))
        if found is None:
            found = variables_that_choose(operation, self.fragments)
            self._choices[id(operation)] = found
        return found

    def is_due(self, key: tuple[Any, ...]) -> bool:
        """Whether this sight of a plan is the one at which it is compiled."""
        if len(self._seen) >= MAX_SEEN:
            self._seen.clear()
        self._seen[key] = self._seen.get(key, 0) + 1
        return self._seen[key] >= self.compile_at_sight

    def keep(self, key: tuple[Any, ...], compiled: object) -> None:
        if len(self.compiled) >= MAX_PLANS:
            self.compiled.clear()
        self._seen.pop(key, None)
        self.compiled[key] = compiled
