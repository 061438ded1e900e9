from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest

from domain.activity.tokens import MessageTokens
from domain.base.database import execute, fetchrow, to_json
from domain.base.settings import Settings
from server.app import create_app
from server.tracking import PIXEL
from tests.conftest import Prepared
from tests.domain.activity.rows import (
    add_enrollment,
    add_messages,
    add_revision,
    add_sequence,
    add_subscriber,
    count,
    events_of,
)
from tests.served import served

SAFARI = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15"
GMAIL = "Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)"
LINKS = [
    "https://example.com/shop?utm_source=mail&x=1#top",
    "javascript:alert(1)",
    "//evil.example.com",
    "https://example.com/später?q=ü",
    "https://example.com/{{ subscriber.attributes.city }}/{{ event.properties.sku }}",
    "{{ subscriber.attributes.site }}",
]


@dataclass(frozen=True)
class Mail:
    """A mail in somebody's hands, and their browser."""

    browser: httpx.AsyncClient
    token: str
    subscriber_id: UUID
    message_id: UUID
    tokens: MessageTokens

    async def get(self, path: str, agent: str = SAFARI, method: str = "GET") -> httpx.Response:
        headers = {"User-Agent": agent}
        return await self.browser.request(method, path.format(self.token), headers=headers)

    async def post(self, path: str, **form: str) -> httpx.Response:
        return await self.browser.post(path.format(self.token), data=form)

    async def stats(self) -> dict[str, int]:
        row = await fetchrow(
            "SELECT opened, machine_opened, clicked, unsubscribed FROM message_rollup"
        )
        return {} if row is None else {name: value for name, value in row.items() if value}

    async def describe(self, event: dict[str, str] | None = None, **attributes: str) -> None:
        """Give the person attributes, and their enrollment what the event that started it told."""
        await execute(
            "UPDATE subscriber SET attributes = $2 WHERE id = $1",
            self.subscriber_id,
            to_json(attributes),
        )
        await add_enrollment(self.message_id, {"properties": {"properties": event or {}}})

    async def status(self) -> tuple[str, bool]:
        """The subscriber's, and whether their address is suppressed."""
        row = await fetchrow(
            """SELECT status, EXISTS (SELECT FROM suppression p WHERE p.email = s.email
                                      AND p.workspace_id = s.workspace_id) AS is_suppressed
               FROM subscriber s WHERE id = $1""",
            self.subscriber_id,
        )
        assert row is not None
        return row["status"], row["is_suppressed"]


@pytest.fixture
async def mail(settings: Settings, prepared: Prepared) -> AsyncIterator[Mail]:
    workspace_id = prepared.ada.workspace_id
    async with (
        served(create_app(settings)) as address,
        httpx.AsyncClient(base_url=f"http://{address}") as browser,
    ):
        subscriber_id = await add_subscriber(workspace_id, "anna.smith@example.com")
        sequence_id = await add_sequence(workspace_id)
        revision_id = await add_revision(workspace_id, LINKS)
        (message_id,) = await add_messages(workspace_id, subscriber_id, revision_id, sequence_id)
        tokens = MessageTokens(settings.secret_key)
        yield Mail(
            browser, tokens.issue(message_id, workspace_id), subscriber_id, message_id, tokens
        )


async def test_the_pixel_is_a_gif_that_is_never_kept_and_counts_an_open(mail: Mail) -> None:
    answer = await mail.get("/o/{}.gif")
    assert (answer.status_code, answer.content) == (200, PIXEL)
    assert answer.headers["content-type"] == "image/gif"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert await mail.stats() == {"opened": 1}


async def test_a_mail_services_image_proxy_counts_as_a_machine(mail: Mail) -> None:
    await mail.get("/o/{}.gif", GMAIL)
    assert await mail.stats() == {"machine_opened": 1}
    assert await events_of(mail.subscriber_id) == [("opened", "opened", "proxy")]


async def test_a_link_leads_where_its_template_says(mail: Mail) -> None:
    answer = await mail.get("/c/{}/1")
    assert answer.status_code == 302
    assert answer.headers["location"] == LINKS[0]
    assert answer.headers["cache-control"] == "no-store"
    assert await mail.stats() == {"clicked": 1}


async def test_a_link_with_letters_beyond_ascii_leads_there_encoded(mail: Mail) -> None:
    answer = await mail.get("/c/{}/4")
    assert answer.headers["location"] == "https://example.com/sp%C3%A4ter?q=%C3%BC"


async def test_a_link_with_liquid_leads_where_it_leads_for_this_person(mail: Mail) -> None:
    await mail.describe(city="Köln am Rhein", event={"sku": "CD-1?x"})
    answer = await mail.get("/c/{}/5")
    assert answer.headers["location"] == "https://example.com/K%C3%B6ln%20am%20Rhein/CD-1?x"


@pytest.mark.parametrize(
    "site", ["javascript:alert(1)", "https:evil", "/evil", "ftp://example.com", "", "a\r\nb"]
)
async def test_a_persons_own_address_is_led_to_only_on_the_web(mail: Mail, site: str) -> None:
    await mail.describe(site=site)
    answer = await mail.get("/c/{}/6")
    assert (answer.status_code, "location" in answer.headers) == (404, False)


async def test_a_link_whose_value_is_gone_is_a_click_that_leads_nowhere(mail: Mail) -> None:
    answer = await mail.get("/c/{}/5")
    assert (answer.status_code, "location" in answer.headers) == (404, False)
    assert await mail.stats() == {"clicked": 1}


async def test_a_head_of_a_link_answers_like_a_click_but_is_a_scanners(mail: Mail) -> None:
    answer = await mail.get("/c/{}/1", method="HEAD")
    assert (answer.status_code, answer.headers["location"]) == (302, LINKS[0])
    assert await mail.stats() == {}
    assert await events_of(mail.subscriber_id) == [("clicked", "clicked", "scanner")]


@pytest.mark.parametrize("number", ["2", "3"])
async def test_only_web_addresses_are_led_to(mail: Mail, number: str) -> None:
    answer = await mail.get(f"/c/{{}}/{number}")
    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "number", ["7", "0", "-1", "9999", "01", "1e3", "٣", "9" * 5_000, "https://evil.example.com"]
)
async def test_a_link_number_that_the_mail_has_not_is_not_found(mail: Mail, number: str) -> None:
    answer = await mail.get(f"/c/{{}}/{number}")
    assert (answer.status_code, "location" in answer.headers) == (404, False)
    assert await count("event") == 0


@pytest.mark.parametrize("path", ["/o/{}.gif", "/c/{}/1", "/u/{}"])
async def test_a_token_that_was_tampered_with_is_not_found(mail: Mail, path: str) -> None:
    forged = mail.token[:-1] + ("A" if mail.token[-1] != "A" else "B")
    for token in (forged, mail.token[:-1], mail.token + "A", "x", "%00", "%2e%2e"):
        answer = await mail.browser.get(path.format(token))
        assert (answer.status_code, "location" in answer.headers) == (404, False)
    assert (await mail.browser.post(f"/u/{forged}")).status_code == 404
    assert await mail.status() == ("subscribed", False)
    assert await count("event") == 0


async def test_of_a_mail_that_was_deleted_only_the_pixel_still_answers(mail: Mail) -> None:
    await execute("DELETE FROM message WHERE id = $1", mail.message_id)
    assert (await mail.get("/o/{}.gif")).content == PIXEL
    assert (await mail.get("/c/{}/1")).status_code == 404
    assert (await mail.get("/u/{}")).status_code == 404
    assert (await mail.post("/u/{}")).status_code == 404
    assert await mail.status() == ("subscribed", False)


async def test_looking_at_the_unsubscribe_page_never_unsubscribes(mail: Mail) -> None:
    for method in ("GET", "HEAD"):
        answer = await mail.get("/u/{}", method=method)
        assert answer.status_code == 200
    answer = await mail.get("/u/{}")
    assert await mail.status() == ("subscribed", False)
    assert await mail.stats() == {}
    assert "Unsubscribe?" in answer.text
    assert "a•••@example.com" in answer.text
    assert "anna" not in answer.text
    assert "Ada&#x27;s shop" in answer.text
    assert '<form method="post">' in answer.text


async def test_the_page_may_load_nothing_and_be_framed_by_no_one(mail: Mail) -> None:
    answer = await mail.get("/u/{}")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert policy.endswith("form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers
    assert "<script" not in answer.text


async def test_one_click_unsubscribes_at_once_without_cookie_or_redirect(mail: Mail) -> None:
    answer = await mail.post("/u/{}", **{"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text
    assert "set-cookie" not in answer.headers
    assert await mail.status() == ("unsubscribed", True)
    assert await mail.stats() == {"unsubscribed": 1}
    assert await events_of(mail.subscriber_id) == [("unsubscribed", "unsubscribed", "human")]


async def test_unsubscribing_twice_is_unsubscribing_once(mail: Mail) -> None:
    await mail.post("/u/{}")
    row = await fetchrow("SELECT unsubscribed_at, updated_at FROM subscriber")
    answer = await mail.post("/u/{}")
    assert (answer.status_code, "You are unsubscribed" in answer.text) == (200, True)
    assert await fetchrow("SELECT unsubscribed_at, updated_at FROM subscriber") == row
    assert (await mail.stats(), await count("suppression")) == ({"unsubscribed": 1}, 1)
    assert "You are unsubscribed" in (await mail.get("/u/{}")).text


async def test_who_complained_stays_so_when_unsubscribing(mail: Mail) -> None:
    await execute("UPDATE subscriber SET status = 'complained'")
    await mail.post("/u/{}")
    assert await mail.status() == ("complained", True)


@pytest.mark.parametrize("path", ["/o/{}.gif", "/c/{}/1"])
async def test_a_post_to_what_is_only_looked_at_is_not_allowed(mail: Mail, path: str) -> None:
    assert (await mail.post(path)).status_code == 405


async def test_what_cannot_be_recorded_is_not_acknowledged(mail: Mail) -> None:
    await execute("ALTER TABLE event RENAME TO event_away")
    try:
        answers = [
            await mail.get("/o/{}.gif"),
            await mail.get("/c/{}/1"),
            await mail.post("/u/{}"),
        ]
    finally:
        await execute("ALTER TABLE event_away RENAME TO event")
    assert [one.status_code for one in answers] == [503, 503, 503]
    assert [one.headers["retry-after"] for one in answers] == ["5", "5", "5"]
    assert await mail.status() == ("subscribed", False)
    assert await mail.stats() == {}
    assert (await mail.get("/c/{}/1")).status_code == 302
