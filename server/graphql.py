"""The GraphQL endpoint: POST, GraphQL over WebSocket and server-sent events."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType, print_ast
from starlette.exceptions import HTTPException as FormRefusal
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    Operation,
)
from strawberry.types import ExecutionResult, SubscriptionExecutionResult
from strawberry.types.unset import UNSET, UnsetType

from domain.base.clock import now
from domain.base.database import Record
from domain.base.errors import RateLimitedError, UnauthenticatedError
from domain.base.settings import Settings
from domain.identity.viewer import Viewer
from resolvers.schema import build_schema
from schema.base.context import Context, Services
from schema.base.rows import TypedRow
from server.admission import Admission
from server.auth import authenticate, sign_in
from server.broadcasts import Broadcasts, Key, Start
from server.compiled import Prepared, compile_events, core_of
from server.cors import Cors
from server.documents import Documents
from server.extensions import our_extensions
from server.headers import security_headers
from server.metrics import CountedExecutor, Traffic
from server.operations import Operations, error_response, refuse_deep
from server.persisted import PersistedDocuments, PersistedError
from server.rates import Rates
from server.socket_life import ENDED, SocketLife, TooManySocketsError
from server.sockets import Sockets, TextFrames, credential_of
from server.streams import PreferredEvents

logger = logging.getLogger(__name__)

# Types are read off these by name; off anything else by attribute. As `read_field` does it.
ROW_TYPES = (Record, TypedRow, dict)
# What orjson writes just as the scalar would.
NATIVE = {"DateTime": (datetime,), "JSON": (dict, list, str, int, float, bool, orjson.Fragment)}


class GraphQLEndpoint(GraphQL[Context, None]):
    """Strawberry's view with our context, our JSON, and one form for every refusal."""

    allow_queries_via_get = False
    websocket_adapter_class = TextFrames
    graphql_transport_ws_handler_class = Sockets

    def __init__(self, settings: Settings, services: Services) -> None:
        self.stream_transport_classes_by_protocol = {GRAPHQL_SSE_PROTOCOL: PreferredEvents}
        schema = build_schema(our_extensions(lambda: self))
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
        self.documents = Documents(core_of(schema), explains=settings.introspection)
        self.rates = Rates(settings)
        self.sockets = SocketLife(settings)
        self.admission = Admission(settings, core_of(schema), self.rates)
        self.persisted = PersistedDocuments(settings, self._is_valid)
        self.broadcasts = Broadcasts()
        self.traffic = Traffic()
        self.executor = CountedExecutor(
            schema,
            row_types=ROW_TYPES,
            native=NATIVE,
            hide_suggestions=not settings.introspection,
            traffic=self.traffic,
        )
        compile_events(schema, self.executor, self._prepared)
        self.operations = Operations(
            self.documents,
            self.persisted,
            self.executor,
            self.admission,
            self._context,
            security_headers(settings),
            Cors(settings.cors_origins),
            self.traffic,
        )

    def shared(
        self, operation: Operation[Context, None], context: Context
    ) -> tuple[Key, Start] | None:
        """A subscription as all can have it who ask alike, charged to this client.

        None when it is none, or is to be refused, which the library says in its own words.
        """
        # As clients sent them, whatever the library says that they are.
        given: tuple[object, ...] = (operation.query, operation.operation_name, operation.variables)
        viewer, (text, name, variables) = context.viewer, given
        if (
            viewer is None
            or not isinstance(text, str)
            or not isinstance(name, str | None)
            or not isinstance(variables, dict | None)
        ):
            return None
        try:
            if not self.documents.knows(text):
                self.admission.admit_reading(context)
            document = self.documents.read(text)
            asked = document.prepared.operation(name)
            if (
                document.errors
                or isinstance(asked, GraphQLError)
                or asked.operation is not OperationType.SUBSCRIPTION
            ):
                return None
            self.admission.admit(document, asked, variables, context)
        except (GraphQLError, RateLimitedError):
            return None
        of_all = Context(
            settings=self.settings,
            services=self.services,
            viewer=Viewer(viewer.workspace_id, viewer.access),
            is_admitted=True,
        )
        values = orjson.dumps(variables, option=orjson.OPT_SORT_KEYS)
        return (text, name, values, viewer.workspace_id, viewer.access), lambda: self.schema.stream(
            text, variable_values=variables, context_value=of_all, operation_name=name
        )

    def _is_valid(self, text: str, context: Context | None) -> bool:
        try:
            if context is not None and not self.documents.knows(text):
                self.admission.admit_reading(context)
            return not self.documents.read(text).errors
        except (GraphQLError, RateLimitedError):
            return False

    def _prepared(self, document: DocumentNode) -> Prepared:
        if document.loc is None:
            message = "a document that was not read from a text"
            raise ValueError(message)
        return self.documents.read(document.loc.source.body).prepared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._serve_socket(scope, receive, send)
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

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        try:
            with self.sockets.of_address(client[0] if client else ""):
                await super().__call__(scope, receive, send)
        except TooManySocketsError:
            refusal = error_response(429, "Too many sockets.", code="RATE_LIMITED")
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        except UnauthenticatedError as refused:
            await send({"type": "websocket.close", "code": ENDED, "reason": refused.message})

    async def keep_signed_in(self, socket: Sockets) -> None:
        """Count a socket's viewer, and end the socket when what it signed in with ends."""
        header = credential_of(socket.context) or cast(
            "TextFrames", socket.websocket
        ).ws.headers.get("authorization")
        if header is not None:
            signed_in = await sign_in(self.settings, header, now())
            socket.places.enter_context(self.sockets.of_viewer(signed_in, socket))

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
                request_data.query = await self.persisted.text(given, context)
        return await super().execute_operation(
            request, request_adapter, request_data, context, root_value, sub_response
        )

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Sockets of browsers carry their token in `connection_init`, as `authorization`."""
        header = credential_of(context)
        if header is not None:
            try:
                context.viewer = await authenticate(self.settings, header, now())
            except UnauthenticatedError:
                raise ConnectionRejectionError from None
        return cast("UnsetType", UNSET)

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        response = super().create_response(response_data, sub_response)
        if isinstance(response_data, dict) and response_data["data"] is None:
            for error in cast("list[dict[str, Any]]", response_data.get("errors") or []):
                told = error.get("extensions") or {}
                if told.get("code") == "RATE_LIMITED":
                    response.status_code = 429
                    response.headers["retry-after"] = str(told["retryAfterSeconds"])
        return response

    async def parse_multipart(self, request: AsyncHTTPRequestAdapter) -> dict[str, str]:
        """Only operations that take a file: everything else is posted as JSON."""
        try:
            given = await super().parse_multipart(request)
        except (AttributeError, IndexError, TypeError, ValueError, RecursionError) as error:
            # The library puts files where the map says, whether there is such a place or not.
            raise HTTPException(400, "The map must name places in the operations.") from error
        except FormRefusal as error:
            raise HTTPException(error.status_code, error.detail) from error
        if not isinstance(given, dict):
            raise HTTPException(400, "Batching is not enabled")
        operation = self._operation(given)
        if operation is not None and not any(
            print_ast(one.type).strip("[]!") == "Upload"
            for one in operation.variable_definitions or ()
        ):
            raise HTTPException(400, "An operation that takes no file is posted as JSON.")
        return given

    def _operation(self, given: Mapping[str, Any]) -> OperationDefinitionNode | None:
        """The operation that a request names; None for one that execution will refuse."""
        text = given.get("query")
        try:
            prepared = self.documents.read(text).prepared if isinstance(text, str) else None
        except GraphQLError:
            return None
        found = prepared.operation(given.get("operationName")) if prepared else None
        return found if isinstance(found, OperationDefinitionNode) else None

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
