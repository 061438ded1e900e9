"""How many objects a field may answer, read off its arguments, its variables and the schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_list_type,
)
from graphql.utilities import value_from_ast_untyped

DEFAULT_LENGTH: Final = 10
_PAGES: Final = frozenset({"first", "last"})


class Size(NamedTuple):
    """A fixed number times, with `slot` at 0 or above, one that a variable gives."""

    fixed: float
    slot: int = -1


UNSIZED: Final = Size(1, -2)


def is_list(kind: GraphQLInputType | GraphQLOutputType) -> bool:
    return is_list_type(get_nullable_type(kind))


def length(value: object, default: float) -> float:
    """The size that an argument's value stands for: a page's length, or a list's own."""
    if value is None:
        return default
    if isinstance(value, list):
        return len(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return max(value, 0)
    # One item where a list is asked for is a list of one; all else is refused when it is read.
    return 1


@dataclass(slots=True)
class Sizes:
    """The sizes that one operation reads from its variables, each by its path into them."""

    operation: OperationDefinitionNode
    _slots: dict[tuple[tuple[str, ...], float], int] = field(default_factory=dict)

    def of_variable(self, path: tuple[str, ...], default: float) -> Size:
        """`default` is that of the argument; the variable's own comes before it."""
        for definition in self.operation.variable_definitions or ():
            if definition.variable.name.value == path[0] and definition.default_value:
                own = value_from_ast_untyped(definition.default_value)
                default = length(_inside(own, path[1:]), default)
        return Size(1, self._slots.setdefault((path, default), len(self._slots)))

    def read(self, variables: Mapping[str, object]) -> Sequence[float]:
        """By slot."""
        return [
            length(
                variables.get(path[0])
                if len(path) == 1
                else _inside(variables.get(path[0]), path[1:]),
                default,
            )
            for path, default in self._slots
        ]


def _inside(value: object, path: Sequence[str]) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def arguments_size(
    definition: GraphQLField, node: FieldNode, sizes: Sizes
) -> tuple[Size, tuple[Size, ...]]:
    """The page that a field asks for, UNSIZED if none, and the lengths of its list arguments.

    Lists inside an input object count too, one level down.
    """
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    page = UNSIZED
    items: list[Size] = []
    for name, argument in definition.args.items():
        value = given.get(name)
        if name in _PAGES:
            page = _size(value, _declared(argument), sizes)
        elif value is None:
            continue
        elif is_list(argument.type):
            items.append(_size(value, 0, sizes))
        else:
            named = get_named_type(argument.type)
            if isinstance(named, GraphQLInputObjectType):
                items.extend(_inner_lists(named, value, sizes))
    return page, tuple(items)


def _declared(argument: GraphQLArgument) -> float:
    """The default of a page's size."""
    if argument.default_value is not Undefined:
        return length(argument.default_value, DEFAULT_LENGTH)
    if argument.default is None:
        return DEFAULT_LENGTH
    literal = argument.default.literal
    value = argument.default.value if literal is None else value_from_ast_untyped(literal)
    return length(value, DEFAULT_LENGTH)


def _inner_lists(kind: GraphQLInputObjectType, value: ValueNode, sizes: Sizes) -> list[Size]:
    names = [name for name, inner in kind.fields.items() if is_list(inner.type)]
    if isinstance(value, VariableNode):
        return [sizes.of_variable((value.name.value, name), 0) for name in names]
    if isinstance(value, ObjectValueNode):
        return [_size(inner.value, 0, sizes) for inner in value.fields if inner.name.value in names]
    return []


def _size(value: ValueNode | None, default: float, sizes: Sizes) -> Size:
    if value is None:
        return Size(default)
    if isinstance(value, VariableNode):
        return sizes.of_variable((value.name.value,), default)
    if isinstance(value, ListValueNode):
        return Size(len(value.values))
    if isinstance(value, IntValueNode):
        return Size(max(int(value.value), 0))
    return Size(1)


class Lengths(NamedTuple):
    """Lengths of lists that have no arguments; those of introspection are the schema's own."""

    known: dict[tuple[str, str], float]

    def of(self, parent: str, name: str) -> Size:
        return Size(self.known.get((parent, name), DEFAULT_LENGTH))


def mean_lengths(schema: GraphQLSchema) -> Lengths:
    """Of introspection: the number of types, and the mean number of fields, values and arguments.

    Means multiply to the true total for what every client's introspection asks.
    """
    kinds = list(schema.type_map.values())
    fields = [one for kind in kinds for one in (getattr(kind, "fields", None) or {}).values()]
    outputs = [
        one
        for kind in kinds
        if not isinstance(kind, GraphQLInputObjectType)
        for one in (getattr(kind, "fields", None) or {}).values()
    ]
    values = sum(len(getattr(kind, "values", None) or ()) for kind in kinds)
    interfaces = sum(len(kind.interfaces) for kind in kinds if isinstance(kind, GraphQLObjectType))
    possible = sum(len(schema.get_possible_types(kind)) for kind in kinds if is_abstract_type(kind))
    arguments = sum(len(one.args) for one in outputs)
    count = len(kinds)
    return Lengths(
        {
            ("__Schema", "types"): count,
            ("__Schema", "directives"): len(schema.directives),
            ("__Type", "fields"): len(outputs) / count,
            ("__Type", "inputFields"): (len(fields) - len(outputs)) / count,
            ("__Type", "enumValues"): values / count,
            ("__Type", "interfaces"): interfaces / count,
            ("__Type", "possibleTypes"): possible / count,
            ("__Field", "args"): arguments / max(len(outputs), 1),
            ("__Directive", "args"): 1,
        }
    )
