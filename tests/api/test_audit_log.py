"""What the audit log tells, of whom, and to whom."""

from typing import Any

import httpx

from domain.audience.rejected_rows import rejected_rows_token
from domain.base import database as db
from domain.base.clock import now
from domain.base.settings import Settings
from domain.identity.accounts import Session
from domain.identity.audit_proof import prove
from schema.base.node import decode_id
from tests.api_client import Api

LOG = """query ($first: Int! = 20, $after: String) { auditLog(first: $first, after: $after) {
  nodes { number action user { email } apiKey { name } targetId details }
  pageInfo { hasNextPage endCursor }
} }"""


async def log_of(api: Api) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await api.run(LOG))["auditLog"]["nodes"]
    return nodes


CREATE_KEY = """mutation ($scopes: [Access!]!) {
  createApiKey(input: { name: "Shop", scopes: $scopes }) { secret apiKey { id prefix } }
}"""
REVOKE_KEY = "mutation ($id: ID!) { revokeApiKey(id: $id) { errors { code } } }"
ADD = """mutation { addMember(input: { email: "bob@example.com", name: "Bob",
  password: "long enough", role: VIEWER }) { member { id } } }"""
CHANGE = """mutation ($id: ID!, $role: Role!) {
  changeRole(id: $id, role: $role) { errors { code } }
}"""
ADA = {"email": "ada@example.com"}


async def test_each_change_of_power_is_told_once_with_who_made_it(
    api: Api, session: Session
) -> None:
    made = (await api.run(CREATE_KEY, scopes=["MANAGE", "READ"]))["createApiKey"]
    machine = api.with_token(made["secret"])
    bob = (await machine.run(ADD))["addMember"]["member"]["id"]
    for role in ("EDITOR", "EDITOR"):
        await api.run(CHANGE, id=bob, role=role)
    for _ in range(2):
        await api.run(REVOKE_KEY, id=made["apiKey"]["id"])
    key = {"name": "Shop"}
    prefix = made["apiKey"]["prefix"]
    assert await log_of(api) == [
        {
            "number": 4,
            "action": "API_KEY_REVOKED",
            "user": ADA,
            "apiKey": None,
            "targetId": made["apiKey"]["id"],
            "details": {"name": "Shop", "prefix": prefix},
        },
        {
            "number": 3,
            "action": "ROLE_CHANGED",
            "user": ADA,
            "apiKey": None,
            "targetId": bob,
            "details": {"from": "viewer", "to": "editor"},
        },
        {
            "number": 2,
            "action": "MEMBER_ADDED",
            "user": None,
            "apiKey": key,
            "targetId": bob,
            "details": {"role": "viewer"},
        },
        {
            "number": 1,
            "action": "API_KEY_CREATED",
            "user": ADA,
            "apiKey": None,
            "targetId": made["apiKey"]["id"],
            "details": {
                "name": "Shop",
                "prefix": prefix,
                "scopes": ["manage", "read"],
                "expires_at": None,
            },
        },
    ]
    assert (await prove(session.workspace_id)).broken is None


async def test_the_log_never_holds_a_secret(api: Api) -> None:
    made = (await api.run(CREATE_KEY, scopes=["READ"]))["createApiKey"]
    (details,) = await db.fetch("SELECT details FROM audit_entry")
    assert made["secret"][12:] not in details["details"]


async def test_a_refused_change_is_not_told(api: Api) -> None:
    (ada,) = (await api.run("{ members { id } }"))["members"]
    await api.run(CHANGE, id=ada["id"], role="VIEWER")
    await api.run(CREATE_KEY, scopes=[])
    assert await log_of(api) == []


PUBLISH = """mutation ($id: ID!) { publishSequence(id: $id, revision: 1) { errors { code } } }"""
CREATE_SEQUENCE = """mutation { createSequence(input: { name: "Welcome", draft: {
  triggers: [{ manual: true }], steps: [{ exit: { key: "end" } }] } }) { sequence { id } } }"""


async def test_a_publication_is_told_once(api: Api) -> None:
    sequence = (await api.run(CREATE_SEQUENCE))["createSequence"]["sequence"]["id"]
    for _ in range(2):
        assert (await api.run(PUBLISH, id=sequence))["publishSequence"] == {"errors": []}
    (entry,) = await log_of(api)
    assert (entry["action"], entry["targetId"], entry["user"]) == (
        "SEQUENCE_PUBLISHED",
        sequence,
        ADA,
    )
    assert entry["details"] == {"name": "Welcome", "version": 1}


async def test_a_download_is_told_as_a_link_s(
    api: Api, settings: Settings, session: Session
) -> None:
    uploaded: httpx.Response = await api.upload(
        "mutation ($file: Upload!) { importSubscribers(file: $file) { job { id } } }",
        {"file": ("people.csv", b"email\nx@example.com\n")},
    )
    job = uploaded.json()["data"]["importSubscribers"]["job"]["id"]
    token = rejected_rows_token(
        settings.secret_key, session.workspace_id, decode_id("Job", job), now()
    )
    assert (await api.client.get(f"/download/{token}")).status_code == 200
    assert await log_of(api) == [
        {
            "number": 1,
            "action": "DATA_EXPORTED",
            "user": None,
            "apiKey": None,
            "targetId": job,
            "details": {"rows": 0},
        }
    ]


async def test_only_who_manages_may_read_it_and_only_their_own(api: Api, stranger: Api) -> None:
    made = (await api.run(CREATE_KEY, scopes=["READ", "WRITE"]))["createApiKey"]
    refused = await api.with_token(made["secret"]).errors(LOG)
    assert [error["extensions"]["code"] for error in refused] == ["FORBIDDEN"]
    assert await log_of(stranger) == []


async def test_it_is_paged_newest_first(api: Api) -> None:
    for _ in range(3):
        await api.run(CREATE_KEY, scopes=["READ"])
    page = (await api.run(LOG, first=2))["auditLog"]
    assert [node["number"] for node in page["nodes"]] == [3, 2]
    assert page["pageInfo"]["hasNextPage"] is True
    rest = (await api.run(LOG, first=2, after=page["pageInfo"]["endCursor"]))["auditLog"]
    assert [node["number"] for node in rest["nodes"]] == [1]


async def test_no_field_adds_a_statement_per_entry(api: Api, statements: list[str]) -> None:
    for _ in range(3):
        await api.run(CREATE_KEY, scopes=["READ"])
    statements.clear()
    await api.run(LOG)
    # The page, and those of the people who are in it.
    assert len(statements) == 2
