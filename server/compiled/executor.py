"""The executor: compiled where it can be, graphql-core where it cannot, the same answer always."""

import asyncio
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import strawberry
from graphql import (
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    default_type_resolver,
    execute,
    print_ast,
)
from graphql.execution import MiddlewareManager
from graphql.execution.values import VariableValues
from graphql.pyutils import AwaitableOrValue, Path
from graphql.type import GraphQLResolveInfoHelpers
from strawberry.extensions import SchemaExtension
from strawberry.types.field import StrawberryField
from strawberry.utils.await_maybe import await_maybe

from server.compiled.arguments import Arguments
from server.compiled.callers import Caller, caller_of
from server.compiled.irregular import Irregular, Unsupported
from server.compiled.operations import Prepared, has_own_directives
from server.compiled.plain import PlainClasses
from server.compiled.plan import FieldPlan, Kind, Plan, Planner, Selection, selections_of
from server.compiled.run import Run
from server.compiled.source import Generated, SourceWriter
from server.compiled.variables import VariableReader

# Of all plans that are kept, together.
MAX_FIELDS_KEPT = 200_000


def core_of(schema: strawberry.Schema) -> GraphQLSchema:
    """graphql-core's schema inside Strawberry's."""
    return schema._schema  # noqa: SLF001  no public way


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, and how it was come by: `compiled`, `irregular`, or the unsupported construct."""

    result: ExecutionResult
    way: str


async def _gather(values: Any) -> list[Any]:
    return list(await asyncio.gather(*values))


def _track(values: Any) -> None:
    """Nothing is abandoned on this path: what is awaited is awaited to its end."""
    del values


def _handled_by(schema: strawberry.Schema) -> Callable[[StrawberryField], bool]:
    """Whether one of the schema's exception handlers has a say in a field's errors."""
    handlers_of = schema.schema_converter._get_field_exception_handlers  # noqa: SLF001  as above
    return lambda field: bool(handlers_of(field))


def _prefixes(plan: Plan) -> dict[int, Path]:
    """The path of the field above each field, without list indices."""
    found: dict[int, Path] = {}
    rest: list[tuple[Path | None, Selection]] = [(None, plan.root)]
    while rest:
        prefix, selection = rest.pop()
        for each in selection.fields:
            if prefix is not None:
                found[each.number] = prefix
            path = Path(prefix, each.key, selection.type.name)
            rest.extend((path, below) for below in selections_of(each.shape))
    return found


_HELPERS = GraphQLResolveInfoHelpers(_gather, _track)


@dataclass(slots=True)
class Compiled:
    """A plan with its functions: all that does not change from one run to the next."""

    plan: Plan
    strawberry_schema: strawberry.Schema
    fragments: dict[str, FragmentDefinitionNode]
    row_types: frozenset[type]
    plain: PlainClasses
    generated: Generated
    read: Callable[[object, str], object]
    callers: Sequence[Caller | None]
    arguments: Arguments
    batches: dict[int, Callable[..., Any]] = field(default_factory=dict)
    prefixes: dict[int, Path] = field(default_factory=dict)
    helpers: GraphQLResolveInfoHelpers = _HELPERS
    type_resolver: Callable[..., Any] = default_type_resolver

    @property
    def schema(self) -> Any:
        return core_of(self.strawberry_schema)

    @property
    def info_class(self) -> Any:
        return self.strawberry_schema.config.info_class

    @property
    def is_serial(self) -> bool:
        return self.plan.operation.operation is OperationType.MUTATION

    def edge_key(self, plan: FieldPlan) -> tuple[object, ...]:
        """The same for edges of several types that one call can answer."""
        function = self.batches.get(plan.number)
        if function is None:
            return (plan.number,)
        definition = cast("Any", plan.definition)
        return (plan.key, function, str(definition.type), *(id(node) for node in plan.nodes))

    @staticmethod
    def is_awaitable(value: object) -> bool:
        return hasattr(value, "__await__")


class CompiledExecutor:
    """Executes prepared operations of one schema.

    `row_types` are classes whose fields are read by `source[name]`; all others are read as
    attributes: together they must do what the schema's `default_resolver` does. `native` names,
    by scalar, the classes of values that the JSON encoder writes just as the scalar would.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        row_types: tuple[type, ...] = (),
        native: Mapping[str, tuple[type, ...]] | None = None,
        most_fields: int = MAX_FIELDS_KEPT,
        hide_suggestions: bool = False,
    ) -> None:
        """`most_fields` bounds the plans that are kept, all together.

        With `hide_suggestions` no error asks whether another name was meant.
        """
        self._hide_suggestions = hide_suggestions
        self._most_fields = most_fields
        self._schema = schema
        self._row_types = row_types
        self._plain = PlainClasses(row_types)
        self._native = native or {}
        self._is_handled = _handled_by(schema)
        self._has_hooks = any(
            getattr(each, "resolve", SchemaExtension.resolve) is not SchemaExtension.resolve
            for each in schema.extensions
        )
        self._keepers: list[weakref.ref[Prepared]] = []
        self._fields_kept = 0

    def compile(
        self, prepared: Prepared, operation: OperationDefinitionNode, variables: VariableValues
    ) -> Compiled:
        """Raises Unsupported."""
        core = core_of(self._schema)
        plan = Planner(
            core, operation, prepared.fragments, variables, is_handled=self._is_handled
        ).plan()
        has_handlers = bool(getattr(self._schema, "exception_handlers", None))
        callers = [None if has_handlers else caller_of(one) for one in plan.fields]
        generated = SourceWriter(
            plan, callers, row_types=self._row_types, plain=self._plain, native=self._native
        ).compile()
        compiled = Compiled(
            plan=plan,
            strawberry_schema=self._schema,
            fragments=prepared.fragments,
            row_types=frozenset(self._row_types),
            plain=self._plain,
            generated=generated,
            read=self._schema.config.default_resolver,
            callers=callers,
            arguments=Arguments(self._schema),
            prefixes=_prefixes(plan),
        )
        for one in plan.fields:
            if one.kind is Kind.BATCH:
                resolver = cast("Any", one.strawberry).base_resolver
                compiled.batches[one.number] = resolver.wrapped_func.__batch__
        return compiled

    async def execute(
        self,
        prepared: Prepared,
        *,
        variables: dict[str, Any] | None = None,
        operation_name: str | None = None,
        context: object = None,
        root: object = None,
    ) -> Outcome:
        """Execute a valid document's operation. Errors are in the result, as graphql-core's are."""
        operation = prepared.operation(operation_name)
        if isinstance(operation, GraphQLError):
            return Outcome(ExecutionResult(None, [operation]), "refused")
        if self._has_hooks or (self._schema.directives and has_own_directives(prepared.document)):
            result = await self._library(prepared, variables, operation_name, context, root)
            return Outcome(result, "schema extensions")
        values = self._variables(prepared, operation, variables)
        if isinstance(values, list):
            return Outcome(ExecutionResult(None, values), "refused")

        def reference(middleware: MiddlewareManager | None) -> AwaitableOrValue[ExecutionResult]:
            return execute(
                core_of(self._schema),
                prepared.document,
                root_value=root,
                context_value=context,
                variable_values=variables,
                operation_name=operation_name,
                middleware=middleware,
                executor_class=self._schema.execution_context_class,
            )

        return await self.execute_coerced(prepared, operation, values, context, root, reference)

    async def execute_coerced(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        values: VariableValues,
        context: object,
        root: object,
        reference: Callable[[MiddlewareManager | None], AwaitableOrValue[ExecutionResult]],
    ) -> Outcome:
        """Execute with variables that are read already; of a subscription, for the event `root`.

        `reference` executes the same by graphql-core, through a middleware.
        """
        compiled = self._compiled(prepared, operation, values)
        if isinstance(compiled, str):
            return Outcome(await await_maybe(reference(None)), compiled)
        run = Run(compiled, context, root, values)
        try:
            return Outcome(ExecutionResult(await run.operation(), None), "compiled")
        except Irregular:
            run.memo.spread()
        result = await await_maybe(reference(MiddlewareManager(run.memo)))
        return Outcome(result, "irregular")

    def _variables(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        given: dict[str, Any] | None,
    ) -> VariableValues | list[GraphQLError]:
        if not operation.variable_definitions:
            return VariableValues({}, {})
        reader = prepared.readers.get(id(operation))
        if reader is None:
            reader = VariableReader(
                core_of(self._schema), operation, hide_suggestions=self._hide_suggestions
            )
            prepared.readers[id(operation)] = reader
        return reader.read(given or {})

    def _compiled(
        self, prepared: Prepared, operation: OperationDefinitionNode, values: VariableValues
    ) -> Compiled | str:
        """The compiled operation, or why there is none."""
        choices = prepared.choices(operation)
        key = (id(operation), *(values.coerced.get(name) for name in choices))
        found = prepared.compiled.get(key)
        if found is None:
            if not prepared.is_due(key):
                return "first sight"
            try:
                made = self.compile(prepared, operation, values)
            except Unsupported as reason:
                found = reason.construct
            except GraphQLError:
                found = "a condition without a value"
            else:
                self._make_room(prepared, made)
                found = made
            prepared.keep(key, found)
        return cast("Compiled | str", found)

    async def _library(
        self,
        prepared: Prepared,
        variables: dict[str, Any] | None,
        operation_name: str | None,
        context: object,
        root: object,
    ) -> ExecutionResult:
        """Strawberry's own execution, with every hook of the schema's extensions."""
        place = prepared.document.loc
        given = await self._schema.execute(
            place.source.body if place else print_ast(prepared.document),
            variables,
            context,
            root,
            operation_name,
        )
        return ExecutionResult(given.data, given.errors, given.extensions)

    def _make_room(self, prepared: Prepared, compiled: Compiled) -> None:
        """Forget all plans when together they have too many fields; they are soon made again."""
        size = len(compiled.plan.fields)
        self._fields_kept += size
        if self._fields_kept > self._most_fields:
            for reference in self._keepers:
                keeper = reference()
                if keeper is not None:
                    keeper.compiled.clear()
            self._keepers.clear()
            self._fields_kept = size
        self._keepers.append(weakref.ref(prepared))
