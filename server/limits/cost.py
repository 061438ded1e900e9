"""What an operation costs: before it runs by the pages it asks for, after it by those it got.

A field whose resolver is awaited costs 1, every other field 0.1, each for every object that it is
read of. A page has as many objects as its `first` or `last` says, other lists as many as the
longest list among their arguments, else ten. Items of list arguments cost 0.1 each. A mutation's
fields cost 10, and 100 where a password is hashed. Of `skip`, `include` and types that exclude each
other nothing is known beforehand: all is counted.

Pages multiply what is below them. An operation's tree is made once; where sizes come from variables
it is a short program over them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from server.limits.sizes import (
    UNSIZED,
    Lengths,
    Size,
    Sizes,
    arguments_size,
    is_list,
    mean_lengths,
)

PLAIN: Final = 0.1
AWAITED: Final = 1.0
WRITTEN: Final = 10.0
HASHED: Final = 100.0
_HASHING: Final = frozenset({"signIn", "signUp", "addMember"})
_META_TYPES: Final = {"__schema": "__Schema", "__type": "__Type"}


@dataclass(slots=True, eq=False)
class _Selection:
    """`own` is what its fields cost for one object; `edges` lead to what is below them."""

    own: float = 0.0
    edges: list["_Edge"] = field(default_factory=list)


class _Kind(Enum):
    OBJECT = 1
    LIST = 2
    FRAGMENT = 3
    ARGUMENT = 4


class _Edge(NamedTuple):
    """`key` is a field's in the response, and empty for a fragment and for items of an argument."""

    key: str
    size: Size
    below: _Selection
    kind: _Kind


class _Term(NamedTuple):
    """A product: a factor, a size that a variable gives (or -1), an earlier sum (or -1)."""

    factor: float
    slot: int
    earlier: int


class Asked(NamedTuple):
    """What an operation may cost, in whole points, and the sizes its variables gave."""

    points: int
    sizes: Sequence[float]


class Cost:
    """The cost of one operation of a document."""

    def __init__(self, root: _Selection, sizes: Sizes) -> None:
        self._counted = _Counted.of(root)
        self._sizes = sizes
        self._sums: list[tuple[float, tuple[_Term, ...]]] = []
        term = self._term(root, {})
        self._constant = None if term.earlier >= 0 else Asked(_points(term.factor), ())
        # The sizes of one request are most often those of the next.
        self._latest = self._constant

    def asked(self, variables: Mapping[str, object] | None) -> Asked:
        """What it may cost with these variables, as they were sent."""
        if self._constant is not None:
            return self._constant
        sizes = self._sizes.read(variables or {})
        latest = self._latest
        if latest is not None and latest.sizes == sizes:
            return latest
        sums: list[float] = []
        for constant, terms in self._sums:
            total = constant
            for factor, slot, earlier in terms:
                if slot >= 0:
                    factor *= sizes[slot]  # noqa: PLW2901  a product in the making
                total += factor if earlier < 0 else factor * sums[earlier]
            sums.append(total)
        self._latest = latest = Asked(_points(sums[-1]), sizes)
        return latest

    def actual(self, data: object, asked: Asked) -> int:
        """What it did cost, by the lists in its answer. What is null counts as if it were there."""
        return _points(self._counted.cost((data,), asked.sizes))

    def _term(self, selection: _Selection, known: dict[int, _Term]) -> _Term:
        """The cost of a selection for one object, as a product of a number and an earlier sum."""
        found = known.get(id(selection))
        if found is not None:
            return found
        constant = selection.own
        terms: list[_Term] = []
        for edge in selection.edges:
            below = self._term(edge.below, known)
            factor = below.factor * edge.size.fixed
            if edge.size.slot < 0 and below.earlier < 0:
                constant += factor
            elif factor:
                terms.append(_Term(factor, edge.size.slot, below.earlier))
        if terms:
            self._sums.append((constant, tuple(terms)))
            found = _Term(1.0, -1, len(self._sums) - 1)
        else:
            found = _Term(constant, -1, -1)
        known[id(selection)] = found
        return found


def _points(cost: float) -> int:
    return math.ceil(round(cost, 6))


@dataclass(frozen=True, slots=True)
class _Counted:
    """A selection as answers are counted by it: `own` is all that is below one object of it but
    the lists, which hang on paths of keys; `arguments` are sizes that are paid for besides.
    """

    own: float
    arguments: tuple[Size, ...]
    lists: tuple[tuple[tuple[str, ...], "_Counted"], ...]

    @classmethod
    def of(cls, selection: _Selection) -> "_Counted":
        own = selection.own
        arguments: list[Size] = []
        lists: list[tuple[tuple[str, ...], _Counted]] = []
        for key, size, below, kind in selection.edges:
            if kind is _Kind.ARGUMENT:
                arguments.append(size)
                continue
            inner = cls.of(below)
            if kind is _Kind.LIST:
                lists.append(((key,), inner))
                continue
            own += inner.own
            arguments += inner.arguments
            start = () if kind is _Kind.FRAGMENT else (key,)
            lists += [((*start, *path), counted) for path, counted in inner.lists]
        return cls(own, tuple(arguments), tuple(lists))

    def of_one(self, sizes: Sequence[float]) -> float:
        """Of one object, without its lists."""
        own = self.own
        for size in self.arguments:
            own += PLAIN * (size.fixed if size.slot < 0 else sizes[size.slot])
        return own

    def cost(self, items: Sequence[object], sizes: Sequence[float]) -> float:
        """Of all these objects together: a few steps for each list field, not for each object."""
        total = self.of_one(sizes) * len(items)
        for path, below in self.lists:
            found: list[object] = []
            count = 0
            for item in items:
                value: Any = item
                for key in path:
                    if value.__class__ is not dict:
                        break
                    value = value.get(key)
                if value.__class__ is list:
                    count += len(value)
                    if below.lists:
                        found += value
            if found:
                total += below.cost(found, sizes)
            elif count:
                total += below.of_one(sizes) * count
        return total


class CostModel:
    """Makes the costs of operations of one schema. A document must be valid and within figures."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._lengths = mean_lengths(schema)
        self._weights: dict[tuple[str, str], float] = {}
        mutation = schema.mutation_type
        for kind in schema.type_map.values():
            for name, definition in (getattr(kind, "fields", None) or {}).items():
                if kind is mutation:
                    weight = HASHED if name in _HASHING else WRITTEN
                else:
                    weight = AWAITED if _is_awaited(definition) else PLAIN
                self._weights[kind.name, name] = weight

    def cost(
        self, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> Cost:
        root = {
            OperationType.QUERY: self._schema.query_type,
            OperationType.MUTATION: self._schema.mutation_type,
            OperationType.SUBSCRIPTION: self._schema.subscription_type,
        }[operation.operation]
        sizes = Sizes(operation)
        if root is None:
            return Cost(_Selection(), sizes)
        maker = _Maker(self._schema, self._weights, self._lengths, fragments, sizes)
        return Cost(maker.selection(root, operation.selection_set, UNSIZED), sizes)


def _is_awaited(definition: object) -> bool:
    extensions = getattr(definition, "extensions", None) or {}
    source = extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return bool(source is not None and source.is_async)


@dataclass(slots=True)
class _Maker:
    schema: GraphQLSchema
    weights: dict[tuple[str, str], float]
    lengths: Lengths
    fragments: Mapping[str, FragmentDefinitionNode]
    sizes: Sizes
    spread: dict[tuple[str, Size], _Selection] = field(default_factory=dict)

    def selection(
        self, parent: GraphQLCompositeType, nodes: SelectionSetNode, page: Size
    ) -> _Selection:
        """`page` is the size asked of the connection whose fields these are."""
        made = _Selection()
        for node in nodes.selections:
            if isinstance(node, FieldNode):
                self._field(made, parent, node, page)
            elif isinstance(node, InlineFragmentNode):
                kind = self._kind(node.type_condition.name.value if node.type_condition else None)
                self._join(made, self.selection(kind or parent, node.selection_set, page))
            elif isinstance(node, FragmentSpreadNode):
                self._join(made, self._fragment(node.name.value, page))
        return made

    def _kind(self, name: str | None) -> GraphQLCompositeType | None:
        kind = self.schema.type_map.get(name) if name else None
        return kind if is_composite_type(kind) else None

    def _fragment(self, name: str, page: Size) -> _Selection:
        key = (name, page)
        if key not in self.spread:
            fragment = self.fragments[name]
            kind = self._kind(fragment.type_condition.name.value)
            self.spread[key] = (
                self.selection(kind, fragment.selection_set, page) if kind else _Selection()
            )
        return self.spread[key]

    @staticmethod
    def _join(made: _Selection, below: _Selection) -> None:
        if below.edges:
            made.edges.append(_Edge("", Size(1), below, _Kind.FRAGMENT))
        else:
            made.own += below.own

    def _field(
        self, made: _Selection, parent: GraphQLCompositeType, node: FieldNode, page: Size
    ) -> None:
        name = node.name.value
        if name in _META_TYPES:
            definition, kind = None, self._kind(_META_TYPES[name])
        else:
            fields: Mapping[str, GraphQLField] = getattr(parent, "fields", {})
            definition = fields.get(name)
            named = get_named_type(definition.type) if definition else None
            kind = named if is_composite_type(named) else None
        made.own += self.weights.get((parent.name, name), PLAIN)
        asked, items = arguments_size(definition, node, self.sizes) if definition else (UNSIZED, ())
        made.edges.extend(_Edge("", size, _Selection(PLAIN), _Kind.ARGUMENT) for size in items)
        if kind is None or node.selection_set is None:
            return
        key = node.alias.value if node.alias else name
        if definition is None or not is_list(definition.type):
            made.edges.append(
                _Edge(key, Size(1), self.selection(kind, node.selection_set, asked), _Kind.OBJECT)
            )
            return
        size = asked if asked is not UNSIZED else page
        if size is UNSIZED:
            longest = max(items, key=lambda one: (one.slot >= 0, one.fixed), default=UNSIZED)
            size = longest if longest is not UNSIZED else self.lengths.of(parent.name, name)
        made.edges.append(
            _Edge(key, size, self.selection(kind, node.selection_set, UNSIZED), _Kind.LIST)
        )
