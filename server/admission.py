"""What stands before an operation: what it may cost, and whether its sender has that much left."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode

from domain.base.errors import RateLimitedError
from domain.base.settings import Settings
from schema.base.context import Context
from server.documents import Document
from server.limits import Asked, Cost, CostModel
from server.rates import Charge, Rates, RateState

# Parsing, checking and validating a text takes about as long as this many reads.
READING_POINTS: Final = 5


@dataclass(slots=True)
class Admitted:
    """An operation that may run. What it was charged is settled when it has."""

    cost: Cost
    asked: Asked
    charge: Charge

    def settle(self, data: object) -> tuple[dict[str, object], RateState]:
        """`extensions.cost` of an answer, and the state of the sender's buckets."""
        actual = self.cost.actual(data, self.asked)
        state = self.charge.settle(actual)
        return {
            "requested": self.asked.points,
            "actual": actual,
            "limit": state.policy.points,
            "remaining": state.remaining,
            "resetsAt": state.resets_at,
        }, state


class Admission:
    def __init__(self, settings: Settings, schema: GraphQLSchema, rates: Rates) -> None:
        self._max_cost = settings.max_cost
        self._model = CostModel(schema)
        self._rates = rates

    def admit(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: Mapping[str, object] | None,
        context: Context,
    ) -> Admitted:
        """Charge an operation of a valid document.

        Raises GraphQLError when it costs too much, RateLimitedError when its sender must wait.
        """
        cost = document.cost(operation, self._model)
        asked = cost.asked(variables)
        if asked.points > self._max_cost:
            raise GraphQLError(
                f"The operation may cost {asked.points:,} points: the limit is"
                f" {self._max_cost:,}. Ask for smaller pages, or for less below them.",
                nodes=[operation],
                extensions={
                    "code": "LIMIT_EXCEEDED",
                    "cost": asked.points,
                    "limit": self._max_cost,
                },
            )
        return Admitted(
            cost, asked, self._rates.charge(context.viewer, context.client, asked.points)
        )

    def admit_reading(self, context: Context) -> None:
        """Charge the reading of a text that has not been read before. Raises RateLimitedError."""
        self._rates.charge(context.viewer, context.client, READING_POINTS)

    def state(self, context: Context | None, address: str) -> RateState:
        """Of the buckets of one who was refused."""
        return self._rates.state_of(context.viewer if context else None, address)


def rate_limited(refusal: RateLimitedError) -> dict[str, Any]:
    """The error that a client sees, as GraphQL has it."""
    return {
        "message": refusal.message,
        "extensions": {
            "code": refusal.code.value,
            "retryAfterSeconds": math.ceil(refusal.retry_after_seconds),
        },
    }
