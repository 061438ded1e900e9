import asyncio

import pytest

from tests.api_client import Api

SIGN_UP = """mutation ($input: SignUpInput!) {
  signUp(input: $input) {
    session { accessToken refreshToken expiresAt }
    errors { field message code }
  }
}"""
SIGN_IN = """mutation ($email: String!, $password: String!) {
  signIn(email: $email, password: $password) {
    session { accessToken } errors { field message code }
  }
}"""
REFRESH = """mutation ($token: String!) {
  refreshSession(refreshToken: $token) {
    session { accessToken refreshToken } errors { code }
  }
}"""
VIEWER = "{ viewer { user { email } workspace { name } role access } }"


def grace(**changes: str) -> dict[str, str]:
    given = {
        "email": "Grace@Example.com",
        "password": "correct horse battery",
        "name": "Grace",
        "workspaceName": "Navy",
    }
    return given | changes


async def test_sign_up_makes_an_owner_of_a_new_workspace(api: Api) -> None:
    answer = await api.as_nobody().run(SIGN_UP, input=grace())
    token = answer["signUp"]["session"]["accessToken"]
    assert await api.with_token(token).run(VIEWER) == {
        "viewer": {
            "user": {"email": "grace@example.com"},
            "workspace": {"name": "Navy"},
            "role": "OWNER",
            "access": ["MANAGE", "READ", "TRACK", "WRITE"],
        }
    }


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"email": "not an address"}, "email", "INVALID"),
        ({"email": "ada@example.com"}, "email", "ALREADY_EXISTS"),
        ({"password": "short"}, "password", "INVALID"),
        ({"password": "x" * 201}, "password", "INVALID"),
        ({"name": "  "}, "name", "REQUIRED"),
        ({"workspaceName": "a\nb"}, "workspaceName", "INVALID"),
    ],
)
async def test_sign_up_names_the_input_at_fault(
    api: Api, changes: dict[str, str], field: str, code: str
) -> None:
    payload = (await api.as_nobody().run(SIGN_UP, input=grace(**changes)))["signUp"]
    assert payload["session"] is None
    assert [(error["field"], error["code"]) for error in payload["errors"]] == [(field, code)]


async def test_a_wrong_password_and_an_unknown_address_answer_alike(api: Api) -> None:
    wrong = await api.as_nobody().run(SIGN_IN, email="ada@example.com", password="wrong wrong")
    unknown = await api.as_nobody().run(SIGN_IN, email="no@example.com", password="wrong wrong")
    assert wrong == unknown
    assert wrong["signIn"]["errors"][0]["code"] == "UNAUTHENTICATED"


async def test_sign_in_ignores_the_case_of_the_address(api: Api) -> None:
    answer = await api.run(SIGN_IN, email="ADA@example.com", password="correct horse battery")
    assert answer["signIn"]["errors"] == []


async def test_a_refresh_token_used_twice_ends_the_whole_session(api: Api) -> None:
    first = (await api.run(SIGN_UP, input=grace()))["signUp"]["session"]["refreshToken"]
    second = (await api.run(REFRESH, token=first))["refreshSession"]["session"]["refreshToken"]
    again = await api.run(REFRESH, token=first)
    assert again["refreshSession"] == {"session": None, "errors": [{"code": "UNAUTHENTICATED"}]}
    after = await api.run(REFRESH, token=second)
    assert after["refreshSession"]["session"] is None


async def test_a_refresh_token_used_in_parallel_works_at_most_once(api: Api) -> None:
    token = (await api.run(SIGN_UP, input=grace()))["signUp"]["session"]["refreshToken"]
    answers = await asyncio.gather(*(api.run(REFRESH, token=token) for _ in range(8)))
    sessions = [answer["refreshSession"]["session"] for answer in answers]
    assert sum(session is not None for session in sessions) == 1


async def test_signing_out_ends_the_refresh_token(api: Api) -> None:
    token = (await api.run(SIGN_UP, input=grace()))["signUp"]["session"]["refreshToken"]
    await api.run(
        "mutation ($t: String!) { signOut(refreshToken: $t) { errors { code } } }", t=token
    )
    assert (await api.run(REFRESH, token=token))["refreshSession"]["session"] is None


CREATE_KEY = """mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { secret apiKey { id prefix scopes } errors { field code } }
}"""


async def test_an_api_key_may_do_what_its_scopes_say_and_no_more(api: Api) -> None:
    made = (await api.run(CREATE_KEY, input={"name": "Shop", "scopes": ["READ"]}))["createApiKey"]
    machine = api.with_token(made["secret"])
    assert made["apiKey"]["prefix"] == made["secret"][:11]
    seen = await machine.run(VIEWER)
    assert seen["viewer"] == {
        "user": None,
        "workspace": {"name": "Ada's shop"},
        "role": None,
        "access": ["READ"],
    }
    refused = await machine.errors(CREATE_KEY, input={"name": "More", "scopes": ["MANAGE"]})
    assert [error["extensions"]["code"] for error in refused] == ["FORBIDDEN"]


async def test_a_revoked_api_key_is_refused_where_it_was_not_just_used(api: Api) -> None:
    made = (await api.run(CREATE_KEY, input={"name": "Shop", "scopes": ["READ"]}))["createApiKey"]
    revoke = "mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { revokedAt } } }"
    assert (await api.run(revoke, id=made["apiKey"]["id"]))["revokeApiKey"]["apiKey"]["revokedAt"]
    response = await api.with_token(made["secret"]).post(VIEWER)
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_key_without_scopes_is_refused(api: Api) -> None:
    made = (await api.run(CREATE_KEY, input={"name": "Shop", "scopes": []}))["createApiKey"]
    assert made["errors"] == [{"field": "scopes", "code": "INVALID"}]


ADD = """mutation ($input: AddMemberInput!) {
  addMember(input: $input) { member { id role email } errors { field code } }
}"""
CHANGE = """mutation ($id: ID!, $role: Role!) {
  changeRole(id: $id, role: $role) { member { role } errors { field code } }
}"""


async def test_a_viewer_may_read_and_not_manage(api: Api) -> None:
    colleague = {
        "email": "bob@example.com",
        "name": "Bob",
        "password": "long enough",
        "role": "VIEWER",
    }
    added = (await api.run(ADD, input=colleague))["addMember"]
    assert added["errors"] == []
    session = await api.run(SIGN_IN, email="bob@example.com", password="long enough")
    bob = api.with_token(session["signIn"]["session"]["accessToken"])
    assert (await bob.run("{ members { email role } }"))["members"] == [
        {"email": "ada@example.com", "role": "OWNER"},
        {"email": "bob@example.com", "role": "VIEWER"},
    ]
    refused = await bob.errors(CHANGE, id=added["member"]["id"], role="OWNER")
    assert refused[0]["extensions"]["code"] == "FORBIDDEN"


async def test_only_an_owner_makes_owners_or_takes_that_from_one(api: Api) -> None:
    colleague = {"email": "bob@example.com", "name": "Bob", "password": "long enough"}
    bob_id = (await api.run(ADD, input={**colleague, "role": "ADMIN"}))["addMember"]["member"]["id"]
    session = await api.run(SIGN_IN, email="bob@example.com", password="long enough")
    bob = api.with_token(session["signIn"]["session"]["accessToken"])
    (ada, _) = (await bob.run("{ members { id role } }"))["members"]
    key = await api.run(CREATE_KEY, input={"name": "Shop", "scopes": ["READ", "MANAGE"]})
    machine = api.with_token(key["createApiKey"]["secret"])
    for one in (bob, machine):
        for refused in (
            await one.errors(CHANGE, id=bob_id, role="OWNER"),
            await one.errors(CHANGE, id=ada["id"], role="VIEWER"),
            await one.errors(ADD, input={**colleague, "email": "c@example.com", "role": "OWNER"}),
        ):
            assert [error["extensions"]["code"] for error in refused] == ["FORBIDDEN"]
    assert [one["role"] for one in (await api.run("{ members { role } }"))["members"]] == [
        "OWNER",
        "ADMIN",
    ]
    promoted = (await api.run(CHANGE, id=bob_id, role="OWNER"))["changeRole"]
    assert promoted == {"member": {"role": "OWNER"}, "errors": []}


async def test_the_last_owner_stays(api: Api) -> None:
    (ada,) = (await api.run("{ members { id } }"))["members"]
    changed = (await api.run(CHANGE, id=ada["id"], role="VIEWER"))["changeRole"]
    assert changed == {"member": None, "errors": [{"field": "role", "code": "CONFLICT"}]}


async def test_workspace_settings_change_one_by_one(api: Api) -> None:
    update = """mutation ($input: UpdateWorkspaceInput!) {
      updateWorkspace(input: $input) {
        workspace { name fromEmail onUnknown } errors { field code }
      }
    }"""
    changed = await api.run(
        update, input={"fromEmail": "Hello@Shop.example", "onUnknown": "RESEND"}
    )
    assert changed["updateWorkspace"] == {
        "workspace": {
            "name": "Ada's shop",
            "fromEmail": "hello@shop.example",
            "onUnknown": "RESEND",
        },
        "errors": [],
    }
    refused = await api.run(update, input={"fromEmail": "nonsense"})
    assert refused["updateWorkspace"]["errors"] == [{"field": "fromEmail", "code": "INVALID"}]
