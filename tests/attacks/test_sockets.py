"""Sockets that say too much, too early, too often, or in another tongue."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from domain.base.settings import Settings
from schema.base.node import encode_id
from server.app import create_app
from server.cli.processes import WEBSOCKET_FRAME_MAX_BYTES
from tests.attacks.documents import repeated_fields
from tests.conftest import Prepared
from tests.domain.activity.rows import add_sequence
from tests.served import served

TRANSPORT = websockets.Subprotocol("graphql-transport-ws")


@pytest.fixture
async def address(settings: Settings) -> AsyncIterator[str]:
    async with served(create_app(settings)) as place:
        yield f"ws://{place}/graphql"


async def opened(address: str, token: str | None) -> ClientConnection:
    socket = await connect(address, subprotocols=[TRANSPORT], max_size=None)
    payload = {} if token is None else {"authorization": f"Bearer {token}"}
    await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
    assert json.loads(await socket.recv())["type"] == "connection_ack"
    return socket


async def end_of(socket: ClientConnection) -> int | None:
    """The code with which the server ends a socket, whatever else it says before."""
    try:
        while True:
            await socket.recv()
    except websockets.ConnectionClosed as ended:
        return None if ended.rcvd is None else ended.rcvd.code


def subscribe(identifier: str, query: str, **variables: object) -> str:
    payload = {"query": query, "variables": variables}
    return json.dumps({"id": identifier, "type": "subscribe", "payload": payload})


async def test_a_frame_past_the_limit_ends_the_socket(address: str, prepared: Prepared) -> None:
    socket = await opened(address, prepared.ada.tokens.access_token)
    await socket.send(" " * (WEBSOCKET_FRAME_MAX_BYTES + 1))
    assert await end_of(socket) == 1009


async def test_a_message_in_many_frames_past_the_limit_ends_the_socket(
    address: str, prepared: Prepared
) -> None:
    socket = await opened(address, prepared.ada.tokens.access_token)
    await socket.send(" " * 10_000 for _ in range(10))
    assert await end_of(socket) == 1009


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", 4400),
        ("[]", 4400),
        ('{"type": "nothing"}', 4400),
        ('{"type": "subscribe"}', 4400),
        ('{"type": "connection_init"}', 4429),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, 4400),
        ("[" * 60_000, 4400),
        (subscribe("1", "{ __typename }", a=json.loads("[" * 400 + "]" * 400)), 4400),
        ('{"variables": ' + "[" * 400 + "]" * 400 + "}", 4400),
    ],
    ids=["broken", "list", "unknown", "empty", "twice", "deep", "open", "variables", "astray"],
)
async def test_what_is_no_message_ends_the_socket(
    address: str, prepared: Prepared, message: str, code: int
) -> None:
    socket = await opened(address, prepared.ada.tokens.access_token)
    await socket.send(message)
    assert await end_of(socket) == code


async def test_before_the_beginning_nothing_is_subscribed_to(address: str) -> None:
    socket = await connect(address, subprotocols=[TRANSPORT])
    await socket.send(subscribe("1", "{ __typename }"))
    assert await end_of(socket) == 4401


async def test_a_made_up_token_ends_the_socket(address: str) -> None:
    socket = await connect(address, subprotocols=[TRANSPORT])
    await socket.send(
        json.dumps({"type": "connection_init", "payload": {"authorization": "Bearer x.y.z"}})
    )
    assert await end_of(socket) == 4403


@pytest.mark.parametrize("protocol", ["graphql-ws", "soap", None])
async def test_other_protocols_are_not_spoken(address: str, protocol: str | None) -> None:
    offered = None if protocol is None else [websockets.Subprotocol(protocol)]
    socket = await connect(address, subprotocols=offered)
    assert await end_of(socket) == 4406


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://mail.example.com.evil.example"]
)
async def test_a_page_of_another_origin_gets_no_socket(address: str, origin: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connect(address, subprotocols=[TRANSPORT], origin=websockets.Origin(origin))
    assert refused.value.response.status_code == 403


async def test_a_dear_document_is_refused_on_a_socket_too_and_others_are_served(
    address: str, prepared: Prepared
) -> None:
    hostile = await opened(address, None)
    harmless = await opened(address, prepared.ada.tokens.access_token)
    for number in range(20):
        await hostile.send(subscribe(str(number), repeated_fields(number)))
    await harmless.send(subscribe("mine", "{ viewer { role } }"))
    told = json.loads(await harmless.recv())
    assert told["payload"]["data"] == {"viewer": {"role": "OWNER"}}
    refused = [json.loads(await hostile.recv()) for _ in range(20)]
    assert {told["type"] for told in refused} == {"error"}
    assert {told["payload"][0]["extensions"]["code"] for told in refused} == {"LIMIT_EXCEEDED"}
    await hostile.close()
    await harmless.close()


REFUSED = {
    "dear": (repeated_fields(1), "LIMIT_EXCEEDED"),
    "unread": ("{ viewer } " + "x" * 1_000, None),
    "unknown": ("{ nothing }", None),
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_a_refused_document_ends_its_operation_and_not_the_socket(
    address: str, prepared: Prepared, kind: str
) -> None:
    document, code = REFUSED[kind]
    socket = await opened(address, prepared.ada.tokens.access_token)
    await socket.send(subscribe("1", document))
    told = json.loads(await socket.recv())
    assert (told["type"], told["id"]) == ("error", "1")
    assert told["payload"][0].get("extensions", {}).get("code") == code
    await socket.send(subscribe("1", "{ viewer { role } }"))
    assert json.loads(await socket.recv())["payload"]["data"] == {"viewer": {"role": "OWNER"}}
    await socket.close()


@pytest.mark.parametrize("kind", REFUSED)
async def test_a_refused_document_is_told_in_a_stream_of_events(
    address: str, prepared: Prepared, kind: str
) -> None:
    document, code = REFUSED[kind]
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            address.replace("ws:", "http:"),
            json={"query": document},
            headers={"Accept": "text/event-stream"},
        )
    lines = [line for line in answer.text.splitlines() if line.startswith("data: {")]
    told = json.loads(lines[0].removeprefix("data: "))
    told = told.get("payload", told)
    assert told["errors"][0].get("extensions", {}).get("code") == code


WATCH = "subscription ($id: ID!) { sendStats(sequenceId: $id) { sent } }"


async def test_one_socket_holds_so_many_subscriptions_and_no_more(
    address: str, prepared: Prepared
) -> None:
    sequence = encode_id("Sequence", await add_sequence(prepared.ada.workspace_id))
    socket = await opened(address, prepared.ada.tokens.access_token)
    for number in range(51):
        await socket.send(subscribe(str(number), WATCH, id=sequence))
    refused = [
        told["id"]
        for told in [json.loads(await socket.recv()) for _ in range(51)]
        if told["type"] == "error"
    ]
    assert refused == ["50"]
    await socket.close()
