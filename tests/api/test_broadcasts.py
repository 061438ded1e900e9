"""Sockets that watch in the same words: one execution for all, and nobody waits for another."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any, Self, cast
from uuid import UUID

import orjson
import pytest
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect

from domain.activity.rollups import RollupRow, add_to_rollups
from domain.base.clock import now
from domain.base.database import execute
from domain.base.ids import new_id
from domain.base.settings import Settings
from schema.base.node import encode_id
from server.app import Front, create_app
from server.broadcasts import Broadcasts
from server.graphql import GraphQLEndpoint
from server.metrics import CountedConnections
from server.socket_protocol import SocketProtocol
from tests.conftest import Prepared
from tests.domain.activity.rows import add_sequence
from tests.served import served

WATCH = "subscription ($id: ID!) { sendStats(sequenceId: $id) { sent } }"
# Some forty kilobytes an answer: the name of an alias costs nothing to make.
WIDE = (
    "subscription ($id: ID!) { sendStats(sequenceId: $id) { sent "
    + " ".join(f"{'a' * 900}{number}: failed" for number in range(40))
    + " } }"
)
SMALL_BUFFER = 4_096


class ImpatientSockets(SocketProtocol):
    """Drops whoever does not read as soon as the loop looks at its timers."""

    drain_seconds = 0.0


def broadcasts_of(app: ASGIApp) -> Broadcasts:
    counted = cast("CountedConnections", cast("Front", app)._sockets)
    return cast("GraphQLEndpoint", counted._application).broadcasts


class Watch:
    """One socket with subscriptions; `sent` reads values until they have come to a number."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    @classmethod
    async def of(
        cls, address: str, token: str, *operations: dict[str, Any], **options: Any
    ) -> Self:
        connection = await connect(
            f"ws://{address}/graphql", subprotocols=["graphql-transport-ws"], **options
        )
        watch = cls(connection)
        payload = {"authorization": f"Bearer {token}"}
        await watch.tell({"type": "connection_init", "payload": payload})
        assert await watch.hear() == {"type": "connection_ack"}
        for number, operation in enumerate(operations):
            await watch.tell({"id": f"{number}", "type": "subscribe", "payload": operation})
        return watch

    async def tell(self, message: dict[str, Any]) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = orjson.loads(await self.connection.recv())
        return message

    async def until(self, sent: int) -> list[int]:
        seen: list[int] = []
        while not seen or seen[-1] != sent:
            message = await self.hear()
            assert message["type"] == "next", message
            seen.append(message["payload"]["data"]["sendStats"]["sent"])
        return seen


@pytest.fixture
def token(prepared: Prepared) -> str:
    return prepared.ada.tokens.access_token


@pytest.fixture
def app(settings: Settings) -> ASGIApp:
    return create_app(settings)


@pytest.fixture
async def address(app: ASGIApp) -> AsyncIterator[str]:
    async with served(app) as found:
        yield found


@pytest.fixture
async def sequence_id(address: str, prepared: Prepared) -> UUID:
    """Written over the application's own connections."""
    return await add_sequence(prepared.ada.workspace_id)


def watching(sequence_id: UUID, text: str = WATCH) -> dict[str, Any]:
    return {"query": text, "variables": {"id": encode_id("Sequence", sequence_id)}}


async def send(prepared: Prepared, sequence_id: UUID, count: int) -> None:
    row = RollupRow(prepared.ada.workspace_id, sequence_id, "hello", now(), sent=count)
    await add_to_rollups([row])


async def test_the_same_words_share_and_every_operation_keeps_its_id(
    address: str, app: ASGIApp, token: str, prepared: Prepared, sequence_id: UUID
) -> None:
    same = watching(sequence_id)
    watches = [await Watch.of(address, token, same, same) for _ in range(3)]
    for watch in watches:
        values = [await watch.hear() for _ in range(2)]
        assert sorted(value["id"] for value in values) == ["0", "1"]
        assert [value["payload"] for value in values] == [
            {"data": {"sendStats": {"sent": 0}}},
            {"data": {"sendStats": {"sent": 0}}},
        ]
    assert len(broadcasts_of(app)) == 1
    await send(prepared, sequence_id, 3)
    for watch in watches:
        assert sorted([(await watch.hear())["id"], (await watch.hear())["id"]]) == ["0", "1"]
        await watch.connection.close()


async def test_other_words_variables_and_workspaces_do_not_share(
    address: str, app: ASGIApp, token: str, prepared: Prepared, sequence_id: UUID
) -> None:
    eve = prepared.eve
    other, eves = (
        await add_sequence(prepared.ada.workspace_id),
        await add_sequence(eve.workspace_id),
    )
    watches = [
        await Watch.of(
            address,
            token,
            watching(sequence_id),
            watching(sequence_id, WATCH + " "),
            watching(other),
        ),
        await Watch.of(address, eve.tokens.access_token, watching(eves)),
    ]
    for watch, count in zip(watches, (3, 1), strict=True):
        assert {(await watch.hear())["type"] for _ in range(count)} == {"next"}
    assert len(broadcasts_of(app)) == 4
    for watch in watches:
        await watch.connection.close()


async def test_a_late_watcher_has_the_value_at_once_and_the_last_to_leave_ends_it(
    address: str, app: ASGIApp, token: str, prepared: Prepared, sequence_id: UUID
) -> None:
    await send(prepared, sequence_id, 2)
    first = await Watch.of(address, token, watching(sequence_id))
    await first.until(2)
    late = await Watch.of(address, token, watching(sequence_id))
    assert await late.until(2) == [2]
    await first.tell({"id": "0", "type": "complete"})
    await send(prepared, sequence_id, 1)
    assert (await late.until(3))[-1] == 3
    assert len(broadcasts_of(app)) == 1
    await late.tell({"id": "0", "type": "complete"})
    # An answer to this one says that what stood before it was heard.
    await late.tell({"type": "ping"})
    assert await late.hear() == {"type": "pong"}
    await asyncio.sleep(0)
    assert len(broadcasts_of(app)) == 0
    await first.connection.close()
    await late.connection.close()


async def test_a_refusal_and_an_end_reach_everyone_in_it(
    address: str, token: str, prepared: Prepared, sequence_id: UUID
) -> None:
    nothing = watching(new_id(now()))
    watch = await Watch.of(address, token, nothing, nothing)
    answers = [await watch.hear(), await watch.hear()]
    assert sorted(answer["id"] for answer in answers) == ["0", "1"]
    assert {answer["type"] for answer in answers} <= {"error", "next"}
    errors = [
        answer["payload"] if answer["type"] == "error" else answer["payload"]["errors"]
        for answer in answers
    ]
    assert [[error["extensions"]["code"] for error in each] for each in errors] == [
        ["NOT_FOUND"],
        ["NOT_FOUND"],
    ]
    await watch.connection.close()
    watch = await Watch.of(address, token, watching(sequence_id), watching(sequence_id))
    assert {(await watch.hear())["type"], (await watch.hear())["type"]} == {"next"}
    await execute("DELETE FROM sequence WHERE id = $1", sequence_id)
    ends = [await watch.hear(), await watch.hear()]
    assert sorted((end["id"], end["type"]) for end in ends) == [
        ("0", "complete"),
        ("1", "complete"),
    ]
    await watch.connection.close()


def narrow_listener() -> socket.socket:
    """Accepted sockets inherit the small buffers, so that little lies in the kernel."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


def narrow_client(address: str) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    host, _, port = address.partition(":")
    client.connect((host, int(port)))
    client.setblocking(False)
    return client


async def _stuck(address: str, token: str, sequence_id: UUID) -> Watch:
    """A client that has subscribed to wide answers and whose transport reads no more."""
    watch = await Watch.of(
        address,
        token,
        sock=narrow_client(address),
        max_size=None,
        ping_interval=None,
        compression=None,
    )
    watch.connection.transport.pause_reading()
    await watch.tell({"id": "0", "type": "subscribe", "payload": watching(sequence_id, WIDE)})
    return watch


async def test_who_does_not_read_is_dropped_and_others_hear_everything(
    app: ASGIApp, token: str, prepared: Prepared
) -> None:
    async with served(app, ImpatientSockets, narrow_listener()) as address:
        sequence_id = await add_sequence(prepared.ada.workspace_id)
        stuck = await _stuck(address, token, sequence_id)
        other = await Watch.of(address, token, watching(sequence_id))
        total = 0
        while len(broadcasts_of(app)) < 2 or total == 0:
            total += 1
            await send(prepared, sequence_id, 1)
            await other.until(total)
        # The wide answers end with the client that was their only reader.
        while len(broadcasts_of(app)) == 2:
            total += 1
            await send(prepared, sequence_id, 1)
            await other.until(total)
        stuck.connection.transport.resume_reading()
        await stuck.connection.wait_closed()
        assert stuck.connection.close_code == 1006
        await other.connection.close()


async def test_who_reads_late_skips_to_the_newest_value(
    app: ASGIApp, token: str, prepared: Prepared
) -> None:
    async with served(app, listener=narrow_listener()) as address:
        sequence_id = await add_sequence(prepared.ada.workspace_id)
        slow = await _stuck(address, token, sequence_id)
        other = await Watch.of(address, token, watching(sequence_id))
        for total in range(1, 13):
            await send(prepared, sequence_id, 1)
            await other.until(total)
        slow.connection.transport.resume_reading()
        seen = await slow.until(12)
        # What lay in buffers comes first: two or three answers of forty kilobytes, and no more.
        assert len(seen) < 6
        await slow.connection.close()
        await other.connection.close()
