"""What a client is told of an error: expected failures as they are, faults by an id only."""

import logging
from math import ceil
from typing import Any
from uuid import uuid4

from graphql import GraphQLError

from domain.base.errors import DomainError, RateLimitedError

logger = logging.getLogger(__name__)


def public_error(error: GraphQLError) -> GraphQLError:
    """The error as a client may see it. A fault of ours goes to the log with its id."""
    original = error.original_error
    if original is None or isinstance(original, GraphQLError):
        return error
    if isinstance(original, DomainError):
        message = original.message
        extensions: dict[str, Any] = {"code": original.code.value}
        if original.field is not None:
            extensions["field"] = original.field
        if isinstance(original, RateLimitedError):
            extensions["retryAfterSeconds"] = ceil(original.retry_after_seconds)
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
        extensions=extensions,
    )
