"""WebSockets as a client meets them: protocols, limits, and the end of a sign-in."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from domain.base.clock import now
from domain.base.settings import Settings
from domain.identity.accounts import Session
from domain.identity.api_keys import create_api_key, revoke_api_key
from domain.identity.audit import Actor
from domain.identity.tokens import issue_access_token
from domain.identity.viewer import Access
from schema.base.node import encode_id
from server import auth, socket_life
from server.app import create_app
from server.cli.processes import WEBSOCKET_FRAME_MAX_BYTES
from server.graphql import GraphQLEndpoint
from tests.domain.activity.rows import add_sequence
from tests.served import served

SettingsWith = Callable[..., Settings]
PROTOCOL = "graphql-transport-ws"
ENDLESS = """subscription ($id: ID!) { sendStats(sequenceId: $id) { sent } }"""


@asynccontextmanager
async def socket(
    address: str, *, protocol: str = PROTOCOL, **options: Any
) -> AsyncIterator[ClientConnection]:
    url = f"ws://{address}/graphql"
    async with connect(url, subprotocols=[protocol], **options) as connection:
        yield connection


async def say(connection: ClientConnection, kind: str, **more: object) -> None:
    await connection.send(orjson.dumps({"type": kind, **more}).decode())


async def hear(connection: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = orjson.loads(await connection.recv())
    return message


async def sign_in(connection: ClientConnection, token: str) -> None:
    await say(connection, "connection_init", payload={"authorization": f"Bearer {token}"})
    assert await hear(connection) == {"type": "connection_ack"}


async def close_of(connection: ClientConnection) -> tuple[int, str]:
    """Code and reason with which the server closes."""
    with suppress(ConnectionClosedError):
        async for _ in connection:
            pass
    assert connection.close_code is not None
    return connection.close_code, connection.close_reason or ""


def short_token(settings: Settings, session: Session, seconds: int) -> str:
    token, _ = issue_access_token(
        settings.secret_key,
        user_id=session.user_id,
        workspace_id=session.workspace_id,
        role=session.role,
        now=now() - timedelta(seconds=60),
        lifetime_seconds=60 + seconds,
    )
    return token


async def test_the_legacy_protocol_is_refused(settings: Settings) -> None:
    async with (
        served(create_app(settings)) as address,
        socket(address, protocol="graphql-ws") as connection,
    ):
        assert connection.subprotocol is None
        assert await close_of(connection) == (4406, "Subprotocol not acceptable")


async def test_a_socket_that_says_nothing_is_closed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = GraphQLEndpoint.__init__

    def impatient(self: GraphQLEndpoint, *given: Any) -> None:
        make(self, *given)
        self.connection_init_wait_timeout = timedelta(seconds=0.05)

    monkeypatch.setattr(GraphQLEndpoint, "__init__", impatient)
    async with served(create_app(settings)) as address, socket(address) as connection:
        assert await close_of(connection) == (4408, "Connection initialisation timeout")


async def test_a_wrong_token_is_refused(settings: Settings) -> None:
    async with served(create_app(settings)) as address, socket(address) as connection:
        await say(connection, "connection_init", payload={"authorization": "Bearer x.y.z"})
        assert await close_of(connection) == (4403, "Forbidden")


async def test_a_wrong_token_in_the_handshake_is_refused(settings: Settings) -> None:
    headers = {"Authorization": "Bearer x.y.z"}
    async with (
        served(create_app(settings)) as address,
        socket(address, additional_headers=headers) as connection,
    ):
        assert (await close_of(connection))[0] == 4403


async def test_a_socket_ends_with_its_access_token(settings: Settings, session: Session) -> None:
    async with served(create_app(settings)) as address, socket(address) as connection:
        await sign_in(connection, short_token(settings, session, seconds=1))
        assert await close_of(connection) == (4403, "The access token is not valid, or no longer.")


async def test_a_socket_that_signed_in_by_its_handshake_ends_with_the_token_too(
    settings: Settings, session: Session
) -> None:
    token = short_token(settings, session, seconds=1)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        served(create_app(settings)) as address,
        socket(address, additional_headers=headers) as connection,
    ):
        await say(connection, "connection_init")
        assert await hear(connection) == {"type": "connection_ack"}
        assert (await close_of(connection))[0] == 4403


async def test_a_socket_ends_when_its_api_key_is_revoked(
    settings: Settings, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_life, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(auth, "KEPT_SECONDS", 0)
    async with served(create_app(settings)) as address, socket(address) as connection:
        row, key = await create_api_key(
            session.workspace_id,
            name="Machine",
            scopes=[Access.READ],
            expires_at=None,
            actor=Actor(),
            now=now(),
        )
        await sign_in(connection, key)
        await say(connection, "subscribe", id="1", payload={"query": "{ viewer { access } }"})
        assert (await hear(connection))["payload"]["data"] == {"viewer": {"access": ["READ"]}}
        await revoke_api_key(session.workspace_id, row["id"], actor=Actor(), now=now())
        assert await close_of(connection) == (4403, "The API key is not valid, or no longer.")


async def test_a_viewer_holds_no_more_sockets_than_allowed(
    settings_with: SettingsWith, session: Session
) -> None:
    settings = settings_with(SOCKETS_PER_VIEWER="2")
    token = session.tokens.access_token
    async with served(create_app(settings)) as address:
        async with socket(address) as one, socket(address) as other:
            await sign_in(one, token)
            await sign_in(other, token)
            async with socket(address) as third:
                await say(third, "connection_init", payload={"authorization": f"Bearer {token}"})
                assert await close_of(third) == (4429, "Too many sockets")
        for _ in range(3):
            async with socket(address) as again:
                await sign_in(again, token)
                await say(again, "ping")
                assert await hear(again) == {"type": "pong"}


async def test_an_address_holds_no_more_sockets_than_allowed(
    settings_with: SettingsWith,
) -> None:
    async with (
        served(create_app(settings_with(SOCKETS_PER_ADDRESS="2"))) as address,
        socket(address),
        socket(address),
    ):
        with pytest.raises(InvalidStatus) as refused:
            async with socket(address):
                pass
        assert refused.value.response.status_code == 429


async def test_a_message_over_the_limit_ends_the_socket(
    settings: Settings, session: Session
) -> None:
    async with served(create_app(settings)) as address, socket(address) as connection:
        await sign_in(connection, session.tokens.access_token)
        await connection.send("x" * (WEBSOCKET_FRAME_MAX_BYTES + 1))
        assert (await close_of(connection))[0] == 1009


async def test_a_socket_runs_fifty_operations_at_once(settings: Settings, session: Session) -> None:
    async with served(create_app(settings)) as address, socket(address) as connection:
        sequence = encode_id("Sequence", await add_sequence(session.workspace_id))
        await sign_in(connection, session.tokens.access_token)
        payload = {"query": ENDLESS, "variables": {"id": sequence}}
        for number in range(51):
            await say(connection, "subscribe", id=str(number), payload=payload)
        while (message := await hear(connection))["type"] != "error":
            assert message["type"] == "next"
        assert message["id"] == "50"
        assert message["payload"][0]["message"] == "Subscription limit reached"


async def test_a_document_that_asks_for_too_much_is_an_error_of_its_operation(
    settings: Settings, session: Session
) -> None:
    async with served(create_app(settings)) as address, socket(address) as connection:
        await sign_in(connection, session.tokens.access_token)
        deep = "{ " + "a { " * 30 + "b" + " }" * 30 + " }"
        payload = {"query": deep, "operationName": "Deep"}
        await say(connection, "subscribe", id="1", payload=payload)
        message = await hear(connection)
        (error,) = message["payload"]
        assert (message["type"], error["message"]) == ("error", "An operation may have 20 levels.")
        await say(connection, "subscribe", id="2", payload={"query": "{"})
        message = await hear(connection)
        (error,) = message["payload"]
        assert (message["type"], message["id"]) == ("error", "2")
        assert error["message"] == "Syntax Error: Expected Name, found <EOF>."


async def test_a_socket_is_charged_and_told_the_cost(
    settings_with: SettingsWith, session: Session
) -> None:
    settings = settings_with(RATE_LIMIT_CREDENTIAL="100", MAX_COST="100")
    async with served(create_app(settings)) as address, socket(address) as connection:
        await sign_in(connection, session.tokens.access_token)
        query = (
            "query ($n: Int!) { subscribers(first: $n) { nodes { id messages { totalCount } } } }"
        )

        async def ask(number: int, first: int) -> dict[str, Any]:
            payload = {"query": query, "variables": {"n": first}}
            await say(connection, "subscribe", id=str(number), payload=payload)
            while True:
                message = await hear(connection)
                if message["id"] == str(number) and message["type"] != "complete":
                    return message

        (refused,) = (await ask(1, 90))["payload"]
        assert refused["extensions"]["code"] == "LIMIT_EXCEEDED"
        cost = (await ask(2, 30))["payload"]["extensions"]["cost"]
        assert (cost["requested"], cost["actual"], cost["limit"]) == (65, 2, 100)
        for number in range(3, 60):
            answer = await ask(number, 30)
            if answer["type"] == "error":
                (error,) = answer["payload"]
                assert error["extensions"]["code"] == "RATE_LIMITED"
                assert error["extensions"]["retryAfterSeconds"] >= 1
                return
        raise AssertionError("the limit is never reached")
