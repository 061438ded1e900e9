from uuid import UUID, uuid4

import pytest

from domain.base.database import execute
from domain.delivery.claim import claim_batch
from domain.identity.accounts import Session
from schema.base.node import encode_id
from tests.api_client import Api
from tests.domain.delivery.shop import Shop, open_shop

MESSAGE = """query ($id: ID!) { message(id: $id) {
  id status reason stepKey visit attempts providerReply sendAfter queuedAt sentAt skippedAt
  subscriber { id email } explain { code text until } events { name }
} }"""
NODE = "query ($id: ID!) { node(id: $id) { id ... on Message { status explain { code } } } }"


@pytest.fixture
async def shop(session: Session) -> Shop:
    return await open_shop(session.workspace_id)


async def test_a_queued_message_says_that_it_is_due(api: Api, shop: Shop) -> None:
    [identifier] = await shop.queue(1)
    found = (await api.run(MESSAGE, id=encode_id("Message", identifier)))["message"]
    assert found == {
        "id": encode_id("Message", identifier),
        "status": "QUEUED",
        "reason": None,
        "stepKey": "hello",
        "visit": 1,
        "attempts": 0,
        "providerReply": None,
        "sendAfter": shop.at.isoformat(),
        "queuedAt": shop.at.isoformat(),
        "sentAt": None,
        "skippedAt": None,
        "subscriber": {
            "id": encode_id("Subscriber", shop.people[0]),
            "email": "p0@example.com",
        },
        "explain": {"code": "due", "text": "It waits for its turn in the queue.", "until": None},
        "events": [],
    }


async def test_a_skipped_message_says_why(api: Api, shop: Shop) -> None:
    [identifier] = await shop.queue(1)
    await execute("UPDATE subscriber SET status = 'unsubscribed'")
    assert await claim_batch(shop.at, uuid4()) == []
    found = (await api.run(MESSAGE, id=encode_id("Message", identifier)))["message"]
    assert (found["status"], found["reason"], found["skippedAt"]) == (
        "SKIPPED", "unsubscribed", shop.at.isoformat(),
    )  # fmt: skip
    assert found["explain"]["text"] == ("The subscriber unsubscribed before it could be sent.")


async def test_a_list_of_messages_sends_as_many_statements_for_many_as_for_one(
    api: Api, shop: Shop, statements: list[str]
) -> None:
    await shop.queue(30)
    whole = """query ($id: ID!, $first: Int!) { sequence(id: $id) {
      messages(first: $first, status: QUEUED) {
        pageInfo { hasNextPage }
        nodes { id subscriber { email } explain { code } events { name } }
      }
    } }"""
    sequence = encode_id("Sequence", shop.sequence_id)
    statements.clear()
    one = await api.run(whole, id=sequence, first=1)
    for_one = len(statements)
    statements.clear()
    all_of_them = await api.run(whole, id=sequence, first=30)
    assert len(statements) == for_one
    assert len(one["sequence"]["messages"]["nodes"]) == 1
    assert one["sequence"]["messages"]["pageInfo"] == {"hasNextPage": True}
    nodes = all_of_them["sequence"]["messages"]["nodes"]
    assert sorted(node["subscriber"]["email"] for node in nodes) == sorted(
        f"p{n}@example.com" for n in range(30)
    )
    assert all_of_them["sequence"]["messages"]["pageInfo"] == {"hasNextPage": False}


async def test_a_message_is_a_node(api: Api, shop: Shop) -> None:
    [identifier] = await shop.queue(1)
    global_id = encode_id("Message", identifier)
    assert (await api.run(NODE, id=global_id))["node"] == {
        "id": global_id, "status": "QUEUED", "explain": {"code": "due"},
    }  # fmt: skip


@pytest.mark.parametrize("query", [MESSAGE, NODE])
async def test_another_workspaces_message_does_not_exist(
    api: Api, stranger: Api, shop: Shop, query: str
) -> None:
    [identifier] = await shop.queue(1)
    theirs = await stranger.run(query, id=encode_id("Message", identifier))
    missing = await stranger.run(query, id=encode_id("Message", UUID(int=5)))
    assert list(theirs.values()) == list(missing.values()) == [None]
