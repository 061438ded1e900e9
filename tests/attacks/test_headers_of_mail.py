"""Values with line breaks in them, wherever a value may end in the head of a mail."""

from email import message_from_bytes, policy

import httpx
import pytest

from domain.base.database import execute, to_json
from domain.delivery.claim import Claimed
from domain.delivery.composing import Composer
from domain.identity.accounts import Session
from tests.domain.delivery.shop import Shop, open_shop
from tests.domain.delivery.test_composing import COMPOSER, TOKENS, claim_one

INJECTED = "Bcc: eve@evil.example"
BREAKS = ["\r\n", "\n", "\r", "\r\n\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\n "]
SUBJECT = "Hello {{ subscriber.first_name }} of {{ subscriber.attributes.city }}"


@pytest.fixture
async def shop(session: Session) -> Shop:
    return await open_shop(session.workspace_id, SUBJECT)


async def headers_of(claimed: Claimed) -> list[str]:
    """The names of the headers of a mail."""
    compose = await Composer(TOKENS, **COMPOSER).prepare([claimed])
    body = compose(claimed).body
    # Whatever a reader takes for the end of a line, in the bytes themselves.
    lines = body.replace(b"\r", b"\n").split(b"\n")
    assert not any(line.lower().startswith(b"bcc") for line in lines)
    message = message_from_bytes(body, policy=policy.default)
    assert message["To"].addresses[0].addr_spec == claimed.email
    return message.keys()


async def test_no_value_makes_a_header_of_its_own(shop: Shop) -> None:
    claimed = (await claim_one(shop))._replace(
        first_name="Ann", last_name="Lee", attributes=to_json({"city": "Bath"})
    )
    usual = await headers_of(claimed)
    for between in BREAKS:
        hostile = f"Ann{between}{INJECTED}"
        assert await headers_of(claimed._replace(first_name=hostile)) == usual
        assert await headers_of(claimed._replace(last_name=hostile)) == usual
        assert await headers_of(claimed._replace(attributes=to_json({"city": hostile}))) == usual
        await execute(
            "UPDATE workspace SET from_name = $2, from_email = 'shop@example.com' WHERE id = $1",
            shop.workspace_id,
            hostile,
        )
        assert await headers_of(claimed) == usual


UPDATE = """mutation ($input: UpdateWorkspaceInput!) { updateWorkspace(input: $input) {
  errors { field code } } }"""
CREATE = """mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) {
  template { revision { subject } } errors { field code } } }"""


@pytest.mark.parametrize("between", BREAKS)
async def test_names_and_addresses_with_a_line_break_are_not_taken(
    target: httpx.AsyncClient, session: Session, between: str
) -> None:
    async def fields(**given: str) -> list[dict[str, str]]:
        answer = await target.post(
            "/graphql",
            json={"query": UPDATE, "variables": {"input": given}},
            headers={"Authorization": f"Bearer {session.tokens.access_token}"},
        )
        found: list[dict[str, str]] = answer.json()["data"]["updateWorkspace"]["errors"]
        return found

    invalid = [{"field": "fromName", "code": "INVALID"}]
    assert await fields(fromName=f"Shop{between}{INJECTED}") == invalid
    assert await fields(fromEmail=f"a@example.com{between}{INJECTED}") == [
        {"field": "fromEmail", "code": "INVALID"}
    ]
