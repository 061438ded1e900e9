"""Whatever comes in, the answer is a clear refusal: never a 500, never a hang."""

import json

import pytest

from tests.api_client import Api


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


async def post_raw(
    api: Api, body: bytes, content_type: str = "application/json"
) -> tuple[int, str]:
    response = await api.client.post(
        "/graphql", content=body, headers={"Content-Type": content_type}
    )
    return response.status_code, response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "Unable to parse request body as JSON"),
        (b"{", 400, "Unable to parse request body as JSON"),
        (b"\x00\xff", 400, "Unable to parse request body as JSON"),
        (b"[]", 400, "Batching is not enabled"),
        (b'"text"', 400, "The request body must be a JSON object."),
        (b"7", 400, "The request body must be a JSON object."),
        (b"{}", 400, "No GraphQL query found in the request"),
        (b'{"query": ""}', 400, "No GraphQL query found in the request"),
        (
            b'{"query": 7}',
            400,
            "The GraphQL operation's `query` must be a string or null, if provided.",
        ),
        (
            b'{"query": "{ viewer { role } }", "variables": []}',
            400,
            "The GraphQL operation's `variables` must be an object or null, if provided.",
        ),
        (b'{"query": "{"}', 200, "Syntax Error: Expected Name, found <EOF>."),
        (b'{"query": "{ nothing }"}', 200, "Cannot query field 'nothing' on type 'Query'."),
        (
            b'{"query": "query A { __typename } query B { __typename }"}',
            200,
            "Must provide operation name if query contains multiple operations.",
        ),
        (
            b'{"variables": ' + nested(200_000).encode() + b"}",
            400,
            "Unable to parse request body as JSON",
        ),
        (
            b'{"query": "{ __typename }", "variables": {"a": ' + nested(500).encode() + b"}}",
            400,
            "Variables may be nested 50 deep.",
        ),
        (b"x" * ((1 << 20) + 1), 413, "A request body may have 1 MiB."),
    ],
)
async def test_a_body_that_is_no_request_is_refused(
    api: Api, body: bytes, status: int, message: str
) -> None:
    assert await post_raw(api, body) == (status, message)


async def test_other_content_types_are_refused(api: Api) -> None:
    form = await post_raw(api, b"query=%7B__typename%7D", "application/x-www-form-urlencoded")
    assert form == (400, "Unsupported content type")


async def test_a_get_runs_nothing(api: Api) -> None:
    response = await api.client.get("/graphql", params={"query": "{ __typename }"})
    assert response.status_code == 400


async def test_a_body_without_a_length_is_counted_as_it_comes(api: Api) -> None:
    async def pieces():  # noqa: ANN202  an endless body
        for _ in range(3):
            yield b"x" * (1 << 19)

    response = await api.client.post(
        "/graphql", content=pieces(), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 413


def fragments(count: int) -> str:
    """A chain in which each fragment spreads the next one twice: 2 to the count fields."""
    chain = "".join(f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }} " for i in range(count))
    return f"query {{ ...F0 }} {chain} fragment F{count} on Query {{ __typename }}"


LIMITS = [
    (fragments(60), "An operation may have 2,000 fields."),
    ("{" + "a { " * 30 + "b" + " }" * 30 + "}", "An operation may have 20 levels."),
    (
        "{" + " ".join(f"a{i}: __typename" for i in range(51)) + "}",
        "An operation may have 50 aliases.",
    ),
    ("{ a(b: " + nested(100) + ") }", "Brackets may be nested 60 deep."),
    (
        "{" + " ".join(f"f{i}" for i in range(2_500)) + "}",
        "Syntax Error: Document contains more than 2000 tokens. Parsing aborted.",
    ),
    ("{" + " " * 60_000 + "__typename }", "A document has at most 50,000 characters."),
]


@pytest.mark.parametrize(("query", "message"), LIMITS, ids=[text for _, text in LIMITS])
async def test_an_operation_that_asks_for_too_much_is_refused(
    api: Api, query: str, message: str
) -> None:
    assert [error["message"] for error in await api.errors(query)] == [message]


async def test_brackets_inside_text_are_not_nesting(api: Api) -> None:
    text = json.dumps("[" * 200)
    query = f"mutation {{ signOut(refreshToken: {text}) {{ errors {{ code }} }} }}"
    assert await api.run(query) == {"signOut": {"errors": []}}


async def test_fragments_that_spread_each_other_are_reported_not_followed(api: Api) -> None:
    query = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"
    (error, *_) = await api.errors(query)
    assert error["message"] == "Cannot spread fragment 'A' within itself via 'B'."


async def test_the_introspection_that_clients_send_is_within_the_limits(api: Api) -> None:
    from graphql import get_introspection_query

    data = await api.run(get_introspection_query(descriptions=True, input_value_deprecation=True))
    assert data["__schema"]["queryType"]["name"] == "Query"


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Bearer", "Bearer ", "Bearer x.y.z", "Bearer dg_unknown", "x" * 5_000]
)
async def test_a_credential_that_is_none_is_refused(api: Api, header: str) -> None:
    response = await api.client.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"Authorization": header}
    )
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_without_a_credential_only_open_fields_answer(api: Api) -> None:
    nobody = api.as_nobody()
    assert await nobody.run("{ viewer { role } }") == {"viewer": None}
    (error,) = await nobody.errors("{ members { id } }")
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_an_unsound_cursor_or_size_names_the_argument(api: Api) -> None:
    (error,) = await api.errors("{ nodes(ids: [" + '"x",' * 101 + "]) { id } }")
    assert error["extensions"] == {"code": "INVALID", "field": "ids"}
