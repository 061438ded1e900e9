"""What `/metrics` tells, and to whom."""

import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect

from domain.base.database import connection
from domain.base.settings import Settings, SettingsError
from schema.base.node import encode_id
from server.app import create_app
from server.metrics import BOUNDS_SECONDS, Traffic
from tests.conftest import Prepared
from tests.domain.activity.rows import add_sequence
from tests.served import served

TOKEN = "a token for Prometheus".replace(" ", "-")


@pytest.fixture
async def address(settings_with: Callable[..., Settings]) -> AsyncIterator[str]:
    async with served(create_app(settings_with(METRICS_TOKEN=TOKEN))) as found:
        yield found


async def figures(address: str) -> dict[tuple[str, ...], float]:
    """Values by name and label values, in the order that the page writes labels in."""
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        answer = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def post(address: str, token: str, *bodies: dict[str, object]) -> None:
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        for body in bodies:
            await client.post("/graphql", json=body, headers={"Authorization": f"Bearer {token}"})


async def test_there_is_no_page_without_a_token_set(settings: Settings, database: str) -> None:
    transport = httpx.ASGITransport(app=create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/metrics")).status_code == 404


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer another"}, {"Authorization": "é"}])
async def test_nobody_reads_it_without_the_token(address: str, given: dict[str, str]) -> None:
    headers = {name: value.encode() for name, value in given.items()}
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        answer = await client.get("/metrics", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("given", ["short", "with a blank in it", "sechzehn-Zeichen-ü"])
def test_a_token_that_is_weak_or_fits_no_header_stops_the_start(
    settings_with: Callable[..., Settings], given: str
) -> None:
    with pytest.raises(SettingsError, match="METRICS_TOKEN is wrong"):
        settings_with(METRICS_TOKEN=given)


async def test_operations_are_counted_by_how_they_were_executed(
    address: str, prepared: Prepared
) -> None:
    query = {"query": "{ viewer { role } }"}
    introspection = {"query": "{ __schema { queryType { name } } }"}
    bad = {"query": "{ nothing }"}
    token = prepared.ada.tokens.access_token
    await post(address, token, query, query, query, introspection, introspection, bad)
    await post(address, "no token", query)
    found = await figures(address)
    counted = "dripgraph_graphql_operations_total"
    assert {key: value for key, value in found.items() if key[0] == counted} == {
        (counted, "query", "first sight"): 2,
        (counted, "query", "compiled"): 2,
        (counted, "query", "introspection"): 1,
    }
    assert found["dripgraph_graphql_responses_total", "200"] == 6
    assert found["dripgraph_graphql_responses_total", "401"] == 1
    assert found[("dripgraph_graphql_request_seconds_count",)] == 7
    assert found["dripgraph_graphql_request_seconds_bucket", "+Inf"] == 7


def test_a_time_is_counted_in_the_first_bound_that_it_does_not_pass() -> None:
    traffic = Traffic()
    for seconds in (0.0, 0.0005, 0.0006, 10.0, 11.0):
        traffic.answered(200, seconds)
    assert traffic.within == [2, 1, *[0] * (len(BOUNDS_SECONDS) - 3), 1, 1]
    assert traffic.seconds == 21.0011


async def test_connected_clients_and_what_they_watch_are_counted_while_they_are(
    address: str, prepared: Prepared
) -> None:
    sequence_id = await add_sequence(prepared.ada.workspace_id)
    authorization = f"Bearer {prepared.ada.tokens.access_token}"
    payload = {
        "query": "subscription ($id: ID!) { sendStats(sequenceId: $id) { sent } }",
        "variables": {"id": encode_id("Sequence", sequence_id)},
    }

    async def counted() -> list[float]:
        found = await figures(address)
        return [
            found["dripgraph_graphql_clients", "websocket"],
            found[("dripgraph_graphql_subscriptions",)],
            found[("dripgraph_graphql_broadcasts",)],
        ]

    assert await counted() == [0, 0, 0]
    async with connect(
        f"ws://{address}/graphql", subprotocols=["graphql-transport-ws"]  # type: ignore[list-item]
    ) as socket:  # fmt: skip
        init = {"type": "connection_init", "payload": {"authorization": authorization}}
        await socket.send(json.dumps(init))
        await socket.recv()
        for number in ("1", "2"):
            await socket.send(json.dumps({"id": number, "type": "subscribe", "payload": payload}))
            assert json.loads(await socket.recv())["payload"] == {
                "data": {"sendStats": {"sent": 0}}
            }
        assert await counted() == [1, 2, 1]


async def test_documents_pools_and_queues_are_told(address: str, prepared: Prepared) -> None:
    unknown = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}
    reads = {"query": "{ subscribers { nodes { email } } }"}
    await post(address, prepared.ada.tokens.access_token, unknown, reads)
    async with connection():
        found = await figures(address)
    assert found["dripgraph_persisted_documents_total", "unknown"] == 1
    assert found["dripgraph_postgres_connections_limit", "read"] == 10
    assert found["dripgraph_postgres_connections_open", "read"] == 1
    assert found["dripgraph_postgres_connections_in_use", "read"] == 0
    assert found["dripgraph_postgres_connections_waiting", "read"] == 0
    assert found["dripgraph_postgres_connections_limit", "write"] == 10
    assert found["dripgraph_postgres_connections_in_use", "write"] == 1
    assert found[("dripgraph_ingest_waiting",)] == 0
    assert found[("dripgraph_process_resident_memory_bytes",)] > 0
