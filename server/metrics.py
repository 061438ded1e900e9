"""What an API process did and has, as Prometheus reads it at `/metrics`.

The hot path only adds to plain numbers (below a microsecond a request); everything else is looked
up when somebody asks. There is no such page unless METRICS_TOKEN is set, and no reading it without.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from hmac import compare_digest
from itertools import accumulate
from typing import Any, Final

from graphql import OperationDefinitionNode
from graphql.execution import MiddlewareManager
from graphql.execution.values import VariableValues
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.activity.ingest import HitIngest
from domain.base import cache, database
from server.broadcasts import Broadcasts
from server.compiled import CompiledExecutor, Prepared
from server.compiled.executor import Outcome
from server.streams import wants_events

BOUNDS_SECONDS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip

Values = Iterable[tuple[tuple[str, ...], int]]


class Traffic:
    """What came in since the process started, and who is connected now.

    `ways` counts executed operations by their type and how they were: compiled, irregular (begun
    compiled, ended by the reference), first sight, or the construct that is not compiled.
    """

    def __init__(self) -> None:
        self.ways: Counter[tuple[str, str]] = Counter()
        self.statuses: Counter[int] = Counter()
        self.within = [0] * (len(BOUNDS_SECONDS) + 1)
        self.seconds = 0.0
        self.connected: Counter[str] = Counter({"websocket": 0, "event_stream": 0})

    def answered(self, status: int, seconds: float) -> None:
        """A posted operation was answered after so long."""
        self.statuses[status] += 1
        self.within[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        self.seconds += seconds


class CountedExecutor(CompiledExecutor):
    """Counts what it executes, whichever transport asks."""

    def __init__(self, *args: Any, traffic: Traffic, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ways = traffic.ways

    async def execute_coerced(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        values: VariableValues,
        context: object,
        root: object,
        reference: Callable[[MiddlewareManager | None], Any],
    ) -> Outcome:
        outcome = await super().execute_coerced(
            prepared, operation, values, context, root, reference
        )
        self._ways[operation.operation.value, outcome.way] += 1
        return outcome


class CountedConnections:
    """Counts who is connected by a socket or a stream of events."""

    def __init__(self, application: ASGIApp, traffic: Traffic) -> None:
        self._application = application
        self._connected = traffic.connected

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = _kind_of(scope)
        if kind is None:
            await self._application(scope, receive, send)
            return
        self._connected[kind] += 1
        try:
            await self._application(scope, receive, send)
        finally:
            self._connected[kind] -= 1


def _kind_of(scope: Scope) -> str | None:
    if scope["type"] == "websocket":
        return "websocket"
    if scope["type"] == "http":
        for name, value in scope["headers"]:
            if name == b"accept" and wants_events(value.decode("latin-1")):
                return "event_stream"
    return None


class ProcessFigures(Collector):
    """Looked up when they are asked for."""

    def __init__(
        self,
        traffic: Traffic,
        documents: Mapping[str, int],
        ingest: HitIngest,
        broadcasts: Broadcasts,
    ) -> None:
        self._traffic = traffic
        self._documents = documents
        self._ingest = ingest
        self._broadcasts = broadcasts

    def collect(self) -> Iterator[Metric]:
        yield from self._of_traffic()
        yield _counter(
            "persisted_documents",
            "Documents that were named instead of sent, by where they were found.",
            [((found,), count) for found, count in self._documents.items()],
            ("outcome",),
        )
        yield _counter(
            "cached_reads",
            "Values of heavy reads: fresh and stale ones were served from Redis, missing ones were"
            " loaded, shared ones by somebody else; small ones are always read anew, and those"
            " alone were read without Redis.",
            [
                ((read, outcome), count)
                for read, counts in cache.counts.items()
                for outcome, count in counts.items()
            ],
            ("read", "outcome"),
        )
        yield _gauge(
            "graphql_subscriptions",
            "Subscriptions that sockets hold.",
            [((), self._broadcasts.seats)],
        )
        yield _gauge(
            "graphql_broadcasts",
            "Subscriptions that are executed: one for all that are held in the same words.",
            [((), len(self._broadcasts))],
        )
        pools = database.pools()
        for what, help_text in (
            ("limit", "Connections to Postgres that the process may open."),
            ("open", "Connections to Postgres that are open."),
            ("in_use", "Connections to Postgres that run a statement or a transaction."),
            ("waiting", "Statements that wait for a connection."),
        ):
            figures = [((pool,), had[what]) for pool, had in pools.items() if what in had]
            yield _gauge(f"postgres_connections_{what}", help_text, figures, ("pool",))
        yield _gauge(
            "ingest_waiting",
            "Tracking hits that wait to be written; their senders wait too.",
            [((), self._ingest.waiting)],
        )

    def _of_traffic(self) -> Iterator[Metric]:
        traffic = self._traffic
        yield _counter(
            "graphql_operations",
            "Operations and events of subscriptions executed, by how: compiled, or why not.",
            traffic.ways.items(),
            ("type", "way"),
        )
        yield _counter(
            "graphql_responses",
            "Answers to posted operations by their HTTP status.",
            [((str(status),), count) for status, count in traffic.statuses.items()],
            ("status",),
        )
        seconds = HistogramMetricFamily(
            "dripgraph_graphql_request_seconds",
            "From the request's headers to the whole answer of posted operations.",
        )
        sums = accumulate(traffic.within)
        bounds = [*map(str, BOUNDS_SECONDS), "+Inf"]
        seconds.add_metric([], list(zip(bounds, sums, strict=True)), traffic.seconds)
        yield seconds
        yield _gauge(
            "graphql_clients",
            "Clients that are connected for subscriptions.",
            [((kind,), count) for kind, count in traffic.connected.items()],
            ("transport",),
        )


def metrics_routes(token: str | None, figures: Collector) -> list[BaseRoute]:
    """The page, for whoever brings the token; none without one."""
    if token is None:
        return []
    registry = CollectorRegistry()
    registry.register(figures)
    ProcessCollector(namespace="dripgraph", registry=registry)
    expected = f"Bearer {token}".encode()

    async def read(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not compare_digest(given, expected):
            challenge = {"WWW-Authenticate": "Bearer"}
            return PlainTextResponse("Bring METRICS_TOKEN as a bearer token.\n", 401, challenge)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/metrics", read)]


def _counter(
    name: str,
    help_text: str,
    values: Iterable[tuple[tuple[str, ...], int]],
    labels: tuple[str, ...] = (),
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"dripgraph_{name}", help_text, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def _gauge(
    name: str,
    help_text: str,
    values: Iterable[tuple[tuple[str, ...], int]],
    labels: tuple[str, ...] = (),
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"dripgraph_{name}", help_text, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family
