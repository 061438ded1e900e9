"""The ASGI application: GraphQL, the pages, tracking and health."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.activity.hub import LiveHub
from domain.activity.ingest import HitIngest
from domain.activity.tokens import MessageTokens
from domain.base import database
from domain.base.settings import Settings
from domain.identity.tries import Tries
from schema.base.context import Services
from server.bodies import BodyLimit
from server.cors import Cors, CrossOrigin
from server.downloads import download_routes
from server.graphql import GraphQLEndpoint
from server.headers import SecureHeaders, security_headers
from server.metrics import CountedConnections, ProcessFigures, metrics_routes
from server.operations import is_plain
from server.pages import graphiql
from server.playground import playground_files, wants_playground
from server.tracking import tracking_routes
from tasks.stores import open_stores


def create_app(settings: Settings) -> ASGIApp:
    """The application for settings that name a database and Redis.

    It opens its pools when the server starts it, and closes them when the server stops.
    """
    if not settings.database_url or not settings.redis_url:
        message = "the application needs DATABASE_URL and REDIS_URL"
        raise ValueError(message)
    services = Services(live=LiveHub(settings.redis_url), ingest=HitIngest(), tries=Tries(settings))

    graphql = GraphQLEndpoint(settings, services)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with open_stores(settings, "dripgraph-api"):
            await services.live.start()
            await services.ingest.start()
            await graphql.persisted.start(settings.redis_url)
            await graphql.rates.start()
            await services.tries.start()
            try:
                yield
            finally:
                await services.tries.stop()
                await graphql.rates.stop()
                await graphql.persisted.stop()
                await services.ingest.stop()
                await services.live.stop()

    application = Starlette(
        routes=[
            Route("/graphql", PageOrGraphQL(settings, graphql)),
            playground_files(),
            Route("/livez", alive),
            Route("/readyz", ready),
            *metrics_routes(
                settings.metrics_token,
                ProcessFigures(
                    graphql.traffic, graphql.persisted.counts, services.ingest, graphql.broadcasts
                ),
            ),
            *download_routes(settings),
            *tracking_routes(MessageTokens(settings.secret_key), services.ingest),
        ],
        middleware=[Middleware(BodyLimit)],
        lifespan=lifespan,
    )
    headers = security_headers(settings)
    guarded = CrossOrigin(SecureHeaders(application, headers), Cors(settings.cors_origins), headers)
    return Front(
        graphql.operations,
        CountedConnections(graphql, graphql.traffic),
        CountedConnections(guarded, graphql.traffic),
    )


class Front:
    """Operations posted as JSON and sockets go straight to GraphQL, everything else to Starlette.

    Middleware and routing would cost as much as a small query does.
    """

    def __init__(self, operations: ASGIApp, sockets: ASGIApp, application: ASGIApp) -> None:
        self._operations = operations
        self._sockets = sockets
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/graphql" and is_plain(scope):
            await self._operations(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == "/graphql":
            await self._sockets(scope, receive, send)
        else:
            await self._application(scope, receive, send)


class PageOrGraphQL:
    """GraphiQL for a browser that opens the address, GraphQL for everything else."""

    def __init__(self, settings: Settings, graphql: ASGIApp) -> None:
        self._settings = settings
        self._graphql = graphql

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if self._settings.playground and wants_playground(request):
            page = await graphiql(self._settings, request.headers.get("host", ""))
            await page(scope, receive, send)
        else:
            await self._graphql(scope, receive, send)


async def alive(_: Request) -> Response:
    """The process runs."""
    return PlainTextResponse("ok\n")


async def ready(_: Request) -> Response:
    """The process can serve: Postgres answers."""
    try:
        await database.fetchval("SELECT 1")
    except (OSError, database.PostgresError):
        return PlainTextResponse("Postgres does not answer\n", 503)
    return PlainTextResponse("ok\n")
