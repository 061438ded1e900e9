"""A small real API behind the playground, for what concerns the pages alone."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.types import Info

from server.playground import Example, playground_files, playground_page, wants_playground

PASSWORD = "correct horse battery"
FAR_END = 4_102_444_800


def token_of(name: str, *, end: int = FAR_END) -> str:
    claims = base64.urlsafe_b64encode(orjson.dumps({"sub": name, "exp": end})).decode().rstrip("=")
    return f"e30.{claims}.unsigned"


def name_in(authorization: str | None) -> str | None:
    if not authorization:
        return None
    claims = authorization.removeprefix("Bearer ").split(".")[1]
    name: str = orjson.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    return name


@strawberry.type
class Problem:
    message: str


@strawberry.type
class Session:
    access_token: str
    refresh_token: str
    expires_at: str


@strawberry.type
class SessionPayload:
    session: Session | None
    errors: list[Problem]


@strawberry.type
class SignOutPayload:
    errors: list[Problem]


@strawberry.type
class SendStats:
    sent: int
    listener: str | None


def asking(info: Info[Any, Any]) -> str | None:
    connection_params = info.context.get("connection_params") or {}
    authorization = connection_params.get("authorization") or info.context["request"].headers.get(
        "authorization"
    )
    return name_in(authorization)


@strawberry.type
class Query:
    @strawberry.field
    async def viewer(self, info: Info[Any, Any]) -> str | None:
        return asking(info)

    @strawberry.field
    async def greeting(self, name: str, times: int = 1) -> str:
        return f"Hello {name}. " * times


def session_of(name: str) -> Session:
    return Session(
        access_token=token_of(name), refresh_token=f"of {name}", expires_at="2100-01-01T00:00:00Z"
    )


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def sign_in(self, email: str, password: str) -> SessionPayload:
        if password != PASSWORD:
            problem = Problem(message="The e-mail address or the password is wrong.")
            return SessionPayload(session=None, errors=[problem])
        return SessionPayload(session=session_of(email), errors=[])

    @strawberry.mutation
    async def refresh_session(self, refresh_token: str) -> SessionPayload:
        return SessionPayload(session=session_of(refresh_token.removeprefix("of ")), errors=[])

    @strawberry.mutation
    async def sign_out(self, refresh_token: str) -> SignOutPayload:
        del refresh_token
        return SignOutPayload(errors=[])


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def send_stats(
        self, info: Info[Any, Any], sequence_id: strawberry.ID
    ) -> AsyncIterator[SendStats]:
        for sent in range(100_000):
            yield SendStats(sent=sent, listener=f"{asking(info)} on {sequence_id}")
            await asyncio.sleep(0.05)


EXAMPLES = [
    Example("Begin", "Who is asking", "# Says who asks.\nquery WhoAmI {\n  viewer\n}", ""),
    Example("Begin", "Who else", "query WhoElse {\n  viewer\n}", ""),
    Example(
        "Watch it live",
        "Live numbers",
        "subscription LiveStats($sequenceId: ID!) {\n"
        "  sendStats(sequenceId: $sequenceId) {\n    sent\n    listener\n  }\n}",
        '{\n  "sequenceId": "</script><script>x(1)</script>"\n}',
    ),
]


def standalone_app(token: Callable[[], str | None]) -> Starlette:
    graphql: GraphQL[Any, Any] = GraphQL(
        strawberry.Schema(Query, Mutation, Subscription), graphql_ide=None
    )

    class Endpoint:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            answer: ASGIApp = graphql
            if wants_playground(Request(scope)):
                answer = playground_page(
                    token=token(), examples=EXAMPLES, workspace="Demo workspace"
                )
            await answer(scope, receive, send)

    return Starlette(
        routes=[
            Route("/graphql", Endpoint()),
            WebSocketRoute("/graphql", graphql),
            playground_files(),
        ]
    )
