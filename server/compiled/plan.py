"""From an operation to a plan: which field is read how, and what shape its value must have."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from inspect import iscoroutinefunction
from typing import Any, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from server.compiled.irregular import Unsupported

# Each possible type of an interface has a selection: nested, they multiply.
MAX_SELECTIONS = 2_000


class Kind(Enum):
    """How a field's value comes to be."""

    TYPENAME = auto()
    READ = auto()
    """Read off the source by the schema's default resolver."""
    CALL = auto()
    """A synchronous resolver, called for each parent."""
    PURE = auto()
    """The same, free of effects: a fallback may call it again."""
    AWAIT = auto()
    """An asynchronous resolver, called for each parent."""
    BATCH = auto()
    """A batch function, called once for all parents."""
    EVENT = auto()
    """The root field of a subscription: the event itself."""


@dataclass(slots=True)
class Leaf:
    type: GraphQLLeafType
    is_nullable: bool


@dataclass(slots=True)
class Listed:
    item: "Shape"
    is_nullable: bool


@dataclass(slots=True)
class Composite:
    """An object, or one of the possible types of an interface or union."""

    selections: "dict[str, Selection]"
    is_nullable: bool
    abstract: GraphQLAbstractType | None = None

    @property
    def only(self) -> "Selection":
        (selection,) = self.selections.values()
        return selection


Shape = Leaf | Listed | Composite


@dataclass(slots=True)
class FieldPlan:
    key: str
    kind: Kind
    nodes: list[FieldNode]
    parent_type: GraphQLObjectType
    definition: GraphQLField | None
    strawberry: StrawberryField | None
    shape: Shape
    number: int

    @property
    def is_deferred(self) -> bool:
        """Whether its value takes an await, at itself or below."""
        return self.kind in {Kind.AWAIT, Kind.BATCH, Kind.EVENT} or has_awaits(self.shape)


@dataclass(slots=True)
class Selection:
    type: GraphQLObjectType
    fields: list[FieldPlan]
    number: int
    deferred: list[FieldPlan] = field(default_factory=list)


def has_awaits(shape: Shape) -> bool:
    if isinstance(shape, Leaf):
        return False
    if isinstance(shape, Listed):
        return has_awaits(shape.item)
    return shape.abstract is not None or any(s.deferred for s in shape.selections.values())


def selections_of(shape: Shape) -> "list[Selection]":
    """Those of the objects in a value of this shape, one for each possible type."""
    while isinstance(shape, Listed):
        shape = shape.item
    return [] if isinstance(shape, Leaf) else list(shape.selections.values())


def has_calls(shape: Shape) -> bool:
    """Whether a resolver with effects is called for what is below, without an await."""
    return any(
        plan.kind is Kind.CALL or has_calls(plan.shape)
        for selection in selections_of(shape)
        for plan in selection.fields
    )


@dataclass(slots=True)
class Plan:
    operation: OperationDefinitionNode
    root: Selection
    fields: list[FieldPlan]
    selections: list[Selection]


class Planner:
    """Plans one operation for one set of `skip` and `include` values."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDefinitionNode],
        variable_values: VariableValues,
        *,
        is_handled: Callable[[StrawberryField], bool],
    ) -> None:
        """`is_handled` tells of fields whose errors the library turns into answers."""
        self._is_handled = is_handled
        self._schema = schema
        self._operation = operation
        self._variables = variable_values
        self._fragments = {name: FragmentDetails(node) for name, node in fragments.items()}
        self._fields: list[FieldPlan] = []
        self._selections: list[Selection] = []
        for node in fragments.values():
            if node.variable_definitions:
                raise Unsupported("fragment variables")

    def plan(self) -> Plan:
        """Raises Unsupported."""
        root_type = self._schema.get_root_type(self._operation.operation)
        if root_type is None:
            raise Unsupported("no such root type")
        collected = collect_fields(
            self._schema, self._fragments, self._variables, root_type, self._operation
        )
        if collected.new_defer_usages:
            raise Unsupported("@defer")
        root = self._selection(root_type, collected.grouped_field_set)
        return Plan(self._operation, root, self._fields, self._selections)

    def _selection(
        self, parent: GraphQLObjectType, grouped: dict[str, list[FieldDetails]]
    ) -> Selection:
        if len(self._selections) >= MAX_SELECTIONS:
            raise Unsupported("an operation of this size")
        if iscoroutinefunction(parent.is_type_of):
            raise Unsupported("an asynchronous is_type_of")
        selection = Selection(parent, [], len(self._selections))
        self._selections.append(selection)
        selection.fields = [self._field(parent, key, details) for key, details in grouped.items()]
        selection.deferred = [plan for plan in selection.fields if plan.is_deferred]
        return selection

    def _field(self, parent: GraphQLObjectType, key: str, details: list[FieldDetails]) -> FieldPlan:
        nodes = [detail.node for detail in details]
        name = nodes[0].name.value
        for node in nodes:
            if any(d.name.value not in {"skip", "include"} for d in node.directives or ()):
                raise Unsupported("directives on fields")
        number = len(self._fields)
        if name == "__typename":
            leaf = Leaf(cast("GraphQLLeafType", self._schema.get_type("String")), False)
            plan = FieldPlan(key, Kind.TYPENAME, nodes, parent, None, None, leaf, number)
            self._fields.append(plan)
            return plan
        if name.startswith("__"):
            raise Unsupported("introspection")
        definition = parent.fields.get(name)
        if definition is None:
            raise Unsupported("unknown field")
        source = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if not isinstance(source, StrawberryField):
            raise Unsupported("a field that is not Strawberry's")
        plan = FieldPlan(
            key,
            self._kind(source),
            nodes,
            parent,
            definition,
            source,
            Leaf(cast("GraphQLLeafType", self._schema.get_type("String")), True),
            number,
        )
        self._fields.append(plan)
        plan.shape = self._shape(definition.type, details, is_nullable=True)
        return plan

    def _kind(self, source: StrawberryField) -> Kind:
        if self._operation.operation is OperationType.SUBSCRIPTION and source.is_subscription:
            return Kind.EVENT
        if type(source).get_result is not StrawberryField.get_result or self._is_handled(source):
            return Kind.AWAIT if source.is_async else Kind.CALL
        if source.is_basic_field:
            return Kind.READ
        if source.base_resolver is not None and not source.extensions:
            function = source.base_resolver.wrapped_func
            if getattr(function, "__batch__", None) is not None:
                return Kind.BATCH
            if getattr(function, "__pure__", False) or hasattr(function, "__for_type__"):
                return Kind.PURE
        has_async_extension = any(not each.supports_sync for each in source.extensions)
        return Kind.AWAIT if source.is_async or has_async_extension else Kind.CALL

    def _shape(
        self, output: GraphQLOutputType, details: list[FieldDetails], *, is_nullable: bool
    ) -> Shape:
        if is_non_null_type(output):
            return self._shape(
                cast("GraphQLOutputType", output.of_type), details, is_nullable=False
            )
        if is_list_type(output):
            item = self._shape(output.of_type, details, is_nullable=True)
            return Listed(item, is_nullable)
        if is_leaf_type(output):
            return Leaf(output, is_nullable)
        if is_object_type(output):
            possible: list[GraphQLObjectType] = [output]
        elif is_abstract_type(output):
            if iscoroutinefunction(output.resolve_type):
                raise Unsupported("an asynchronous resolve_type")
            possible = list(self._schema.get_possible_types(output))
        else:
            raise Unsupported(f"the type {output}")
        selections = {}
        for concrete in possible:
            collected = collect_subfields(
                self._schema, self._fragments, self._variables, self._operation, concrete, details
            )
            if collected.new_defer_usages:
                raise Unsupported("@defer")
            selections[concrete.name] = self._selection(concrete, collected.grouped_field_set)
        return Composite(selections, is_nullable, output if is_abstract_type(output) else None)


def variables_that_choose(
    operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
) -> tuple[str, ...]:
    """Names of the variables that `skip` and `include` depend on, in order."""
    from graphql import DirectiveNode, VariableNode, Visitor, visit

    found: set[str] = set()

    class Choices(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            if node.name.value in {"skip", "include"}:
                for argument in node.arguments or ():
                    if isinstance(argument.value, VariableNode):
                        found.add(argument.value.name.value)

    visit(operation, Choices())
    for fragment in fragments.values():
        visit(fragment, Choices())
    return tuple(sorted(found))
