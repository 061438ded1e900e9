"""A field's arguments as its resolver takes them, worked out once where no variable is in them."""

from collections.abc import Mapping
from typing import Any, cast

import strawberry
from graphql import FieldNode, Visitor, visit
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.types.arguments import convert_arguments

from server.compiled.plan import FieldPlan

# A value of these classes can be handed to any number of calls.
_IMMUTABLE = (str, int, float, bool, type(None))


def has_variables(node: FieldNode) -> bool:
    found = False

    class Search(Visitor):
        def enter_variable(self, *_: Any) -> None:
            nonlocal found
            found = True

    for argument in node.arguments or ():
        visit(argument.value, Search())
    return found


class Arguments:
    """Arguments of the fields of one plan."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._schema = schema
        self._fixed: dict[int, Mapping[str, object] | None] = {}

    def of(self, plan: FieldPlan, variables: VariableValues) -> Mapping[str, object]:
        """By their Python names. Raises what graphql-core and Strawberry raise."""
        fixed = self._fixed.get(plan.number)
        if fixed is not None:
            return fixed
        given = self._read(plan, variables)
        if plan.number not in self._fixed:
            is_fixed = not has_variables(plan.nodes[0]) and all(
                isinstance(value, _IMMUTABLE) for value in given.values()
            )
            self._fixed[plan.number] = given if is_fixed else None
        return given

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
