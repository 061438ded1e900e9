"""The ASGI application: GraphQL, the pages, tracking and health."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from domain.base import database
from domain.base.settings import Settings
from schema.base.context import Services
from server.bodies import BodyLimit
from server.graphql import GraphQLEndpoint


def create_app(settings: Settings) -> ASGIApp:
    """The application for settings that name a database and Redis.

    It opens its pools when the server starts it, and closes them when the server stops.
    """
    if not settings.database_url or not settings.redis_url:
        message = "the application needs DATABASE_URL and REDIS_URL"
        raise ValueError(message)
    database_url = settings.database_url
    services = Services()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await database.connect(
            database_url, pool_max=settings.database_pool_size, application="dripgraph-api"
        )
        try:
            yield
        finally:
            await database.disconnect()

    return Starlette(
        routes=[
            Route("/graphql", GraphQLEndpoint(settings, services)),
            Route("/livez", live),
            Route("/readyz", ready),
        ],
        middleware=[Middleware(BodyLimit)],
        lifespan=lifespan,
    )


async def live(_: Request) -> Response:
    """The process runs."""
    return PlainTextResponse("ok\n")


async def ready(_: Request) -> Response:
    """The process can serve: Postgres answers."""
    try:
        await database.fetchval("SELECT 1")
    except (OSError, database.PostgresError):
        return PlainTextResponse("Postgres does not answer\n", 503)
    return PlainTextResponse("ok\n")
