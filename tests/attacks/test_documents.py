"""Documents and bodies made to keep the server busy are refused before they do."""

import json

import httpx
import pytest

from tests.attacks.cpu import LIMIT_SECONDS, least_cpu
from tests.attacks.documents import DOCUMENTS, Attack


@pytest.mark.parametrize("attack", DOCUMENTS, ids=lambda attack: attack.__name__)
async def test_a_document_that_is_dear_to_take_seriously_is_refused_cheaply(
    target: httpx.AsyncClient, attack: Attack
) -> None:
    spent, answer = await least_cpu(
        lambda number: target.post("/graphql", json={"query": attack(number)})
    )
    told = answer.json()
    assert told["errors"]
    assert not any((told.get("data") or {}).values())
    assert spent < LIMIT_SECONDS


def variables(value: str) -> bytes:
    query = json.dumps("query ($a: [ID!]!) { nodes(ids: $a) { id } }")
    return f'{{"query": {query}, "variables": {{"a": {value}}}}}'.encode()


BODIES = {
    "JSON as deep as it is long": variables("[" * 400_000 + "]" * 400_000),
    "JSON just deep enough for a parser": variables("[" * 900 + "]" * 900),
    "objects in objects": variables('{"a":' * 500 + "1" + "}" * 500),
    "a batch of operations": b"[" + b",".join([b'{"query":"{__typename}"}'] * 30_000) + b"]",
    "a number of a million digits": variables("9" * 1_000_000),
    "a mebibyte of ids": variables("[" + ",".join(['"x"'] * 250_000) + "]"),
    "a mebibyte of keys": b"{" + b",".join(b'"%d":1' % n for n in range(90_000)) + b"}",
    "one name over and over": b'{"query":"{__typename}"' + b',"query":""' * 90_000 + b"}",
    "names that are read as one": variables('"' + "\\u0000" * 170_000 + '"'),
    "more than a body may have": b" " * ((1 << 20) + 1),
    "no JSON": b"\xff" * (1 << 20),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_is_dear_to_read_is_refused_cheaply(
    target: httpx.AsyncClient, name: str
) -> None:
    spent, answer = await least_cpu(
        lambda _: target.post(
            "/graphql", content=BODIES[name], headers={"Content-Type": "application/json"}
        )
    )
    assert answer.json()["errors"]
    assert answer.status_code in {200, 400, 413}
    assert spent < LIMIT_SECONDS
