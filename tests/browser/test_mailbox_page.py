import asyncio
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.async_api import expect

from server.mailbox import Mailbox
from tests.browser.conftest import Watched

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>'


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[Mailbox]:
    mailbox = Mailbox(tmp_path)
    await mailbox.start()
    yield mailbox
    await mailbox.stop()


async def deliver(
    mailbox: Mailbox, subject: str, html: str, *, to: str = "ann@example.com"
) -> None:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "The Shop <shop@shop.test>"
    message["To"] = to
    message.set_content("Good morning in plain text\n")
    message.add_alternative(html, subtype="html")

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", mailbox.smtp_port) as client:
            client.send_message(message)

    await asyncio.to_thread(send)


async def test_a_mail_appears_by_itself_and_shows_all_its_sides(
    mailbox: Mailbox, tab: Watched
) -> None:
    page = tab.page
    await page.goto(mailbox.url)
    await expect(page.get_by_text("No mail yet.")).to_be_visible()
    await deliver(mailbox, "Welcome to the shop", "<h1>Good morning</h1>")
    await page.get_by_text("Welcome to the shop").click()

    await expect(page.frame_locator("iframe").get_by_role("heading")).to_have_text("Good morning")
    await page.get_by_role("tab", name="Text").click()
    await expect(page.locator("#panel")).to_contain_text("Good morning in plain text")
    await page.get_by_role("tab", name="Headers").click()
    await expect(page.locator("#panel")).to_contain_text("The Shop <shop@shop.test>")
    await page.get_by_role("tab", name="Source").click()
    await expect(page.locator("#panel")).to_contain_text("Content-Type: multipart/alternative")
    async with page.expect_download() as saving:
        await page.get_by_text("Download .eml").click()
    saved = await (await saving.value).path()
    assert await asyncio.to_thread(saved.read_bytes) == mailbox.source(mailbox.messages()[0].id)


async def test_what_a_hostile_mail_brings_is_shown_and_never_run(
    mailbox: Mailbox, tab: Watched
) -> None:
    page = tab.page
    await deliver(
        mailbox, HOSTILE, f"<p id=seen>seen</p>{HOSTILE}<form action=/><input name=x></form>"
    )
    await page.goto(f"{mailbox.url}/#{mailbox.messages()[0].id}")
    await expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    await expect(page.frame_locator("iframe").locator("#seen")).to_have_text("seen")
    assert await page.title() == f"{HOSTILE} · Mailbox"
    frame = page.frames[1]
    assert await frame.evaluate("document.title") == ""
    assert await frame.evaluate("origin") == "null"
    assert any("Blocked script execution" in line for line in tab.console)
    tab.console.clear()


async def test_a_link_of_a_mail_opens_a_tab_that_cannot_reach_back(
    mailbox: Mailbox, tab: Watched
) -> None:
    page = tab.page
    await deliver(mailbox, "Link", f'<a href="{mailbox.url}/icon.svg">Our shop</a>')
    await page.goto(f"{mailbox.url}/#{mailbox.messages()[0].id}")
    async with page.context.expect_page() as opening:
        await page.frame_locator("iframe").get_by_text("Our shop").click()
    opened = await opening.value
    await opened.wait_for_load_state()
    assert opened.url == f"{mailbox.url}/icon.svg"
    assert await opened.evaluate("window.opener") is None
    assert await opened.evaluate("origin") == mailbox.url


async def test_search_narrows_the_list_and_older_mails_follow_on_demand(
    mailbox: Mailbox, tab: Watched
) -> None:
    page = tab.page
    for number in range(55):
        await deliver(mailbox, f"Mail {number:02}", "<p>x</p>", to=f"user{number:02}@example.com")
    await page.goto(mailbox.url)
    rows = page.locator("#mails li")
    await expect(rows).to_have_count(50)
    await page.get_by_role("button", name="Older mails").click()
    await expect(rows).to_have_count(55)
    await page.get_by_role("searchbox").fill("USER07@")
    await expect(rows).to_have_count(1)
    await expect(page.get_by_role("status")).to_have_text("1 mail found")
