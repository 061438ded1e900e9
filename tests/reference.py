"""Every query that the tests post is executed once more, by graphql-core alone, and compared."""

import functools
from typing import Any

import httpx
import orjson
from graphql import (
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute,
    get_operation_ast,
    parse,
    validate,
)
from strawberry.utils.await_maybe import await_maybe

from domain.activity.hub import LiveHub
from domain.activity.ingest import HitIngest
from domain.base.clock import now
from domain.base.settings import Settings
from domain.identity.tries import Tries
from resolvers.schema import build_schema
from schema.base.context import Context, Services
from server.auth import authenticate
from server.compiled import core_of
from server.masking import public_error


@functools.cache
def core() -> Any:
    return core_of(build_schema())


class Reference:
    """A hook of the tests' client. `compared` counts what it has looked at."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._services = Services(
            live=LiveHub(settings.redis_url or ""), ingest=HitIngest(), tries=Tries(settings)
        )
        self.compared = 0

    async def check(self, response: httpx.Response) -> None:
        """Raises AssertionError for an answer that is not the reference's."""
        request = response.request
        content_type = request.headers.get("content-type", "")
        if request.method != "POST" or not content_type.startswith("application/json"):
            return
        await response.aread()
        if response.status_code != httpx.codes.OK:
            return
        given, answer = _object(request.content), _object(response.content)
        if given is None or answer is None or "data" not in answer:
            return
        operation = _valid_query(given)
        is_refused = answer["data"] is None and not any("path" in e for e in answer["errors"])
        if operation is None or is_refused:
            return
        context = Context(settings=self._settings, services=self._services)
        authorization = request.headers.get("authorization")
        if authorization is not None:
            context.viewer = await authenticate(self._settings, authorization, now())
        result: ExecutionResult = await await_maybe(
            execute(
                core(),
                parse(given["query"]),
                context_value=context,
                variable_values=given.get("variables"),
                operation_name=given.get("operationName"),
            )
        )
        # What the database wrote as JSON is spaced in its own way.
        data = orjson.loads(orjson.dumps(result.data))
        expected = {"data": data, "errors": [_told(e) for e in result.errors or []]}
        found = {"data": answer["data"], "errors": answer.get("errors", [])}
        for error in found["errors"]:
            _forget_fault(error)
        # As texts, so that the order of keys is compared too.
        texts = orjson.dumps(found).decode(), orjson.dumps(expected).decode()
        assert texts[0] == texts[1], given["query"]
        self.compared += 1


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _valid_query(given: dict[str, Any]) -> OperationDefinitionNode | None:
    if not isinstance(given.get("query"), str):
        return None
    try:
        document = parse(given["query"])
    except GraphQLError:
        return None
    operation = get_operation_ast(document, given.get("operationName"))
    if operation is None or operation.operation is not OperationType.QUERY:
        return None
    return None if validate(core(), document) else operation


def _told(error: GraphQLError) -> dict[str, Any]:
    told = dict(public_error(error).formatted)
    _forget_fault(told)
    return told


def _forget_fault(error: dict[str, Any]) -> None:
    """Each fault is logged under an id of its own."""
    if "faultId" in error.get("extensions", {}):
        error["extensions"] = {"code": error["extensions"]["code"]}
        error["message"] = "a fault"
