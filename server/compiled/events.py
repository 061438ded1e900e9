"""The events of subscriptions, executed compiled inside the library's own protocol handlers."""

from collections.abc import Callable
from copy import copy
from typing import Any, cast

import strawberry
from graphql import DocumentNode, ExecutionResult
from graphql.execution import MiddlewareManager
from graphql.pyutils import AwaitableOrValue
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.utils.await_maybe import await_maybe

from server.compiled.executor import CompiledExecutor
from server.compiled.operations import Prepared


def compile_events(
    schema: strawberry.Schema,
    executor: CompiledExecutor,
    prepared_of: Callable[[DocumentNode], Prepared],
) -> None:
    """Let the schema's subscriptions answer each event on the compiled path.

    graphql-core makes the source stream as ever; only what it does for each event is replaced.
    """

    class CompiledEvents(StrawberryGraphQLCoreExecutionContext):
        prepared: Prepared
        is_event = False

        @classmethod
        def build(cls, schema: Any, document: DocumentNode, *args: Any, **kwargs: Any) -> Any:
            built = super().build(schema, document, *args, **kwargs)
            if isinstance(built, cls):
                built.prepared = prepared_of(document)
            return built

        def build_per_event_executor(self, payload: Any) -> "CompiledEvents":
            event = cast("CompiledEvents", super().build_per_event_executor(payload))
            event.is_event = True
            return event

        def execute_operation(self, serially: bool | None = None) -> Any:
            if self.is_event:
                return self._execute_event()
            return super().execute_operation(serially)

        async def _execute_event(self) -> ExecutionResult:
            outcome = await executor.execute_coerced(
                self.prepared,
                self.operation,
                self.variable_values,
                self.context_value,
                self.root_value,
                self._reference,
            )
            return outcome.result

        def _reference(
            self, middleware: MiddlewareManager | None
        ) -> AwaitableOrValue[ExecutionResult]:
            """The same event by graphql-core."""
            plain = copy(self)
            plain.is_event = False
            plain.middleware_manager = middleware or self.middleware_manager
            return await_maybe(plain.execute_operation(serially=False))

    schema.execution_context_class = CompiledEvents
