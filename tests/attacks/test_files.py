"""Files that are small to send and dear to read, or that are not what they say they are."""

import json

import httpx
import pytest

from domain.identity.accounts import Session
from tests.attacks.cpu import LIMIT_SECONDS, least_cpu

IMPORT = """mutation ($file: Upload!) {
  importSubscribers(file: $file) { job { id } errors { field code } }
}"""
MEBIBYTE = 1 << 20
FILES = {
    "a header of a million columns": b"email" + b"," * MEBIBYTE,
    "a line that does not end": b"email" * (MEBIBYTE // 5),
    "a quote that does not end": b'"' + b"x" * MEBIBYTE,
    "quotes alone": b'"' * MEBIBYTE,
    "NUL alone": b"\0" * MEBIBYTE,
    "UTF-16": "email\na@example.com\n".encode("utf-16") * 20_000,
    "no text": bytes(range(256)) * 4_096,
    "a packed file": b"\x1f\x8b\x08" + b"\0" * MEBIBYTE,
    "a book of sheets": b"PK\x03\x04" + b"\0" * MEBIBYTE,
    "nothing": b"",
    "line ends alone": b"\r\n" * (MEBIBYTE // 2),
    "no column of addresses": b"a,b,c\n" + b"1,2,3\n" * (MEBIBYTE // 6),
    "the same column over and over": b"email," * (MEBIBYTE // 6),
}


async def send(target: httpx.AsyncClient, session: Session, content: bytes) -> httpx.Response:
    operations = json.dumps({"query": IMPORT, "variables": {"file": None}})
    return await target.post(
        "/graphql",
        files={
            "operations": (None, operations),
            "map": (None, '{"file": ["variables.file"]}'),
            "file": ("people.csv", content),
        },
        headers={"Authorization": f"Bearer {session.tokens.access_token}"},
    )


@pytest.mark.parametrize("name", FILES)
async def test_a_file_that_is_no_list_of_people_is_refused_cheaply(
    target: httpx.AsyncClient, session: Session, name: str
) -> None:
    # What it takes to receive a file of this size at all is not the attack's doing.
    idle, _ = await least_cpu(lambda _: send(target, session, b"x\n" * (len(FILES[name]) // 2)))
    spent, answer = await least_cpu(lambda _: send(target, session, FILES[name]))
    told = answer.json()["data"]["importSubscribers"]
    assert told["job"] is None
    assert told["errors"][0]["field"] in {"file", None}
    assert spent < idle + LIMIT_SECONDS


FORMS = {
    "no map": {"operations": (None, "{}")},
    "a map of nothing": {"operations": (None, "{}"), "map": (None, "[]")},
    "a map into a prototype": {
        "operations": (None, json.dumps({"query": IMPORT, "variables": {}})),
        "map": (None, '{"f": ["__class__.__init__"]}'),
        "f": ("x", b"x"),
    },
    "a map to where nothing is": {
        "operations": (None, json.dumps({"query": IMPORT, "variables": {"file": None}})),
        "map": (None, '{"f": ["variables.file.0.1.2.3"]}'),
        "f": ("x", b"x"),
    },
    "operations as deep as they are long": {
        "operations": (None, "[" * 100_000 + "]" * 100_000),
        "map": (None, "{}"),
    },
    "a map as deep as it is long": {
        "operations": (None, "{}"),
        "map": (None, '{"a":' * 100_000 + "1" + "}" * 100_000),
    },
    "a batch of operations": {"operations": (None, "[{}]"), "map": (None, "{}")},
    "operations just deep enough for a parser": {
        "operations": (None, '{"x":' + "[" * 900 + "]" * 900 + "}"),
        "map": (None, "{}"),
    },
    "a map of numbers": {"operations": (None, "{}"), "map": (None, '{"f": 7}'), "f": ("x", b"")},
    "thousands of fields": {f"f{i}": (None, "x") for i in range(5_000)},
}


@pytest.mark.parametrize("name", FORMS)
async def test_a_form_that_is_no_upload_is_refused_cheaply(
    target: httpx.AsyncClient, session: Session, name: str
) -> None:
    async def post(_: int) -> httpx.Response:
        return await target.post(
            "/graphql",
            files=FORMS[name],
            headers={"Authorization": f"Bearer {session.tokens.access_token}"},
        )

    spent, answer = await least_cpu(post)
    assert answer.status_code in {200, 400}
    assert answer.json()["errors"]
    assert spent < LIMIT_SECONDS
