"""A field's arguments as its resolver takes them; what can be is worked out once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import strawberry
from graphql import (
    GraphQLArgument,
    Undefined,
    VariableNode,
    Visitor,
    get_nullable_type,
    is_scalar_type,
    visit,
)
from graphql.execution.values import VariableValues, get_argument_values
from graphql.language import ValueNode
from strawberry.types.arguments import StrawberryArgument, convert_arguments

from server.compiled.plan import FieldPlan

# A value of these classes can be handed to any number of calls.
_IMMUTABLE = (str, int, float, bool, type(None))
_BUILT_IN = {"String", "ID", "Int", "Float", "Boolean"}


@dataclass(frozen=True, slots=True)
class _Recipe:
    """Arguments that never change, and those that are a variable of a built-in scalar.

    A variable is `(Python name, variable's name, default, may be absent)`.
    """

    fixed: Mapping[str, object]
    variables: tuple[tuple[str, str, object, bool], ...]


def has_variables(node: ValueNode) -> bool:
    found = False

    class Search(Visitor):
        def enter_variable(self, *_: Any) -> None:
            nonlocal found
            found = True

    visit(node, Search())
    return found


class Arguments:
    """Arguments of the fields of one plan, by their Python names."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._schema = schema
        self._recipes: dict[int, _Recipe | None] = {}

    def of(self, plan: FieldPlan, variables: VariableValues) -> Mapping[str, object]:
        """Raises what graphql-core and Strawberry raise."""
        recipe = self._recipes.get(plan.number)
        if recipe is None:
            given = self._read(plan, variables)
            if plan.number not in self._recipes:
                self._recipes[plan.number] = self._recipe(plan, given)
            return given
        if not recipe.variables:
            return recipe.fixed
        found = dict(recipe.fixed)
        coerced = variables.coerced
        for name, variable, default, may_be_absent in recipe.variables:
            if variable in coerced:
                value = coerced[variable]
                if value is None and not may_be_absent:
                    return self._read(plan, variables)
                found[name] = value
            elif default is not Undefined:
                found[name] = default
            elif not may_be_absent:
                return self._read(plan, variables)
        return found

    def _read(self, plan: FieldPlan, variables: VariableValues) -> Mapping[str, object]:
        definition = cast("Any", plan.definition)
        if not definition.args:
            return {}
        return convert_arguments(
            get_argument_values(definition, plan.nodes[0], variables),
            cast("Any", plan.strawberry).arguments,
            scalar_registry=self._schema.schema_converter.scalar_registry,
            config=self._schema.config,
        )

    def _recipe(self, plan: FieldPlan, given: Mapping[str, object]) -> _Recipe | None:
        """How to make `given` again; None when it must be read each time."""
        described: dict[str, GraphQLArgument] = cast("Any", plan.definition).args
        nodes = {node.name.value: node.value for node in plan.nodes[0].arguments or ()}
        fixed = dict(given)
        variables = []
        for argument in cast("Any", plan.strawberry).arguments:
            name = self._schema.config.name_converter.from_argument(argument)
            node = nodes.get(name)
            if isinstance(node, VariableNode):
                made = _variable(argument, described[name], node)
                if made is None:
                    return None
                fixed.pop(made[0], None)
                variables.append(made)
            elif node is not None and has_variables(node):
                return None
        if not all(isinstance(value, _IMMUTABLE) for value in fixed.values()):
            return None
        return _Recipe(fixed, tuple(variables))


def _variable(
    argument: StrawberryArgument, described: GraphQLArgument, node: VariableNode
) -> tuple[str, str, object, bool] | None:
    named = get_nullable_type(described.type)
    is_required = named is not described.type
    if not (is_scalar_type(named) and named.name in _BUILT_IN) or argument.python_name is None:
        return None
    default = described.default_value
    if default is not Undefined and not isinstance(default, _IMMUTABLE):
        return None
    return argument.python_name, node.name.value, default, not is_required
