"""Cost, rates and tries as clients meet them."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import httpx
import pytest

from domain.base.clock import now
from domain.base.settings import Settings
from domain.identity.accounts import Session
from server.app import create_app
from tests.api_client import Api

SettingsWith = Callable[..., Settings]
PEOPLE = "query ($n: Int! = 20) { subscribers(first: $n) { nodes { id email } } }"
SIGN_IN = """mutation ($email: String!, $password: String!) {
  signIn(email: $email, password: $password) { session { accessToken } errors { message code } }
}"""
PRODUCTION = {"DRIPGRAPH_ENV": "production", "SMTP_URL": "smtp://relay:587"}


@asynccontextmanager
async def api_of(settings: Settings, session: Session) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(app=create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Api(client, session.tokens.access_token)


async def test_each_answer_says_what_was_asked_what_it_cost_and_what_is_left(
    settings_with: SettingsWith, session: Session
) -> None:
    async with api_of(settings_with(RATE_LIMIT_CREDENTIAL="6000"), session) as api:
        began = now()
        cost = (await api.post(PEOPLE)).json()["extensions"]["cost"]
        resets_at = datetime.fromisoformat(cost.pop("resetsAt"))
        # Reading a new text costs 5, the page that is empty 2; some has leaked out again since.
        assert cost.pop("remaining") in range(5_993, 6_000)
        assert cost == {"requested": 6, "actual": 2, "limit": 6_000}
        assert began <= resets_at <= began + timedelta(seconds=2)
        response = await api.post(PEOPLE, n=100)
        assert response.json()["extensions"]["cost"]["requested"] == 22
        assert response.headers["ratelimit-policy"] == '"credential";q=6000;w=60'
        assert response.headers["ratelimit"].startswith('"credential";r=')


async def test_an_operation_that_may_cost_too_much_is_refused_before_it_runs(
    settings_with: SettingsWith, session: Session, statements: list[str]
) -> None:
    async with api_of(settings_with(MAX_COST="100"), session) as api:
        deep = "query ($n: Int!) { subscribers(first: $n) { nodes { messages { nodes { id } } } } }"
        statements.clear()
        (error,) = await api.errors(deep, n=50)
        assert error["message"] == (
            "The operation may cost 157 points: the limit is 100. Ask for smaller pages, or for"
            " less below them."
        )
        assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "cost": 157, "limit": 100}
        assert statements == []
        assert (await api.run(deep, n=5))["subscribers"] == {"nodes": []}


async def test_who_asks_too_much_is_told_when_to_return(
    settings_with: SettingsWith, session: Session
) -> None:
    async with api_of(settings_with(RATE_LIMIT_CREDENTIAL="100"), session) as api:
        refused = None
        for _ in range(100):
            refused = await api.post(PEOPLE)
            if refused.status_code != 200:
                break
        assert refused is not None
        assert refused.status_code == 429
        (error,) = refused.json()["errors"]
        seconds = int(refused.headers["retry-after"])
        assert error == {
            "message": "The limit of 100 points a minute for each credential is reached:"
            f" try again in {seconds} s.",
            "extensions": {"code": "RATE_LIMITED", "retryAfterSeconds": seconds},
        }
        assert 1 <= seconds <= 5
        assert refused.headers["ratelimit"].startswith('"credential";r=')
        # Another's key, and nobody's, have buckets of their own.
        assert (await api.as_nobody().post(PEOPLE)).status_code == 200


async def test_texts_that_are_never_the_same_are_charged_for_their_reading(
    settings_with: SettingsWith, session: Session
) -> None:
    async with api_of(settings_with(RATE_LIMIT_ADDRESS="200"), session) as api:
        nobody = api.as_nobody()
        statuses = [
            (await nobody.post(f"{{ a{number}: __typename nothing }}")).status_code
            for number in range(40)
        ]
        assert statuses[:20] == [200] * 20
        assert statuses[20:] == [429] * 20


async def test_an_upload_over_the_limit_is_told_so_too(
    settings_with: SettingsWith, session: Session
) -> None:
    upload = "mutation ($f: Upload!) { importSubscribers(file: $f) { job { id } } }"
    async with api_of(settings_with(RATE_LIMIT_CREDENTIAL="100"), session) as api:
        statuses = []
        for _ in range(12):
            response = await api.upload(upload, {"f": ("people.csv", b"email\na@example.com\n")})
            statuses.append(response.status_code)
        assert statuses[0] == 200
        assert statuses[-1] == 429
        assert response.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert 1 <= int(response.headers["retry-after"]) <= 60


async def test_ten_sign_ins_in_one_document_are_ten_tries(
    settings: Settings, session: Session
) -> None:
    async with api_of(settings, session) as api:
        aliases = " ".join(
            f't{n}: signIn(email: "ada@example.com", password: "wrong password {n}")'
            " { session { accessToken } errors { message code } }"
            for n in range(10)
        )
        data = await api.as_nobody().run(f"mutation {{ {aliases} }}")
        codes = [data[f"t{n}"]["errors"][0]["code"] for n in range(10)]
        assert codes[:5] == ["UNAUTHENTICATED"] * 5
        assert "RATE_LIMITED" in codes[5:]
        assert all(data[f"t{n}"]["session"] is None for n in range(10))


async def test_an_account_and_none_are_limited_alike(settings: Settings, session: Session) -> None:
    async with api_of(settings, session) as api:
        answers: list[list[object]] = [[], []]
        for email, errors in zip(("ada@example.com", "nobody@example.com"), answers, strict=True):
            for _ in range(5):
                answer = await api.as_nobody().run(SIGN_IN, email=email, password="wrong password")
                errors.append(answer["signIn"]["errors"])
        assert answers[0] == answers[1]
        assert answers[0][0] == [
            {"message": "Address or password is wrong.", "code": "UNAUTHENTICATED"}
        ]


async def test_the_right_password_begins_the_count_anew(
    settings: Settings, session: Session
) -> None:
    async with api_of(settings, session) as api:
        nobody = api.as_nobody()

        async def code(password: str) -> str | None:
            answer = await nobody.run(SIGN_IN, email="ada@example.com", password=password)
            errors = answer["signIn"]["errors"]
            return errors[0]["code"] if errors else None

        for _ in range(3):
            assert [await code("wrong password") for _ in range(4)] == ["UNAUTHENTICATED"] * 4
            assert await code("correct horse battery") is None


async def test_sign_ups_from_one_address_are_limited(settings: Settings, session: Session) -> None:
    async with api_of(settings, session) as api:
        query = "mutation ($i: SignUpInput!) { signUp(input: $i) { errors { code field } } }"
        given = {"password": "short", "name": "N", "workspaceName": "W"}
        codes = [
            (await api.as_nobody().run(query, i={"email": f"{n}@example.com"} | given))["signUp"]
            for n in range(21)
        ]
        assert codes[19] == {"errors": [{"code": "INVALID", "field": "password"}]}
        assert codes[20] == {"errors": [{"code": "RATE_LIMITED", "field": None}]}


async def test_production_tells_nothing_of_its_schema(
    settings_with: SettingsWith, session: Session
) -> None:
    settings = settings_with(**PRODUCTION, PUBLIC_URL="https://mail.example.com")
    async with api_of(settings, session) as api:
        (error, *_) = await api.errors("{ __schema { types { name } } }")
        assert error["message"].startswith("GraphQL introspection has been disabled")
        (error, *_) = await api.errors("{ subscribrs { nodes { id } } }")
        assert error["message"] == "Cannot query field 'subscribrs' on type 'Query'."
        query = "query ($s: SequenceStatus) { sequences(status: $s) { nodes { id } } }"
        (error,) = await api.errors(query, s="ACTIV")
        assert "Did you mean" not in error["message"]
        page = await api.client.get("/graphql", headers={"Accept": "text/html"})
        assert page.status_code != 200
        assert "<html" not in page.text


async def test_production_tells_its_schema_when_it_is_set_to(
    settings_with: SettingsWith, session: Session
) -> None:
    settings = settings_with(
        **PRODUCTION, PUBLIC_URL="https://mail.example.com", INTROSPECTION="true"
    )
    async with api_of(settings, session) as api:
        data = await api.run("{ __schema { queryType { name } } }")
        assert data == {"__schema": {"queryType": {"name": "Query"}}}
        (error,) = await api.errors("{ subscribrs { nodes { id } } }")
        assert "Did you mean 'subscribers'" in error["message"]


@pytest.mark.parametrize(
    "query", ["{ __typename }", 'mutation { signOut(refreshToken: "x") { errors { code } } }']
)
async def test_a_get_never_executes(api: Api, query: str) -> None:
    response = await api.client.get(
        "/graphql", params={"query": query}, headers={"Authorization": f"Bearer {api.token}"}
    )
    assert response.status_code == 400
    assert "data" not in response.json()


async def test_an_operation_without_a_file_is_not_taken_as_multipart(api: Api) -> None:
    query = 'mutation { suppressAddress(email: "a@example.com") { errors { code } } }'
    parts = {
        "operations": (None, json.dumps({"query": query})),
        "map": (None, "{}"),
        "0": ("x.csv", b"email\n"),
    }
    response = await api.client.post(
        "/graphql", files=parts, headers={"Authorization": f"Bearer {api.token}"}
    )
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == (
        "An operation that takes no file is posted as JSON."
    )
