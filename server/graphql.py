"""The GraphQL endpoint: POST, GraphQL over WebSocket and server-sent events."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import orjson
from cross_web import HTTPException
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.extensions import MaskErrors, SchemaExtension
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UNSET, UnsetType

from domain.base.clock import now
from domain.base.errors import DomainError, UnauthenticatedError
from domain.base.settings import Settings
from resolvers.schema import build_schema
from schema.base.context import Context, Services
from server.auth import authenticate
from server.limits import prepare

logger = logging.getLogger(__name__)

MAX_VARIABLES_DEPTH = 50


class PreparedDocuments(SchemaExtension):
    """Documents are parsed, limited and validated once for each text."""

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        if context.query:
            prepared = prepare(context.schema._schema, context.query)  # noqa: SLF001
            context.graphql_document = prepared.document
            if context._provided_operation_name is None and len(prepared.operations) > 1:  # noqa: SLF001
                raise GraphQLError(
                    "Must provide operation name if query contains multiple operations."
                )
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.query:
            prepared = prepare(context.schema._schema, context.query)  # noqa: SLF001
            context.pre_execution_errors = list(prepared.errors)
        yield


class MaskedFaults(MaskErrors):
    """Faults of ours reach the log with an id, and the client sees that id only."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=lambda error: error.original_error is not None)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        original = error.original_error
        if isinstance(original, DomainError):
            message = original.message
            extensions = {"code": original.code.value}
            if original.field is not None:
                extensions["field"] = original.field
        elif isinstance(original, GraphQLError):
            return error
        else:
            fault_id = uuid4().hex
            logger.error("fault %s at %s", fault_id, error.path, exc_info=original)
            message = f"Something went wrong on our side. It is logged as {fault_id}."
            extensions = {"code": "INTERNAL", "faultId": fault_id}
        return GraphQLError(
            message,
            nodes=error.nodes,
            source=error.source,
            positions=error.positions,
            path=error.path,
            extensions=cast("dict[str, Any]", extensions),
        )


def _refuse_deep(value: object) -> None:
    """Input is coerced recursively: refuse what would exhaust the stack, without recursion."""
    level = [value]
    for _ in range(MAX_VARIABLES_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise HTTPException(400, f"Variables may be nested {MAX_VARIABLES_DEPTH} deep.")


class _TextFrames(ASGIWebSocketAdapter):
    async def send_json(self, message: Any) -> None:
        await self.ws.send_text(orjson.dumps(message).decode())


class GraphQLEndpoint(GraphQL[Context, None]):
    """Strawberry's view with our context, our JSON, and one form for every refusal."""

    allow_queries_via_get = False
    websocket_adapter_class = _TextFrames

    def __init__(self, settings: Settings, services: Services) -> None:
        super().__init__(
            build_schema([PreparedDocuments, MaskedFaults]),
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=10),
            multipart_uploads_enabled=True,
            max_subscriptions_per_connection=50,
            allowed_origins=[settings.public_url],
        )
        self.settings = settings
        self.services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self.run(request)
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
        context = Context(settings=self.settings, services=self.services)
        context.client = request.client.host if request.client else ""
        header = request.headers.get("authorization")
        if header is not None:
            context.viewer = await authenticate(self.settings, header, now())
        content_type = request.headers.get("content-type", "")
        if context.viewer is None and content_type.startswith("multipart/form-data"):
            # A body of this kind goes to the disk before any field asks who sends it.
            raise UnauthenticatedError("Sign in before you send files.")
        return context

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
            _refuse_deep(value.get("variables"))
        return value

    def parse_json(self, data: str | bytes) -> Any:
        value = super().parse_json(data)
        if not isinstance(value, (dict, list)):
            raise HTTPException(400, "The request body must be a JSON object.")
        return value

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)


def error_response(status: int, message: str, *, code: str = "BAD_REQUEST") -> Response:
    """A refusal before GraphQL, in GraphQL's form."""
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return Response(orjson.dumps(body), status, media_type="application/json")


__all__ = ["GraphQLEndpoint", "error_response"]
