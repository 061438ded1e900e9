"""GraphQL over WebSocket: the protocol's messages, sign-ins that end, values that are shared."""

from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from typing import Any, Protocol, cast

import orjson
from cross_web import HTTPException
from graphql import GraphQLError
from starlette.websockets import WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    SubscribeMessage,
)

from schema.base.context import Context
from server.broadcasts import Broadcasts, Key, Start
from server.operations import refuse_deep
from server.persisted import PersistedDocuments, PersistedError
from server.socket_life import TOO_MANY, TooManySocketsError
from server.socket_protocol import frames_of


class View(Protocol):
    """What a socket asks of the endpoint that took it."""

    persisted: PersistedDocuments
    broadcasts: Broadcasts

    async def keep_signed_in(self, socket: "Sockets") -> None: ...

    def shared(
        self, operation: Operation[Context, None], context: Context
    ) -> tuple[Key, Start] | None: ...


class TextFrames(ASGIWebSocketAdapter):
    """A socket whose messages are text and objects."""

    async def send_json(self, message: Any) -> None:
        await self.ws.send_text(orjson.dumps(message).decode())

    async def iter_json(
        self, *, ignore_parsing_errors: bool = False
    ) -> AsyncGenerator[object, None]:
        """Objects only: the handler takes anything else for one, and would fall over it."""
        messages = super().iter_json(ignore_parsing_errors=ignore_parsing_errors)
        async with aclosing(messages):
            try:
                async for message in messages:
                    if not isinstance(message, dict):
                        raise NonJsonMessageReceived
                    payload = message.get("payload")
                    if isinstance(payload, dict):
                        refuse_deep(payload.get("variables"))
                    yield message
            except HTTPException as error:
                raise NonJsonMessageReceived from error


class Sockets(BaseGraphQLTransportWSHandler[Context, None]):
    """Socket operations may name their document, as posted ones may. A sign-in ends its socket."""

    places: ExitStack

    async def handle(self) -> None:
        with ExitStack() as self.places:
            await super().handle()

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        was_signed_in = self.connection_acknowledged
        try:
            await super().handle_connection_init(message)
            if self.connection_acknowledged and not was_signed_in:
                await cast("View", self.view).keep_signed_in(self)
        except TooManySocketsError:
            await self.end(TOO_MANY, "Too many sockets")

    async def end(self, code: int, reason: str) -> None:
        """Stop what runs and close; nothing when the client has gone."""
        for identifier in list(self.operations):
            await self.cleanup_operation(identifier)
        socket = cast("TextFrames", self.websocket)
        if socket.ws.application_state is WebSocketState.CONNECTED:
            await socket.close(code, reason)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        persisted = cast("View", self.view).persisted
        payload = cast("dict[str, Any]", message["payload"])
        is_read = self.connection_acknowledged and isinstance(payload, dict)
        if is_read and persisted.concerns(payload):
            try:
                payload["query"] = await persisted.text(payload, self.context)
            except PersistedError as error:
                await self.send_message(
                    {"id": message["id"], "type": "error", "payload": [error.formatted]}
                )
                return
        await super().handle_subscribe(message)

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> None:
        """A document that cannot be read ends its operation, as any refusal does, not the socket.

        A reason for closing, moreover, may have 123 bytes; an error has as many as it likes.
        """
        del error

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        view = cast("View", self.view)
        socket = frames_of(cast("TextFrames", self.websocket).ws.scope)
        shared = None if socket is None else view.shared(operation, self.context)
        if socket is None or shared is None:
            await super().run_operation(operation)
            return
        with view.broadcasts.seat(*shared, socket, operation.id) as seat:
            ending = await seat.ending
        if ending is None:
            await operation.send_operation_message({"id": operation.id, "type": "complete"})
        else:
            await operation.send_initial_errors(ending)


def credential_of(context: Context) -> str | None:
    """The credential in a socket's `connection_init`."""
    given = context.connection_params or {}
    header = given.get("authorization") or given.get("Authorization")
    return None if header is None else str(header)
