"""What Strawberry's own execution is given: our documents, limits, executor, and words for errors.

Its views of sockets, streams and uploads so take the same path as the posts of JSON.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from graphql import GraphQLError
from strawberry.extensions import MaskErrors, SchemaExtension
from strawberry.types.graphql import OperationType

from domain.base.errors import RateLimitedError
from server.admission import Admission, Admitted, rate_limited
from server.compiled import CompiledExecutor
from server.documents import Documents
from server.masking import public_error


class Parts(Protocol):
    """What an endpoint has made of its schema."""

    @property
    def documents(self) -> Documents: ...
    @property
    def executor(self) -> CompiledExecutor: ...
    @property
    def admission(self) -> Admission: ...


class MaskedFaults(MaskErrors):
    def __init__(self) -> None:
        super().__init__(should_mask_error=lambda error: error.original_error is not None)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        return public_error(error)


@contextmanager
def _refusals_told() -> Iterator[None]:
    """What is refused before execution is not masked, so it must say its code itself."""
    try:
        yield
    except RateLimitedError as refusal:
        raise GraphQLError(**rate_limited(refusal)) from refusal


class OurExecution(SchemaExtension):
    """One execution. Strawberry makes one of these for each."""

    parts: Parts

    def __init__(self) -> None:
        self._admitted: Admitted | None = None
        self._cost: Mapping[str, object] | None = None

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        if context.query:
            if not self.parts.documents.knows(context.query):
                with _refusals_told():
                    self.parts.admission.admit_reading(context.context)
            prepared = self.parts.documents.read(context.query).prepared
            operation = prepared.operation(self._name)
            if isinstance(operation, GraphQLError):
                raise operation
            context.graphql_document = prepared.document
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.query:
            document = self.parts.documents.read(context.query)
            context.pre_execution_errors = list(document.errors)
            operation = document.prepared.operation(self._name)
            with _refusals_told():
                if document.errors:
                    self.parts.admission.admit_reading(context.context)
                elif not isinstance(operation, GraphQLError) and not context.context.is_admitted:
                    self._admitted = self.parts.admission.admit(
                        document, operation, context.variables, context.context
                    )
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        context = self.execution_context
        if context.query and context.operation_type is not OperationType.SUBSCRIPTION:
            outcome = await self.parts.executor.execute(
                self.parts.documents.read(context.query).prepared,
                variables=context.variables,
                operation_name=self._name,
                context=context.context,
            )
            context.result = outcome.result
            if self._admitted is not None:
                self._cost, _ = self._admitted.settle(outcome.result.data)
        yield

    def get_results(self) -> dict[str, Any]:
        return {} if self._cost is None else {"cost": self._cost}

    @property
    def _name(self) -> str | None:
        """The name that was sent; Strawberry's own is else the first operation's."""
        return self.execution_context._provided_operation_name  # noqa: SLF001  no public way


def our_extensions(parts_of_endpoint: Callable[[], Parts]) -> list[type[SchemaExtension]]:
    """For a schema whose endpoint is made after it."""

    class OfEndpoint(OurExecution):
        @property
        def parts(self) -> Parts:  # type: ignore[override]
            return parts_of_endpoint()

    return [OfEndpoint, MaskedFaults]
