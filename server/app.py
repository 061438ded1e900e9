"""The ASGI application: GraphQL, the pages, tracking and health."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from domain.activity import live
from domain.activity.hub import LiveHub
from domain.activity.ingest import HitIngest
from domain.activity.tokens import MessageTokens
from domain.base import database, doorbells
from domain.base.settings import Settings
from schema.base.context import Services
from server.bodies import BodyLimit
from server.graphql import GraphQLEndpoint
from server.tracking import tracking_routes
from tasks.broker import Bell


def create_app(settings: Settings) -> ASGIApp:
    """The application for settings that name a database and Redis.

    It opens its pools when the server starts it, and closes them when the server stops.
    """
    if not settings.database_url or not settings.redis_url:
        message = "the application needs DATABASE_URL and REDIS_URL"
        raise ValueError(message)
    database_url, redis_url = settings.database_url, settings.redis_url
    services = Services(live=LiveHub(redis_url), ingest=HitIngest())

    graphql = GraphQLEndpoint(settings, services)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await database.connect(
            database_url, pool_max=settings.database_pool_size, application="dripgraph-api"
        )
        live.connect(redis_url)
        bell = Bell(redis_url)
        doorbells.connect(bell.ring)
        await services.live.start()
        await services.ingest.start()
        try:
            yield
        finally:
            await services.ingest.stop()
            await services.live.stop()
            doorbells.connect(None)
            bell.close()
            await live.disconnect()
            await database.disconnect()

    return Starlette(
        routes=[
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
            Route("/livez", alive),
            Route("/readyz", ready),
            *tracking_routes(MessageTokens(settings.secret_key), services.ingest),
        ],
        middleware=[Middleware(BodyLimit)],
        lifespan=lifespan,
    )


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
