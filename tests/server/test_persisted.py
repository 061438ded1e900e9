"""Documents named instead of sent, over each way that operations come in by."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis.asyncio
from websockets.asyncio.client import connect

from domain.activity.hub import LiveHub
from domain.activity.ingest import HitIngest
from domain.base.settings import Settings, SettingsError
from domain.identity.tries import Tries
from domain.identity.viewer import Access, Viewer
from schema.base.context import Context, Services
from server import persisted as persisted_module
from server.app import create_app
from server.persisted import PersistedDocuments, PersistedError, read_manifest
from tests.api_client import Api
from tests.conftest import Prepared
from tests.served import served

TEXT = "{ viewer { role } }"
HASH = sha256(TEXT.encode()).hexdigest()
ROLE = {"data": {"viewer": {"role": "OWNER"}}}
NOT_FOUND = {
    "errors": [
        {"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}
    ]
}
NOT_LISTED = {
    "errors": [
        {
            "message": "This server runs documents of its trusted list only.",
            "extensions": {"code": "QUERY_NOT_IN_SAFELIST"},
        }
    ]
}


def named(name: str = HASH, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": name}}, **more}


async def post(api: Api, body: dict[str, Any], accept: str = "application/json") -> httpx.Response:
    headers = {"Authorization": f"Bearer {api.token}", "Accept": accept}
    return await api.client.post("/graphql", json=body, headers=headers)


async def answer(api: Api, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    response = await post(api, body)
    return response.status_code, without_cost(response.json())


def without_cost(body: dict[str, Any]) -> dict[str, Any]:
    body.pop("extensions", None)
    return body


async def test_a_name_is_unknown_until_its_text_was_sent_once(api: Api) -> None:
    assert await answer(api, named()) == (200, NOT_FOUND)
    assert await answer(api, named(query=TEXT)) == (200, ROLE)
    assert await answer(api, named()) == (200, ROLE)


async def test_an_unknown_name_is_told_with_200_to_clients_of_the_newer_media_type_too(
    api: Api,
) -> None:
    response = await post(api, named(), "application/graphql-response+json")
    assert (response.status_code, response.json()) == (200, NOT_FOUND)
    assert response.headers["content-type"] == "application/graphql-response+json"


async def test_a_document_id_names_a_document_too(api: Api) -> None:
    await answer(api, named(query=TEXT))
    assert await answer(api, {"documentId": f"sha256:{HASH}"}) == (200, ROLE)
    assert await answer(api, {"documentId": HASH}) == (200, ROLE)


@pytest.mark.parametrize(
    ("extensions", "message"),
    [
        (
            {"persistedQuery": {"version": 2, "sha256Hash": HASH}},
            "Unsupported persisted query version",
        ),
        ({"persistedQuery": "text"}, "Unsupported persisted query version"),
        (
            {"persistedQuery": {"version": 1, "sha256Hash": 7}},
            "A persisted document's name must be a text.",
        ),
        ({"documentId": []}, "A persisted document's name must be a text."),
        (
            {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}},
            "provided sha does not match query",
        ),
    ],
)
async def test_a_false_name_is_refused_and_nothing_runs(
    api: Api, extensions: dict[str, Any], message: str
) -> None:
    expected = {"errors": [{"message": message, "extensions": {"code": "BAD_REQUEST"}}]}
    assert await answer(api, {"query": TEXT, "extensions": extensions}) == (400, expected)


async def test_a_text_that_is_not_valid_is_not_registered(api: Api) -> None:
    text = "{ nothing }"
    name = sha256(text.encode()).hexdigest()
    _, body = await answer(api, named(name, query=text))
    assert body["errors"][0]["message"] == "Cannot query field 'nothing' on type 'Query'."
    assert await answer(api, named(name)) == (200, NOT_FOUND)


async def test_other_extensions_change_nothing(api: Api) -> None:
    assert await answer(api, {"query": TEXT, "extensions": {"tracing": True}}) == (200, ROLE)
    status, body = await answer(api, {"extensions": {"tracing": True}})
    assert (status, body["errors"][0]["message"]) == (400, "No GraphQL query found in the request")


async def test_a_get_by_name_runs_nothing(api: Api) -> None:
    await answer(api, named(query=TEXT))
    response = await api.client.get(
        "/graphql",
        params={"extensions": json.dumps(named()["extensions"])},
        headers={"Authorization": f"Bearer {api.token}", "Accept": "application/json"},
    )
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == "queries are not allowed when using GET"


@pytest.fixture
def nobody(settings: Settings) -> Context:
    services = Services(live=LiveHub(settings.redis_url), ingest=HitIngest(), tries=Tries(settings))
    return Context(settings=settings, services=services)


@pytest.fixture
def ada(nobody: Context, prepared: Prepared) -> Context:
    return replace(nobody, viewer=Viewer(prepared.ada.workspace_id, frozenset(Access)))


# --- What processes share ------------------------------------------------------------------------


@pytest.fixture
async def process(settings: Settings) -> AsyncIterator[Callable[[], Any]]:
    """Makes what each API process has of its own."""
    made: list[PersistedDocuments] = []

    async def make() -> PersistedDocuments:
        documents = PersistedDocuments(settings, lambda text, _: "nothing" not in text)
        await documents.start(settings.redis_url)
        made.append(documents)
        return documents

    yield make
    for documents in made:
        await documents.stop()


async def test_another_process_learns_it_from_redis(
    process: Callable[[], Any], ada: Context, nobody: Context
) -> None:
    one, other = await process(), await process()
    assert await one.text(named(query=TEXT), ada) == TEXT
    assert await other.text(named(), nobody) == TEXT
    assert await other.text(named(), nobody) == TEXT
    assert (one.counts, other.counts) == ({"registered": 1}, {"redis": 1, "memory": 1})


async def test_what_nobody_signed_in_sent_is_not_shared(
    process: Callable[[], Any], ada: Context, nobody: Context
) -> None:
    one, other = await process(), await process()
    await one.text(named(query=TEXT), nobody)
    assert await one.text(named(), nobody) == TEXT
    with pytest.raises(PersistedError, match="PersistedQueryNotFound"):
        await other.text(named(), ada)


async def test_a_text_that_redis_changed_is_not_run(
    process: Callable[[], Any], redis_url: str, ada: Context
) -> None:
    one, other = await process(), await process()
    await one.text(named(query=TEXT), ada)
    client = redis.asyncio.Redis.from_url(redis_url)
    (key,) = await client.keys("dripgraph:document:*")
    await client.set(key, b"{ somethingElse }")
    await client.aclose()
    with pytest.raises(PersistedError, match="PersistedQueryNotFound"):
        await other.text(named(), ada)


async def test_without_redis_a_process_lives_by_its_memory(
    settings: Settings, ada: Context
) -> None:
    documents = PersistedDocuments(settings, lambda *_: True)
    await documents.start("redis://127.0.0.1:1/0")
    with pytest.raises(PersistedError, match="PersistedQueryNotFound"):
        await documents.text(named(), ada)
    assert await documents.text(named(query=TEXT), ada) == TEXT
    assert await documents.text(named(), ada) == TEXT
    await documents.stop()


async def test_the_memory_is_bounded_and_the_least_used_is_forgotten(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, ada: Context
) -> None:
    monkeypatch.setattr(persisted_module, "MAX_MEMORY_BYTES", 300)
    documents = PersistedDocuments(settings, lambda *_: True)
    texts = ["{" + letter * 98 + "}" for letter in "abcd"]
    names = [sha256(text.encode()).hexdigest() for text in texts]
    for name, text in zip(names[:3], texts[:3], strict=True):
        await documents.text(named(name, query=text), ada)
    await documents.text(named(names[0]), ada)
    await documents.text(named(names[3], query=texts[3]), ada)
    known = []
    for name in names:
        try:
            known.append(await documents.text(named(name), ada))
        except PersistedError as error:
            known.append(error.code)
    assert known == [texts[0], "PERSISTED_QUERY_NOT_FOUND", texts[2], texts[3]]


async def test_a_long_text_runs_but_is_not_kept(settings: Settings, ada: Context) -> None:
    documents = PersistedDocuments(settings, lambda *_: True)
    text = TEXT + " " * (64 << 10)
    name = sha256(text.encode()).hexdigest()
    assert await documents.text(named(name, query=text), ada) == text
    with pytest.raises(PersistedError, match="PersistedQueryNotFound"):
        await documents.text(named(name), ada)


# --- Sockets and streams -------------------------------------------------------------------------


@pytest.fixture
async def address(settings: Settings) -> AsyncIterator[str]:
    async with served(create_app(settings)) as found:
        yield found


async def over_socket(address: str, token: str, payloads: list[dict[str, Any]]) -> list[Any]:
    """What is answered to each operation first."""
    found = []
    async with connect(
        f"ws://{address}/graphql", subprotocols=["graphql-transport-ws"]  # type: ignore[list-item]
    ) as socket:  # fmt: skip
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
        await socket.send(json.dumps(init))
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        for number, payload in enumerate(payloads):
            await socket.send(
                json.dumps({"id": str(number), "type": "subscribe", "payload": payload})
            )
            message = json.loads(await socket.recv())
            assert message.pop("id") == str(number)
            found.append(message)
            if message["type"] == "next":
                without_cost(message["payload"])
                assert json.loads(await socket.recv())["type"] == "complete"
    return found


async def test_a_socket_takes_names_as_posts_do(address: str, prepared: Prepared) -> None:
    token = prepared.ada.tokens.access_token
    unknown = {"type": "error", "payload": NOT_FOUND["errors"]}
    role = {"type": "next", "payload": ROLE}
    asked = [named(), named(query=TEXT), named(), {"documentId": HASH}]
    assert await over_socket(address, token, asked) == [unknown, role, role, role]


async def test_a_stream_takes_names_as_posts_do(address: str, prepared: Prepared) -> None:
    headers = {
        "Authorization": f"Bearer {prepared.ada.tokens.access_token}",
        "Accept": "text/event-stream",
    }
    found = []
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        for body in (named(), named(query=TEXT), named(), {"documentId": HASH}):
            response = await client.post("/graphql", json=body, headers=headers)
            found.append((response.headers["content-type"], response.text))
    assert found[0][0] == "application/json"
    assert json.loads(found[0][1]) == NOT_FOUND
    for content_type, text in found[1:]:
        assert content_type.startswith("text/event-stream")
        assert '"role":"OWNER"' in text


# --- The trusted list ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "manifest",
    [
        {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [{"id": HASH, "name": "Role", "type": "query", "body": TEXT}],
        },
        {HASH: TEXT},
        {f"sha256:{HASH}": TEXT},
    ],
    ids=["Apollo", "Relay and GraphQL Code Generator", "with the algorithm"],
)
def test_manifests_are_read_as_tools_write_them(manifest: object, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    assert read_manifest(path) == {HASH: TEXT}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"a": 7}',
        '{"format": "apollo-persisted-query-manifest"}',
        '{"format": "apollo-persisted-query-manifest", "operations": ["a"]}',
        '{"format": "apollo-persisted-query-manifest", "operations": [{"id": "a"}]}',
    ],
)
def test_a_file_that_is_no_manifest_stops_the_start(text: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match="TRUSTED_DOCUMENTS is wrong"):
        read_manifest(path)


@pytest.fixture
def trusting(settings_with: Callable[..., Settings], tmp_path: Path) -> Callable[[str], Settings]:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"0f343b0931126a20f133d67c2b018a3b": TEXT}))
    return lambda only: settings_with(TRUSTED_DOCUMENTS=str(path), TRUSTED_DOCUMENTS_ONLY=only)


def api_of(settings: Settings, prepared: Prepared) -> Api:
    transport = httpx.ASGITransport(app=create_app(settings))
    client = httpx.AsyncClient(transport=transport, base_url="http://test")
    return Api(client, prepared.ada.tokens.access_token)


async def test_a_trusted_document_runs_by_whatever_name_its_build_gave_it(
    database: str, trusting: Callable[[str], Settings], prepared: Prepared
) -> None:
    api = api_of(trusting("false"), prepared)
    md5 = "0f343b0931126a20f133d67c2b018a3b"
    assert await answer(api, {"documentId": md5}) == (200, ROLE)
    assert await answer(api, named(md5)) == (200, ROLE)
    assert (await api.run("{ __typename }")) == {"__typename": "Query"}


async def test_only_trusted_documents_run_where_that_is_set(
    database: str, trusting: Callable[[str], Settings], prepared: Prepared
) -> None:
    api = api_of(trusting("true"), prepared)
    other = "{ __typename }"
    other_hash = sha256(other.encode()).hexdigest()
    assert await answer(api, {"documentId": "0f343b0931126a20f133d67c2b018a3b"}) == (200, ROLE)
    assert await answer(api, {"query": TEXT}) == (200, ROLE)
    assert await answer(api, {"query": other}) == (400, NOT_LISTED)
    assert await answer(api, named(other_hash)) == (200, NOT_FOUND)
    assert await answer(api, named(other_hash, query=other)) == (400, NOT_LISTED)
    assert await answer(api, named(other_hash)) == (200, NOT_FOUND)
    stream = await post(api, {"query": other}, "text/event-stream")
    assert (stream.status_code, stream.json()) == (400, NOT_LISTED)


async def test_sockets_run_only_trusted_documents_where_that_is_set(
    database: str, trusting: Callable[[str], Settings], prepared: Prepared
) -> None:
    token = prepared.ada.tokens.access_token
    async with served(create_app(trusting("true"))) as address:
        found = await over_socket(address, token, [{"query": TEXT}, {"query": "{ __typename }"}])
    assert found == [
        {"type": "next", "payload": ROLE},
        {"type": "error", "payload": NOT_LISTED["errors"]},
    ]


def test_trusting_only_a_list_needs_the_list(settings_with: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError, match="TRUSTED_DOCUMENTS_ONLY is wrong"):
        settings_with(TRUSTED_DOCUMENTS_ONLY="true")
