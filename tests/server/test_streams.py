import pytest

from server.streams import wants_events
from tests.api_client import Api

URQL = (
    "application/graphql-response+json, application/graphql+json, application/json,"
    " text/event-stream, multipart/mixed"
)
UPLOAD = "mutation ($file: Upload!) { importSubscribers(file: $file) { job { filename } } }"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream;charset=utf-8, multipart/mixed", True),
        ("text/event-stream, application/json", True),
        ("application/json, text/event-stream", False),
        (URQL, False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_events_are_wanted_where_they_come_before_json(accept: str, wanted: bool) -> None:
    assert wants_events(accept) is wanted


async def test_a_client_that_would_also_take_events_is_answered_in_json(api: Api) -> None:
    api.client.headers["accept"] = URQL
    response = await api.post("{ sequences { totalCount } }")
    assert response.headers["content-type"] == "application/graphql-response+json"
    assert response.json()["data"] == {"sequences": {"totalCount": 0}}


async def test_a_client_that_would_also_take_events_can_send_a_file(api: Api) -> None:
    api.client.headers["accept"] = URQL
    response = await api.upload(UPLOAD, {"file": ("people.csv", b"email\na@b.example\n")})
    assert response.json()["data"] == {"importSubscribers": {"job": {"filename": "people.csv"}}}
