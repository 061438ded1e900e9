"""Variables of an operation: simple ones are looked at, all others are graphql-core's to coerce."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    get_nullable_type,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

MAX_ERRORS = 50
# A value of exactly this class is what the built-in scalar would make of it.
_CLASSES: Mapping[str, type] = {"String": str, "ID": str, "Int": int, "Boolean": bool}
_LARGEST_INT = 2_147_483_647


def _is_in_range(value: Any) -> bool:
    number: int = value
    return -_LARGEST_INT - 1 <= number <= _LARGEST_INT


@dataclass(frozen=True, slots=True)
class _Simple:
    name: str
    expected: type
    is_nullable: bool
    absent: VariableValueSource
    signature: Any


class VariableReader:
    """Reads the variables of one operation as graphql-core does."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        *,
        hide_suggestions: bool = False,
    ) -> None:
        self._schema = schema
        self._hide_suggestions = hide_suggestions
        self._definitions = operation.variable_definitions or ()
        self._simple = self._find_simple()

    def _find_simple(self) -> list[_Simple] | None:
        """The variables when all are of built-in scalars without defaults, else None."""
        found = []
        for definition in self._definitions:
            signature = get_variable_signature(self._schema, definition)
            if isinstance(signature, GraphQLError) or definition.default_value is not None:
                return None
            named = get_nullable_type(signature.type)
            is_nullable = named is signature.type
            expected = _CLASSES.get(getattr(named, "name", ""))
            if expected is None:
                return None
            absent = VariableValueSource(signature)
            found.append(_Simple(signature.name, expected, is_nullable, absent, signature))
        return found

    def read(self, given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        if self._simple is None:
            return self._read(given)
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for variable in self._simple:
            name = variable.name
            if name not in given:
                if not variable.is_nullable:
                    return self._read(given)
                sources[name] = variable.absent
                continue
            value: Any = given[name]
            if value.__class__ is not variable.expected:
                if value is not None or not variable.is_nullable:
                    return self._read(given)
            elif variable.expected is int and not _is_in_range(value):
                return self._read(given)
            sources[name] = VariableValueSource(variable.signature, value)
            coerced[name] = value
        return VariableValues(sources, coerced)

    def _read(self, given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        return get_variable_values(
            self._schema,
            self._definitions,
            dict(given),
            max_errors=MAX_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
