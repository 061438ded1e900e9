"""The GraphQL endpoint: POST, GraphQL over WebSocket and server-sent events."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, cast

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from graphql import DocumentNode, GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.extensions import MaskErrors, SchemaExtension
from strawberry.http import GraphQLRequestData
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import SubscribeMessage
from strawberry.types import ExecutionResult, SubscriptionExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UNSET, UnsetType

from domain.base.clock import now
from domain.base.database import Record
from domain.base.errors import UnauthenticatedError
from domain.base.settings import Settings
from resolvers.schema import build_schema
from schema.base.context import Context, Services
from schema.base.rows import TypedRow
from server.auth import authenticate
from server.compiled import CompiledExecutor, Prepared, compile_events, core_of
from server.cors import Cors
from server.documents import Documents
from server.headers import security_headers
from server.masking import public_error
from server.operations import Operations, error_response, refuse_deep
from server.persisted import PersistedDocuments, PersistedError

logger = logging.getLogger(__name__)

# Types are read off these by name; off anything else by attribute. As `read_field` does it.
ROW_TYPES = (Record, TypedRow, dict)
# What orjson writes just as the scalar would.
NATIVE = {"DateTime": (datetime,), "JSON": (dict, list, str, int, float, bool, orjson.Fragment)}


def _extensions(
    documents: Callable[[], Documents], executor: Callable[[], CompiledExecutor]
) -> list[type[SchemaExtension]]:
    """What Strawberry's own execution is given: our documents, our executor, our words for errors.

    Its views of sockets, streams and uploads so take the same path as the posts of JSON.
    """

    class KnownDocuments(SchemaExtension):
        def on_parse(self) -> Iterator[None]:
            context = self.execution_context
            if context.query:
                prepared = documents().read(context.query).prepared
                name = context._provided_operation_name  # noqa: SLF001  else the first one's
                operation = prepared.operation(name)
                if isinstance(operation, GraphQLError):
                    raise operation
                context.graphql_document = prepared.document
            yield

        def on_validate(self) -> Iterator[None]:
            context = self.execution_context
            if context.query:
                context.pre_execution_errors = list(documents().read(context.query).errors)
            yield

        async def on_execute(self) -> AsyncIterator[None]:
            context = self.execution_context
            if context.query and context.operation_type is not OperationType.SUBSCRIPTION:
                outcome = await executor().execute(
                    documents().read(context.query).prepared,
                    variables=context.variables,
                    operation_name=context._provided_operation_name,  # noqa: SLF001  as above
                    context=context.context,
                )
                context.result = outcome.result
            yield

    class MaskedFaults(MaskErrors):
        def __init__(self) -> None:
            super().__init__(should_mask_error=lambda error: error.original_error is not None)

        def anonymise_error(self, error: GraphQLError) -> GraphQLError:
            return public_error(error)

    return [KnownDocuments, MaskedFaults]


class _TextFrames(ASGIWebSocketAdapter):
    async def send_json(self, message: Any) -> None:
        await self.ws.send_text(orjson.dumps(message).decode())


class _Sockets(BaseGraphQLTransportWSHandler[Context, None]):
    """Socket operations may name their document, as posted ones may."""

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        persisted = cast("GraphQLEndpoint", self.view).persisted
        payload = cast("dict[str, Any]", message["payload"])
        is_read = self.connection_acknowledged and isinstance(payload, dict)
        if is_read and persisted.concerns(payload):
            is_signed_in = self.context.viewer is not None
            try:
                payload["query"] = await persisted.text(payload, is_signed_in=is_signed_in)
            except PersistedError as error:
                await self.send_message(
                    {"id": message["id"], "type": "error", "payload": [error.formatted]}
                )
                return
        await super().handle_subscribe(message)


class GraphQLEndpoint(GraphQL[Context, None]):
    """Strawberry's view with our context, our JSON, and one form for every refusal."""

    allow_queries_via_get = False
    websocket_adapter_class = _TextFrames
    graphql_transport_ws_handler_class = _Sockets

    def __init__(self, settings: Settings, services: Services) -> None:
        schema = build_schema(_extensions(lambda: self.documents, lambda: self.executor))
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=10),
            multipart_uploads_enabled=True,
            max_subscriptions_per_connection=50,
            allowed_origins=[settings.public_url, *settings.cors_origins],
        )
        self.settings = settings
        self.services = services
        self.documents = Documents(core_of(schema))
        self.persisted = PersistedDocuments(settings, self._is_valid)
        self.executor = CompiledExecutor(schema, row_types=ROW_TYPES, native=NATIVE)
        compile_events(schema, self.executor, self._prepared)
        self.operations = Operations(
            self.documents,
            self.persisted,
            self.executor,
            self._context,
            security_headers(settings),
            Cors(settings.cors_origins),
        )

    def _is_valid(self, text: str) -> bool:
        try:
            return not self.documents.read(text).errors
        except GraphQLError:
            return False

    def _prepared(self, document: DocumentNode) -> Prepared:
        if document.loc is None:
            message = "a document that was not read from a text"
            raise ValueError(message)
        return self.documents.read(document.loc.source.body).prepared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self.run(request)
        except PersistedError as refusal:
            response = error_response(refusal.status, refusal.message, code=refusal.code)
        except HTTPException as refusal:
            response = error_response(refusal.status_code, refusal.reason)
        except UnauthenticatedError as refusal:
            response = error_response(401, refusal.message, code=refusal.code.value)
        finally:
            # Uploads lie in temporary files.
            await request.close()
        await response(scope, receive, send)

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        del response
        context = await self._context(
            request.headers.get("authorization"), request.client.host if request.client else ""
        )
        content_type = request.headers.get("content-type", "")
        if context.viewer is None and content_type.startswith("multipart/form-data"):
            # A body of this kind goes to the disk before any field asks who sends it.
            raise UnauthenticatedError("Sign in before you send files.")
        return context

    async def _context(self, authorization: str | None, client: str) -> Context:
        context = Context(settings=self.settings, services=self.services)
        context.client = client
        if authorization is not None:
            context.viewer = await authenticate(self.settings, authorization, now())
        return context

    async def execute_operation(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        request_data: GraphQLRequestData | list[GraphQLRequestData],
        context: Context,
        root_value: None,
        sub_response: Response,
    ) -> ExecutionResult | list[ExecutionResult] | SubscriptionExecutionResult:
        if isinstance(request_data, GraphQLRequestData):
            given = {"query": request_data.query, "extensions": request_data.extensions}
            if self.persisted.concerns(given):
                request_data.query = await self.persisted.text(
                    given, is_signed_in=context.viewer is not None
                )
        return await super().execute_operation(
            request, request_adapter, request_data, context, root_value, sub_response
        )

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Sockets of browsers carry their token in `connection_init`, as `authorization`."""
        given = context.connection_params or {}
        header = given.get("authorization") or given.get("Authorization")
        if header is not None:
            try:
                context.viewer = await authenticate(self.settings, str(header), now())
            except UnauthenticatedError:
                raise ConnectionRejectionError from None
        return cast("UnsetType", UNSET)

    def decode_json(self, data: str | bytes) -> object:
        value = orjson.loads(data)
        if isinstance(value, dict):
            refuse_deep(value.get("variables"))
        return value

    def parse_json(self, data: str | bytes) -> Any:
        value = super().parse_json(data)
        if not isinstance(value, (dict, list)):
            raise HTTPException(400, "The request body must be a JSON object.")
        if isinstance(value, dict) and "documentId" in value:
            # The library's own reading of a request knows extensions only.
            extensions = value.get("extensions") or {}
            if isinstance(extensions, dict):
                value["extensions"] = {**extensions, "documentId": value["documentId"]}
        return value

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)
