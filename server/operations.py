"""Operations posted as JSON: the hot path, with nothing between the server and the executor."""

from collections.abc import Awaitable, Callable, Sequence
from math import ceil
from time import perf_counter
from typing import Any

import orjson
from cross_web import HTTPException
from graphql import GraphQLError, OperationDefinitionNode, OperationType
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from domain.base.errors import RateLimitedError, UnauthenticatedError
from schema.base.context import Context
from server.admission import Admission, rate_limited
from server.compiled import CompiledExecutor
from server.cors import Cors
from server.documents import Documents
from server.headers import Header
from server.masking import public_error
from server.metrics import Traffic
from server.persisted import PersistedDocuments, PersistedError
from server.streams import wants_events

MAX_BODY = 1 << 20
MAX_VARIABLES_DEPTH = 50
GRAPHQL_RESPONSE = b"application/graphql-response+json"
_JSON = b"application/json"

MakeContext = Callable[[str | None, str], Awaitable[Context]]


class RefusedError(Exception):
    """A request that is not executed: its status and the body that says why."""

    def __init__(self, status: int, errors: list[dict[str, Any]]) -> None:
        super().__init__(status)
        self.status = status
        self.errors = errors


def is_plain(scope: Scope) -> bool:
    """Whether a request is a POST of JSON that wants one answer, not a stream."""
    if scope["method"] != "POST":
        return False
    content_type = accept = b""
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value
        elif name == b"accept":
            accept = value
    if not content_type.startswith(_JSON):
        return False
    return b"text/event-stream" not in accept or not wants_events(accept.decode("latin-1"))


class Operations:
    """An ASGI callable for requests that `is_plain` says yes to."""

    def __init__(
        self,
        documents: Documents,
        persisted: PersistedDocuments,
        executor: CompiledExecutor,
        admission: Admission,
        make_context: MakeContext,
        headers: Sequence[Header],
        cors: Cors,
        traffic: Traffic,
    ) -> None:
        self._documents = documents
        self._persisted = persisted
        self._executor = executor
        self._admission = admission
        self._make_context = make_context
        # No middleware stands between: what it would add to each answer is made here, once.
        self._headers = (*headers, (b"cache-control", b"no-store"))
        self._cors = cors
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began_at = perf_counter()
        authorization: str | None = None
        accept = b""
        origin: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value.decode("latin-1")
            elif name == b"accept":
                accept = value
            elif name == b"origin":
                origin = value
        media_type = GRAPHQL_RESPONSE if GRAPHQL_RESPONSE in accept else _JSON
        client = scope.get("client")
        address = client[0] if client else ""
        limits: Sequence[Header] = ()
        context: Context | None = None
        try:
            context = await self._make_context(authorization, address)
            given = _read(await _body(receive))
            status, body, limits = await self._answer(given, context, media_type)
        except RefusedError as refusal:
            status, body = refusal.status, orjson.dumps({"errors": refusal.errors})
        except PersistedError as error:
            status, body = error.status, orjson.dumps({"errors": [error.formatted]})
        except HTTPException as error:
            status, body = error.status_code, _refusal(error.reason, "BAD_REQUEST")
        except UnauthenticatedError as error:
            status, body = 401, _refusal(error.message, error.code.value)
        except RateLimitedError as error:
            status, body = 429, orjson.dumps({"errors": [rate_limited(error)]})
            retry_after = str(ceil(error.retry_after_seconds)).encode()
            state = self._admission.state(context, address)
            limits = (*state.headers(), (b"retry-after", retry_after))
        self._traffic.answered(status, perf_counter() - began_at)
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    *self._headers,
                    *self._cors.headers(origin),
                    *limits,
                    (b"content-type", media_type),
                    (b"content-length", str(len(body)).encode()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})

    async def _answer(
        self, given: dict[str, Any], context: Context, media_type: bytes
    ) -> tuple[int, bytes, Sequence[Header]]:
        """Status, body and the sender's limits.

        Clients of the older media type read errors from a 200. Raises RateLimitedError.
        """
        text, name = given.get("query"), given.get("operationName")
        if not text or self._persisted.concerns(given):
            text = await self._persisted.text(given, context)
        if not self._documents.knows(text):
            self._admission.admit_reading(context)
        try:
            document = self._documents.read(text)
        except GraphQLError as error:
            return self._not_executed([error], media_type)
        if document.errors:
            self._admission.admit_reading(context)
            return self._not_executed(list(document.errors), media_type)
        operation = document.prepared.operation(name)
        if isinstance(operation, OperationDefinitionNode):
            if operation.operation is OperationType.SUBSCRIPTION:
                raise HTTPException(
                    400, "Subscriptions go over a WebSocket, or `Accept: text/event-stream`."
                )
        else:
            return self._not_executed([operation], media_type)
        variables = given.get("variables")
        try:
            admitted = self._admission.admit(document, operation, variables, context)
        except GraphQLError as error:
            return self._not_executed([error], media_type)
        outcome = await self._executor.execute(
            document.prepared,
            variables=variables,
            operation_name=name,
            context=context,
        )
        result = outcome.result
        cost, state = admitted.settle(result.data)
        if result.data is None and outcome.way == "refused":
            return self._not_executed(result.errors or [], media_type)
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [public_error(error).formatted for error in result.errors]
        answer["extensions"] = {"cost": cost}
        return 200, orjson.dumps(answer), state.headers()

    @staticmethod
    def _not_executed(
        errors: list[GraphQLError], media_type: bytes
    ) -> tuple[int, bytes, Sequence[Header]]:
        body: dict[str, Any] = {"errors": [public_error(error).formatted for error in errors]}
        if media_type is _JSON:
            return 200, orjson.dumps({"data": None, **body}), ()
        return 400, orjson.dumps(body), ()


async def _body(receive: Receive) -> bytes:
    """The request's body, counted as it comes. Raises RefusedError past the limit."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        pieces = [body]
        size = len(body)
        while message.get("more_body", False) and size <= MAX_BODY:
            message = await receive()
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
        body = b"".join(pieces)
    if len(body) > MAX_BODY:
        raise RefusedError(
            413,
            [
                {
                    "message": f"A request body may have {MAX_BODY >> 20} MiB.",
                    "extensions": {"code": "LIMIT_EXCEEDED"},
                }
            ],
        )
    return body


def _read(body: bytes) -> dict[str, Any]:
    """The request in a body. Raises HTTPException in the words of Strawberry's view."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise HTTPException(400, "Unable to parse request body as JSON") from None
    if isinstance(given, list):
        raise HTTPException(400, "Batching is not enabled")
    if not isinstance(given, dict):
        raise HTTPException(400, "The request body must be a JSON object.")
    query = given.get("query")
    if query is not None and not isinstance(query, str):
        raise HTTPException(
            400, "The GraphQL operation's `query` must be a string or null, if provided."
        )
    for name in ("variables", "extensions"):
        value = given.get(name)
        if value is not None and not isinstance(value, dict):
            raise HTTPException(
                400, f"The GraphQL operation's `{name}` must be an object or null, if provided."
            )
    operation = given.get("operationName")
    if operation is not None and not isinstance(operation, str):
        raise HTTPException(400, "The `operationName` must be a string or null, if provided.")
    refuse_deep(given.get("variables"))
    return given


def refuse_deep(value: object) -> None:
    """Input is coerced recursively: refuse what would exhaust the stack, without recursion."""
    if not value:
        return
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


def _refusal(message: str, code: str) -> bytes:
    return orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})


def error_response(status: int, message: str, *, code: str = "BAD_REQUEST") -> Response:
    """A refusal before GraphQL, in GraphQL's form."""
    return Response(_refusal(message, code), status, media_type="application/json")
