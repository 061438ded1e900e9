from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID, uuid4

import pytest

from domain.activity.tokens import MessageReference, MessageTokens
from domain.base.database import execute
from domain.base.errors import DomainError
from domain.delivery.claim import Claimed, claim_batch
from domain.delivery.composing import Composer, UnreadableRevisionError
from domain.delivery.messages import insert_messages
from tests.domain.delivery.shop import Shop, open_shop

TOKENS = MessageTokens("a secret of the tests, long enough to be taken")
COMPOSER = {"public_url": "https://mail.example.com", "mail_from": "Dripgraph <hi@drip.example>"}


async def claim_one(shop: Shop) -> Claimed:
    await shop.add_people(["ann@example.com"])
    await insert_messages([shop.message(len(shop.people) - 1)], shop.at)
    claimed = await claim_batch(shop.at, uuid4())
    assert claimed is not None
    return claimed[-1]


async def composed(claimed: Claimed) -> tuple[str, EmailMessage]:
    compose = await Composer(TOKENS, **COMPOSER).prepare([claimed])
    outgoing = compose(claimed)
    assert outgoing.message_id == claimed.message_id
    assert outgoing.recipient == claimed.email
    message = message_from_bytes(outgoing.body, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return outgoing.sender, message


def text_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


async def test_a_mail_is_made_for_its_person(shop: Shop) -> None:
    claimed = await claim_one(shop)
    named = claimed._replace(first_name="Ann", last_name="Lee", timezone="Asia/Tokyo")
    sender, message = await composed(named)
    assert sender == "hi@drip.example"
    assert message["From"] == "Dripgraph <hi@drip.example>"
    assert message["To"] == "Ann Lee <ann@example.com>"
    assert message["Subject"] == "Hello ann@example.com"
    assert message["Message-ID"] == f"<{claimed.message_id}@drip.example>"
    assert message["Date"].datetime.utcoffset() == timedelta(hours=9)
    assert "Hello ann@example.com" in text_of(message, "html")
    assert "Hello ann@example.com" in text_of(message, "plain")


async def test_all_links_carry_the_messages_token(shop: Shop) -> None:
    claimed = await claim_one(shop)
    _, message = await composed(claimed)
    token = TOKENS.issue(claimed.message_id, claimed.workspace_id)
    assert TOKENS.read(token) == MessageReference(claimed.message_id, claimed.workspace_id)
    assert message["List-Unsubscribe"] == f"<https://mail.example.com/u/{token}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    html = text_of(message, "html")
    assert f'href="https://mail.example.com/c/{token}/1"' in html
    assert f'href="https://mail.example.com/u/{token}"' in html
    assert f'src="https://mail.example.com/o/{token}.gif"' in html
    assert "shop.example" not in html


async def test_a_workspace_mails_in_its_own_name(shop: Shop) -> None:
    await execute(
        "UPDATE workspace SET from_name = 'The Shop', from_email = 'us@shop.example' WHERE id = $1",
        shop.workspace_id,
    )
    sender, message = await composed(await claim_one(shop))
    assert sender == "us@shop.example"
    assert message["From"] == "The Shop <us@shop.example>"


async def test_the_event_that_began_it_is_at_hand(session_workspace: UUID) -> None:
    shop = await open_shop(session_workspace, "Order {{ event.number }}", "<p>Thanks</p>")
    claimed = await claim_one(shop)
    await execute("""UPDATE enrollment SET trigger = '{"properties": {"number": 17}}'""")
    _, message = await composed(claimed)
    assert message["Subject"] == "Order 17"


async def test_a_revision_that_cannot_be_read_keeps_only_its_own_messages(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    other = await open_shop(shop.workspace_id)
    await shop.add_people(["ann@example.com"])
    await other.add_people(["bob@example.com"])
    await insert_messages([shop.message(0), other.message(0)], shop.at)
    await execute("UPDATE template_revision SET compiled = '{}' WHERE id = $1", shop.revision_id)
    claimed = await claim_batch(shop.at, uuid4())
    assert claimed is not None
    by_email = {one.email: one for one in claimed}
    composer = Composer(TOKENS, **COMPOSER)
    compose = await composer.prepare(claimed)
    assert compose(by_email["bob@example.com"]).recipient == "bob@example.com"
    with pytest.raises(UnreadableRevisionError):
        compose(by_email["ann@example.com"])
    assert f"revision {shop.revision_id} cannot be read" in caplog.text


async def test_a_value_that_is_missing_fails_that_message_only(session_workspace: UUID) -> None:
    body = "<p>{{ subscriber.attributes.plan }}</p>"
    shop = await open_shop(session_workspace, "Hello", body)
    claimed = await claim_one(shop)
    compose = await Composer(TOKENS, **COMPOSER).prepare([claimed])
    with pytest.raises(DomainError, match=r"line 1: .*subscriber\.attributes\.plan"):
        compose(claimed)
    assert compose(claimed._replace(attributes='{"plan": "gold"}')).body
