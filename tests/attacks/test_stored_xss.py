"""Text that strangers write, and that a page of ours shows, stays text: in a real browser."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from domain.activity.tokens import MessageTokens
from domain.base.database import execute
from domain.base.settings import Settings
from server.app import create_app
from server.mailbox import Mailbox
from tests.browser.conftest import Watched, chromium, serve, tab
from tests.conftest import Prepared
from tests.domain.activity.rows import add_messages, add_revision, add_subscriber
from tests.served import served

__all__ = ["chromium", "serve", "tab"]
pytestmark = pytest.mark.browser

HOSTILE = (
    "'\"><img src=x onerror=window.pwned=1><svg onload=window.pwned=1>"
    "</script><script>window.pwned=1</script><a href=javascript:window.pwned=1>x</a>{{7*7}}${7*7}"
)
ANSWER = ".graphiql-response .view-lines"
EDITOR = ".graphiql-query-editor .view-lines"


async def assert_nothing_ran(page: Page) -> None:
    """And no element came of the text, whether it ran or was stopped."""
    assert await page.evaluate("typeof window.pwned") == "undefined"
    assert await page.locator("[onerror], [onload], [href^=javascript]").count() == 0


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[Mailbox]:
    mailbox = Mailbox(tmp_path)
    await mailbox.start()
    yield mailbox
    await mailbox.stop()


def hostile_mail() -> bytes:
    """A mail whose every visible part is hostile, written by hand as no library would."""
    return "\r\n".join(
        [
            f"From: {HOSTILE} <shop@shop.test>",
            f"To: {HOSTILE} <ann@example.com>",
            f"Subject: {HOSTILE}",
            f"X-Note: {HOSTILE}",
            "X-<script>window.pwned=1</script>: x",
            f"Message-ID: <{HOSTILE}@shop.test>",
            'Content-Type: multipart/mixed; boundary="b"',
            "MIME-Version: 1.0",
            "",
            "--b",
            "Content-Type: text/plain; charset=utf-8",
            "",
            HOSTILE,
            "--b",
            "Content-Type: text/html; charset=utf-8",
            "",
            f"<p id=seen>seen</p>{HOSTILE}<base href=//evil.example>",
            "<meta http-equiv=refresh content='0;url=javascript:1'>",
            "<iframe srcdoc='<script>top.pwned=1</script>'></iframe>",
            "--b",
            "Content-Type: text/html",
            'Content-Disposition: attachment; filename="<img src=x onerror=window.pwned=1>.html"',
            "",
            "<script>window.pwned=1</script>",
            "--b--",
            "",
        ]
    ).encode()


async def test_the_mailbox_shows_hostile_mail_and_runs_nothing(
    mailbox: Mailbox, tab: Watched
) -> None:
    def send() -> None:
        with smtplib.SMTP("127.0.0.1", mailbox.smtp_port) as client:
            client.sendmail("shop@shop.test", ["ann@example.com"], hostile_mail())

    await asyncio.to_thread(send)
    page = tab.page
    (mail,) = mailbox.messages()
    await page.goto(f"{mailbox.url}/#{mail.id}")
    await expect(page.frame_locator("iframe").locator("#seen")).to_have_text("seen")
    await assert_nothing_ran(page)
    for name in ("Text", "Headers", "Source"):
        await page.get_by_role("tab", name=name).click()
        await expect(page.locator("#panel")).to_contain_text("window.pwned=1")
        await assert_nothing_ran(page)
    await page.get_by_role("searchbox").fill(HOSTILE)
    await expect(page.get_by_role("status")).to_have_text("1 mail found")
    await assert_nothing_ran(page)
    # What the mail brought was stopped in its frame, and the browser says so.
    stopped = ("error: Blocked script execution in", "error: Refused to refresh")
    assert tab.console
    assert [line for line in tab.console if not line.startswith(stopped)] == []
    tab.console.clear()


async def test_the_unsubscribe_page_shows_hostile_names_and_runs_nothing(
    tab: Watched, prepared: Prepared, settings: Settings
) -> None:
    workspace_id = prepared.ada.workspace_id
    page = tab.page
    async with served(create_app(settings)) as address:
        await execute("UPDATE workspace SET name = $2 WHERE id = $1", workspace_id, HOSTILE)
        person = await add_subscriber(workspace_id, f"<{HOSTILE}@{HOSTILE}")
        revision = await add_revision(workspace_id, [])
        (message,) = await add_messages(workspace_id, person, revision)
        token = MessageTokens(settings.secret_key).issue(message, workspace_id)
        await page.goto(f"http://{address}/u/{token}")
        await expect(page.locator("main")).to_contain_text(HOSTILE)
        await assert_nothing_ran(page)
        await page.get_by_role("button", name="Unsubscribe").click()
        await expect(page.get_by_role("heading")).to_have_text("You are unsubscribed")
        await expect(page.locator("main")).to_contain_text(HOSTILE)
        await assert_nothing_ran(page)
        assert tab.console == []
        await page.goto(f"http://{address}/u/{HOSTILE.replace('/', '')}")
        await expect(page.get_by_role("heading")).to_have_text("This link leads nowhere")
        await assert_nothing_ran(page)
        assert ["404" in line for line in tab.console] == [True]
        tab.console.clear()
        await page.close()


async def test_graphiql_shows_hostile_names_and_answers_and_runs_nothing(
    tab: Watched, prepared: Prepared, settings: Settings
) -> None:
    page = tab.page
    async with served(create_app(settings)) as address:
        await execute(
            "UPDATE workspace SET name = $2, is_demo = true WHERE id = $1",
            prepared.ada.workspace_id,
            HOSTILE,
        )
        await page.goto(f"http://{address}/graphql")
        await expect(page.locator(EDITOR)).to_be_visible()
        await expect(page.get_by_text(HOSTILE)).to_be_visible()
        await assert_nothing_ran(page)
        await page.locator(".graphiql-query-editor").first.click()
        await page.keyboard.press("Control+a")
        # The editor closes brackets by itself.
        await page.keyboard.insert_text("{ viewer { workspace { name")
        await page.keyboard.press("Escape")
        await page.locator(".graphiql-execute-button").click()
        await expect(page.locator(ANSWER)).to_contain_text("window.pwned=1")
        await assert_nothing_ran(page)
        await page.close()
