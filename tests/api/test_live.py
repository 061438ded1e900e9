import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
import redis.asyncio
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from domain.activity.rollups import RollupRow, add_to_rollups
from domain.base.clock import now
from domain.base.settings import Settings
from schema.base.node import encode_id
from server.app import create_app
from tests.conftest import Prepared
from tests.domain.activity.rows import add_sequence
from tests.served import served

WATCH = """subscription ($id: ID!) {
  sendStats(sequenceId: $id) {
    queued sent delivered opened machineOpened clicked unsubscribed failed skipped unknown bounced
    sentPerSecond openRate { value low high } clickRate { value }
  }
}"""

Stats = dict[str, Any]


@dataclass(frozen=True)
class Live:
    """A served API with one sequence, and the clients that watch it."""

    address: str
    token: str
    workspace_id: UUID
    sequence_id: UUID
    redis_url: str

    @property
    def global_id(self) -> str:
        return encode_id("Sequence", self.sequence_id)

    async def add(self, **counts: int) -> None:
        await add_to_rollups(
            [RollupRow(self.workspace_id, self.sequence_id, "hello", now(), **counts)]
        )

    async def over_websocket(
        self, global_id: str | None = None, token: str | None = None
    ) -> AsyncGenerator[Stats, None]:
        transport = WebsocketsTransport(
            url=f"ws://{self.address}/graphql",
            subprotocols=["graphql-transport-ws"],
            init_payload={"authorization": f"Bearer {token or self.token}"},
        )
        request = gql(WATCH)
        request.variable_values = {"id": global_id or self.global_id}
        async with Client(transport=transport) as session:
            async for result in session.subscribe(request):
                yield result["sendStats"]

    async def over_events(self) -> AsyncGenerator[Stats, None]:
        """Server-sent events as `graphql-sse` has them."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "text/event-stream"}
        body = {"query": WATCH, "variables": {"id": self.global_id}}
        async with (
            httpx.AsyncClient(timeout=30) as client,
            client.stream(
                "POST", f"http://{self.address}/graphql", json=body, headers=headers
            ) as response,
        ):
            assert response.headers["content-type"].startswith("text/event-stream")
            event = ""
            async for line in response.aiter_lines():
                if line.startswith("event:"):
                    event = line[6:].strip()
                if line.startswith("data:") and event == "next":
                    yield orjson.loads(line[5:])["data"]["sendStats"]


@pytest.fixture
async def live(settings: Settings, prepared: Prepared) -> AsyncIterator[Live]:
    async with served(create_app(settings)) as address:
        workspace_id = prepared.ada.workspace_id
        yield Live(
            address,
            prepared.ada.tokens.access_token,
            workspace_id,
            await add_sequence(workspace_id),
            settings.redis_url,
        )


async def until(watch: AsyncGenerator[Stats, None], sent: int) -> list[Stats]:
    seen: list[Stats] = []
    async for stats in watch:
        seen.append(stats)
        if stats["sent"] == sent:
            return seen
    raise AssertionError("the subscription ended early")


async def test_a_websocket_shows_the_numbers_and_their_changes(live: Live) -> None:
    await live.add(queued=4, sent=2, opened=1)
    async with aclosing(live.over_websocket()) as watch:
        first = await anext(watch)
        del first["sentPerSecond"]
        assert first == {
            "queued": 4,
            "sent": 2,
            "delivered": None,
            "opened": 1,
            "machineOpened": 0,
            "clicked": 0,
            "unsubscribed": 0,
            "failed": 0,
            "skipped": 0,
            "unknown": 0,
            "bounced": 0,
            "openRate": {"value": 0.5, "low": 0.09453120573423074, "high": 0.9054687942657693},
            "clickRate": {"value": 0.0},
        }
        await live.add(sent=2, clicked=1)
        last = (await until(watch, 4))[-1]
        assert (last["clicked"], last["clickRate"]) == (1, {"value": 0.25})


async def test_server_sent_events_show_the_same(live: Live) -> None:
    async with aclosing(live.over_events()) as watch:
        assert (await anext(watch))["openRate"] is None
        await live.add(sent=3)
        assert (await until(watch, 3))[-1]["sent"] == 3


async def test_ten_thousand_fast_changes_reach_a_client_as_four_a_second_with_an_exact_end(
    live: Live,
) -> None:
    async def change() -> None:
        for _ in range(2_000):
            await asyncio.gather(*(live.add(sent=1) for _ in range(5)))

    loop = asyncio.get_running_loop()
    async with aclosing(live.over_websocket()) as watch:
        await anext(watch)
        began = loop.time()
        changing = asyncio.create_task(change())
        seen = await until(watch, 10_000)
        elapsed = loop.time() - began
        await changing
    assert len(seen) <= elapsed * 4 + 1


async def test_fifty_clients_share_one_redis_subscription(live: Live) -> None:
    client = redis.asyncio.Redis.from_url(live.redis_url)
    watches = [live.over_websocket() for _ in range(50)]
    await asyncio.gather(*(anext(watch) for watch in watches))
    assert await client.pubsub_numpat() == 1
    assert await client.pubsub_channels() == []
    await live.add(sent=9)
    ends = await asyncio.gather(*(until(watch, 9) for watch in watches))
    assert [end[-1]["sent"] for end in ends] == [9] * 50
    for watch in watches:
        await watch.aclose()
    await client.aclose()


async def test_another_workspaces_sequence_is_no_sequence(live: Live, prepared: Prepared) -> None:
    eve = prepared.eve.tokens.access_token
    nothing = encode_id("Sequence", prepared.eve.workspace_id)
    answers = []
    for global_id, token in ((live.global_id, eve), (nothing, live.token)):
        with pytest.raises(TransportQueryError) as refusal:
            await anext(live.over_websocket(global_id, token))
        answers.append(refusal.value.errors)
    assert answers[0] == answers[1]
    assert answers[0] is not None
    assert answers[0][0]["extensions"] == {"code": "NOT_FOUND", "field": "sequenceId"}


async def test_the_query_answers_the_same_numbers(live: Live, prepared: Prepared) -> None:
    await live.add(queued=3, sent=2, skipped=1)
    query = "query ($id: ID!) { sendStats(sequenceId: $id) { queued sent skipped delivered } }"
    body = {"query": query, "variables": {"id": live.global_id}}
    async with httpx.AsyncClient(base_url=f"http://{live.address}") as client:
        answers = [
            (
                await client.post(
                    "/graphql", json=body, headers={"Authorization": f"Bearer {token}"}
                )
            ).json()
            for token in (live.token, prepared.eve.tokens.access_token)
        ]
    assert answers[0]["data"] == {
        "sendStats": {"queued": 3, "sent": 2, "skipped": 1, "delivered": None}
    }
    assert answers[1]["errors"][0]["extensions"] == {"code": "NOT_FOUND", "field": "sequenceId"}
