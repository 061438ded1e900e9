from typing import Any

import pytest

from domain.activity.models import EventKind
from domain.activity.signals import listen
from domain.base.database import fetch, fetchval
from domain.identity.accounts import Session
from tests.api_client import Api
from tests.domain.activity.rows import add_sequence

FIELDS = """id email status firstName lastName timezone locale tags attributes
  suppression { email reason }"""
PAYLOAD = f"{{ subscriber {{ {FIELDS} }} errors {{ field message code }} }}"
CREATE = f"""mutation ($input: CreateSubscriberInput!) {{
  createSubscriber(input: $input) {PAYLOAD}
}}"""
UPDATE = f"""mutation ($id: ID!, $input: UpdateSubscriberInput!) {{
  updateSubscriber(id: $id, input: $input) {PAYLOAD}
}}"""
UNSUBSCRIBE = f"mutation ($id: ID!) {{ unsubscribeSubscriber(id: $id) {PAYLOAD} }}"
RESUBSCRIBE = f"mutation ($id: ID!) {{ resubscribeSubscriber(id: $id) {PAYLOAD} }}"
ADD_TAGS = """mutation ($ids: [ID!]!, $tags: [String!]!) {
  addTags(subscriberIds: $ids, tags: $tags) { subscribers { id tags } errors { field code } }
}"""
REMOVE_TAGS = ADD_TAGS.replace("addTags", "removeTags")
SUPPRESS = """mutation ($email: String!) {
  suppressAddress(email: $email) { suppression { id email reason } errors { field code } }
}"""
UNSUPPRESS = """mutation ($email: String!) {
  unsuppressAddress(email: $email) { email errors { field code } }
}"""
BY_EMAIL = f"query ($email: String!) {{ subscriber(email: $email) {{ {FIELDS} }} }}"
BY_ID = f"query ($id: ID!) {{ subscriber(id: $id) {{ {FIELDS} }} }}"
LIST = """query ($first: Int!, $after: String, $filter: SubscriberFilterInput) {
  subscribers(first: $first, after: $after, filter: $filter) {
    nodes { email } totalCount pageInfo { hasNextPage endCursor }
  }
}"""


async def create(api: Api, email: str, **given: Any) -> dict[str, Any]:
    answer = (await api.run(CREATE, input={"email": email, **given}))["createSubscriber"]
    assert answer["errors"] == []
    found: dict[str, Any] = answer["subscriber"]
    return found


async def test_a_subscriber_is_made_and_found_in_any_spelling(api: Api) -> None:
    made = await create(
        api,
        "Anna@Bücher.example",
        firstName=" Anna ",
        timezone="europe/berlin",
        locale="de_de",
        tags=["vip", "vip", " new "],
        attributes={"age": 41, "plan": "pro", "member": True},
    )
    expected = {
        "id": made["id"],
        "email": "anna@xn--bcher-kva.example",
        "status": "SUBSCRIBED",
        "firstName": "Anna",
        "lastName": None,
        "timezone": "Europe/Berlin",
        "locale": "de-DE",
        "tags": ["vip", "new"],
        "attributes": {"age": 41, "plan": "pro", "member": True},
        "suppression": None,
    }
    assert made == expected
    assert (await api.run(BY_EMAIL, email="ANNA@BÜCHER.EXAMPLE"))["subscriber"] == expected
    assert (await api.run(BY_ID, id=made["id"]))["subscriber"] == expected
    assert (await api.run(BY_EMAIL, email="bob@b.example"))["subscriber"] is None
    assert (await api.run(BY_EMAIL, email="no address"))["subscriber"] is None


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"email": "nobody"}, "email", "INVALID"),
        ({"email": " "}, "email", "REQUIRED"),
        ({"email": "a@b.example", "firstName": "x" * 201}, "firstName", "LIMIT_EXCEEDED"),
        ({"email": "a@b.example", "lastName": "a\0b"}, "lastName", "INVALID"),
        ({"email": "a@b.example", "timezone": "Mars"}, "timezone", "INVALID"),
        ({"email": "a@b.example", "locale": "?"}, "locale", "INVALID"),
        ({"email": "a@b.example", "tags": ["x" * 101]}, "tags", "LIMIT_EXCEEDED"),
        ({"email": "a@b.example", "tags": ["a\0"]}, "tags.0", "INVALID"),
        ({"email": "a@b.example", "attributes": ["x"]}, "attributes", "INVALID"),
        ({"email": "a@b.example", "attributes": {"x": ["y"]}}, "attributes.x", "INVALID"),
        ({"email": "a@b.example", "attributes": {"x": None}}, "attributes.x", "INVALID"),
        ({"email": "a@b.example", "attributes": {"x": 10**15}}, "attributes.x", "INVALID"),
        ({"email": "a@b.example", "attributes": {"x": "\0"}}, "attributes.x", "INVALID"),
        ({"email": "a@b.example", "attributes": {" ": 1}}, "attributes. ", "INVALID"),
    ],
)
async def test_wrong_input_names_its_field_and_makes_nobody(
    api: Api, given: dict[str, Any], field: str, code: str
) -> None:
    answer = (await api.run(CREATE, input=given))["createSubscriber"]
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [(field, code)]
    assert answer["subscriber"] is None
    assert await fetchval("SELECT count(*) FROM subscriber") == 0


async def test_an_address_is_taken_once_and_a_refusal_changes_nothing(api: Api) -> None:
    made = await create(api, "a@b.example", firstName="Anna")
    answer = (await api.run(CREATE, input={"email": "A@B.example", "firstName": "Eve"}))[
        "createSubscriber"
    ]
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [
        ("email", "ALREADY_EXISTS")
    ]
    assert (await api.run(BY_ID, id=made["id"]))["subscriber"] == made


async def test_an_update_changes_what_it_names(api: Api) -> None:
    made = await create(
        api, "a@b.example", firstName="Anna", lastName="B", attributes={"age": 41, "plan": "pro"}
    )
    answer = await api.run(
        UPDATE,
        id=made["id"],
        input={
            "email": "ANNE@b.example",
            "lastName": None,
            "attributes": {"age": 42, "plan": None, "city": "Ulm"},
        },
    )
    assert answer["updateSubscriber"] == {
        "errors": [],
        "subscriber": made
        | {
            "email": "anne@b.example",
            "lastName": None,
            "attributes": {"age": 42, "city": "Ulm"},
        },
    }


async def test_nobody_gets_the_address_of_another(api: Api) -> None:
    await create(api, "a@b.example")
    bob = await create(api, "b@b.example")
    answer = (await api.run(UPDATE, id=bob["id"], input={"email": "A@b.example"}))[
        "updateSubscriber"
    ]
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [
        ("email", "ALREADY_EXISTS")
    ]
    assert (await api.run(BY_ID, id=bob["id"]))["subscriber"] == bob


async def test_sequences_hear_of_a_tag_that_is_new_to_a_person(api: Api, session: Session) -> None:
    anna = await create(api, "a@b.example", tags=["old"])
    bob = await create(api, "b@b.example", tags=["vip"])
    sequence_id = await add_sequence(session.workspace_id)
    await listen(session.workspace_id, sequence_id, [(EventKind.TAG_ADDED, "vip")])
    ids = [bob["id"], anna["id"], bob["id"]]
    answer = (await api.run(ADD_TAGS, ids=ids, tags=["vip", "fan"]))["addTags"]
    assert answer["subscribers"] == [
        {"id": bob["id"], "tags": ["vip", "fan"]},
        {"id": anna["id"], "tags": ["old", "vip", "fan"]},
    ]
    await api.run(ADD_TAGS, ids=ids, tags=["vip", "fan"])
    heard = await fetch("SELECT s.email FROM signal g JOIN subscriber s ON s.id = g.subscriber_id")
    assert [row["email"] for row in heard] == ["a@b.example"]
    answer = (await api.run(REMOVE_TAGS, ids=ids, tags=["vip", "none"]))["removeTags"]
    assert [one["tags"] for one in answer["subscribers"]] == [["fan"], ["old", "fan"]]


async def test_who_unsubscribes_is_suppressed_until_they_ask_again(
    api: Api, session: Session
) -> None:
    sequence_id = await add_sequence(session.workspace_id)
    await listen(session.workspace_id, sequence_id, [(EventKind.SUBSCRIBED, "")])
    anna = await create(api, "a@b.example")
    left = (await api.run(UNSUBSCRIBE, id=anna["id"]))["unsubscribeSubscriber"]["subscriber"]
    assert left["status"] == "UNSUBSCRIBED"
    assert left["suppression"] == {"email": "a@b.example", "reason": "UNSUBSCRIBED"}
    back = (await api.run(RESUBSCRIBE, id=anna["id"]))["resubscribeSubscriber"]["subscriber"]
    assert back == anna
    again = (await api.run(RESUBSCRIBE, id=anna["id"]))["resubscribeSubscriber"]
    assert again == {"subscriber": anna, "errors": []}
    assert await fetchval("SELECT count(*) FROM signal") == 2


async def test_who_is_suppressed_for_another_reason_cannot_be_subscribed_again(api: Api) -> None:
    await api.run(SUPPRESS, email="a@b.example")
    anna = await create(api, "a@b.example")
    assert anna["status"] == "UNSUBSCRIBED"
    answer = (await api.run(RESUBSCRIBE, id=anna["id"]))["resubscribeSubscriber"]
    assert [error["code"] for error in answer["errors"]] == ["CONFLICT"]
    assert (await api.run(BY_ID, id=anna["id"]))["subscriber"] == anna


async def test_an_address_is_suppressed_and_the_suppression_lifted(api: Api) -> None:
    first = (await api.run(SUPPRESS, email="A@B.example"))["suppressAddress"]
    assert first["suppression"] == first["suppression"] | {
        "email": "a@b.example",
        "reason": "MANUAL",
    }
    assert (await api.run(SUPPRESS, email="a@b.example"))["suppressAddress"] == first
    lifted = (await api.run(UNSUPPRESS, email="A@b.example"))["unsuppressAddress"]
    assert lifted == {"email": "a@b.example", "errors": []}
    gone = (await api.run(UNSUPPRESS, email="a@b.example"))["unsuppressAddress"]
    assert gone == {"email": None, "errors": [{"field": "email", "code": "NOT_FOUND"}]}
    wrong = (await api.run(SUPPRESS, email="nobody"))["suppressAddress"]
    assert wrong == {"suppression": None, "errors": [{"field": "email", "code": "INVALID"}]}


async def test_pages_follow_each_other_and_filters_narrow_them(api: Api) -> None:
    for number in range(5):
        await create(api, f"p{number}@b.example", tags=["odd"] if number % 2 else [])
    first = (await api.run(LIST, first=2))["subscribers"]
    assert [one["email"] for one in first["nodes"]] == ["p4@b.example", "p3@b.example"]
    assert first["totalCount"] == 5
    assert first["pageInfo"]["hasNextPage"] is True
    rest = (await api.run(LIST, first=3, after=first["pageInfo"]["endCursor"]))["subscribers"]
    assert [one["email"] for one in rest["nodes"]] == [
        "p2@b.example",
        "p1@b.example",
        "p0@b.example",
    ]
    assert rest["pageInfo"]["hasNextPage"] is False

    async def emails(**wanted: str) -> list[str]:
        found = (await api.run(LIST, first=10, filter=wanted))["subscribers"]
        assert found["totalCount"] == len(found["nodes"])
        return [one["email"] for one in found["nodes"]]

    assert await emails(tag="odd") == ["p3@b.example", "p1@b.example"]
    assert await emails(emailPrefix="P2") == ["p2@b.example"]
    assert await emails(emailPrefix="%") == []
    assert await emails(status="UNSUBSCRIBED") == []
    assert await emails(tag="odd", emailPrefix="p1", status="SUBSCRIBED") == ["p1@b.example"]


async def test_another_workspace_finds_and_changes_nobody_here(api: Api, stranger: Api) -> None:
    anna = await create(api, "a@b.example", tags=["vip"])
    await api.run(SUPPRESS, email="c@b.example")
    assert (await stranger.run(BY_ID, id=anna["id"]))["subscriber"] is None
    assert (await stranger.run(BY_EMAIL, email="a@b.example"))["subscriber"] is None
    assert (await stranger.run(LIST, first=10))["subscribers"]["nodes"] == []
    for mutation, given, name in [
        (UPDATE, {"id": anna["id"], "input": {"firstName": "Eve"}}, "updateSubscriber"),
        (UNSUBSCRIBE, {"id": anna["id"]}, "unsubscribeSubscriber"),
        (RESUBSCRIBE, {"id": anna["id"]}, "resubscribeSubscriber"),
        (UNSUPPRESS, {"email": "c@b.example"}, "unsuppressAddress"),
    ]:
        answer = (await stranger.run(mutation, **given))[name]
        assert [error["code"] for error in answer["errors"]] == ["NOT_FOUND"]
    for mutation, name in [(ADD_TAGS, "addTags"), (REMOVE_TAGS, "removeTags")]:
        answer = (await stranger.run(mutation, ids=[anna["id"]], tags=["vip"]))[name]
        assert answer == {"subscribers": [], "errors": []}
    assert (await api.run(BY_ID, id=anna["id"]))["subscriber"] == anna
