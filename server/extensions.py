"""What Strawberry's own execution is given: our documents, limits, executor, and words for errors.

Its views of sockets, streams and uploads so take the same path as the posts of JSON.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from graphql import OperationType as GraphQLOperationType
from strawberry.extensions import MaskErrors, SchemaExtension
from strawberry.types.graphql import OperationType

from domain.base.errors import RateLimitedError
from schema.base.context import Context
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


def _nothing(name: str | None) -> DocumentNode:
    """A document that asks nothing, under the name that was asked for."""
    field = FieldNode(name=NameNode(value="__typename"))
    operation = OperationDefinitionNode(
        operation=GraphQLOperationType.QUERY,
        name=None if name is None else NameNode(value=name),
        selection_set=SelectionSetNode(selections=(field,)),
    )
    return DocumentNode(definitions=(operation,))


class OurExecution(SchemaExtension):
    """One execution. Strawberry makes one of these for each."""

    parts: Parts

    def __init__(self) -> None:
        self._admitted: Admitted | None = None
        self._refusal: GraphQLError | None = None
        self._cost: Mapping[str, object] | None = None

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        if context.query:
            try:
                context.graphql_document = self._document(context.query, context.context)
            except GraphQLError as refusal:
                # Only validation can tell a stream of the library's what is wrong.
                self._refusal = refusal
                context.graphql_document = _nothing(self._name)
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.query:
            context.pre_execution_errors = self._errors(context.query, context.context)
        yield

    def _document(self, text: str, context: Context) -> DocumentNode:
        """Raises GraphQLError for one that cannot be executed."""
        if not self.parts.documents.knows(text):
            with _refusals_told():
                self.parts.admission.admit_reading(context)
        prepared = self.parts.documents.read(text).prepared
        operation = prepared.operation(self._name)
        if isinstance(operation, GraphQLError):
            raise operation
        return prepared.document

    def _errors(self, text: str, context: Context) -> list[GraphQLError]:
        """Why an operation is not executed; nothing for one that is charged and may go on."""
        if self._refusal is not None:
            return [self._refusal]
        document = self.parts.documents.read(text)
        operation = document.prepared.operation(self._name)
        try:
            with _refusals_told():
                if document.errors:
                    self.parts.admission.admit_reading(context)
                elif not isinstance(operation, GraphQLError) and not context.is_admitted:
                    self._admitted = self.parts.admission.admit(
                        document, operation, self.execution_context.variables, context
                    )
        except GraphQLError as refusal:
            return [refusal]
        return list(document.errors)

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
