"""What the README shows: `make run`, GraphiQL with live stats, and the mail in the mailbox."""

import asyncio
import json
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, expect

from server.mailbox.reading import headers
from server.playground import read_examples
from tests.browser.conftest import Watched

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
SETTINGS_OF_THE_CALLER = (
    "DATABASE_URL",
    "REDIS_URL",
    "SMTP_URL",
    "SECRET_KEY",
    "PUBLIC_URL",
    "DRIPGRAPH_ENV",
)
EDITOR = ".graphiql-query-editor .view-lines"
ANSWER = ".graphiql-response .view-lines"
VARIABLES = "section[aria-label='Variables'] .view-lines"
PLAY = ".graphiql-execute-button"


@dataclass(frozen=True)
class Demo:
    graphiql: str
    mailbox: str


@pytest.fixture(scope="module")
async def demo() -> AsyncIterator[Demo]:
    """The whole of Dripgraph with the demo workspace, once people are being let in."""
    # Not below pytest's folder: as root, the servers run as someone who may not enter that.
    folder = tempfile.mkdtemp(prefix="dripgraph-demo-")
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    api, smtp, http = (str(listener.getsockname()[1]) for listener in listeners)
    for listener in listeners:
        listener.close()
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS_OF_THE_CALLER}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "server.cli", "up", "--demo"),
        cwd=ROOT,
        env={
            **kept,
            "DATA_DIR": folder,
            "PORT": api,
            "MAILBOX_SMTP_PORT": smtp,
            "MAILBOX_HTTP_PORT": http,
            "LOG_LEVEL": "ERROR",
        },
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said = []
    while (line := await process.stderr.readline()) and not line.startswith(b"Letting"):
        said.append(line.decode())
    assert line, "".join(said)
    drain = asyncio.create_task(process.stderr.read())
    demo = Demo(graphiql=f"http://localhost:{api}/graphql", mailbox=f"http://127.0.0.1:{http}/")
    await first_mail(demo)
    yield demo
    process.terminate()
    assert await process.wait() == 0, (await drain).decode()
    await drain
    await asyncio.to_thread(shutil.rmtree, folder)


async def first_mail(demo: Demo) -> None:
    """Wait until somebody has been mailed, so that every example has its id."""
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(base_url=demo.mailbox) as http,
        http.stream("GET", "/api/updates") as updates,
    ):
        async for line in updates.aiter_lines():
            if line.startswith("data: ") and json.loads(line[6:])["total"] > 0:
                return


async def play(page: Page, tab_name: str) -> None:
    await expect(page.locator(EDITOR)).to_be_visible()
    tabs = page.get_by_role("tablist")
    await tabs.get_by_role("button", name=tab_name, exact=True).click()
    await expect(page.locator(EDITOR)).to_contain_text(tab_name)
    await page.locator(PLAY).click()


async def open_example(page: Page, task: str, title: str) -> None:
    """Open a saved example from the panel."""
    group = page.get_by_role("region", name="Examples").get_by_role("region", name=task)
    await group.get_by_role("button", name=re.compile(f"^{title}")).click()


async def play_example(page: Page, task: str, title: str) -> None:
    """Open a saved example and run it."""
    await open_example(page, task, title)
    await page.locator(PLAY).click()


ANSWERS = {
    ("Begin", "Who is asking"): '"name": "The Record Shelf"',
    ("Begin", "Three lists at once"): '"totalCount": 2357',
    ("Watch it live", "A sequence as it stands"): '"name": "Welcome"',
    ("Watch it live", "All sequences"): '"name": "Win back"',
    ("Watch it live", "Imports and other jobs"): '"jobs": {',
    ("People", "A page of people"): '"totalCount": 2357',
    ("People", "Everything about one person"): '"subscriber": {',
    ("People", "Add or update a person"): '"plan": "basic"',
    ("People", "Tag people"): '"friend"',
    ("People", "Never mail an address"): '"reason": "MANUAL"',
    ("Templates", "Preview a draft"): '"subject": "Good to see you, Ann"',
    ("Templates", "All templates"): '"variables": [',
    ("Templates", "Make a template"): '"https://example.com/orders"',
    ("Sequences", "Check a draft"): '"code": "MISSING_TARGET"',
    ("Sequences", "Let people in by hand"): '"unknownIds": []',
    ("Sequences", "Branch on what people did"): '"issues": []',
    ("Events", "Tell what somebody did"): '"recordedCount": 1',
    ("Events", "What somebody did"): '"events": {',
    ("Why", "Timeline of one person"): '"timeline": [',
    ("Why", "The last mails and why"): '"providerReply": "',
    ("Access", "A key for a machine"): '"secret": "',
    ("Access", "Members and keys"): '"role": "OWNER"',
    ("Access", "How mail is signed"): '"onUnknown": "HOLD"',
}


async def test_every_example_answers_without_errors_at_a_click(demo: Demo, tab: Watched) -> None:
    page = tab.page
    await page.goto(demo.graphiql)
    await expect(page.locator(EDITOR)).to_be_visible()
    elsewhere = {("Watch it live", "Live numbers"), ("Sequences", "From draft to running")}
    assert {(one.task, one.title) for one in read_examples({})} == {*ANSWERS} | elsewhere
    for (task, title), expected in ANSWERS.items():
        await play_example(page, task, title)
        await expect(page.locator(ANSWER)).to_contain_text(expected)
        shown = await page.locator(ANSWER).text_content() or ""
        assert '"message": "' not in shown or title == "Check a draft", shown


async def test_a_sequence_goes_from_draft_to_running_by_one_example(
    demo: Demo, tab: Watched
) -> None:
    page = tab.page
    await page.goto(demo.graphiql)
    await expect(page.locator(EDITOR)).to_be_visible()
    await open_example(page, "Sequences", "From draft to running")
    # The button asks which operation to run once the page has read the document.
    await expect(page.locator(PLAY)).to_have_attribute("aria-haspopup", "menu")
    await page.locator(PLAY).click()
    await page.get_by_role("menuitem", name="CreateSequence").click()
    await expect(page.locator(ANSWER)).to_contain_text('"revision": 1')
    shown = await page.locator(ANSWER).text_content() or ""
    made = re.search(r'"id":"([^"]+)"', re.sub(r"\s", "", shown))
    assert made
    await page.locator(VARIABLES).first.click()
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Delete")
    await page.keyboard.type(f'{{"input":{{}},"id":"{made[1]}","revision":1}}')
    # The page has read the variables when it has stored them.
    await page.wait_for_function(
        "id => Object.values(localStorage).some(text => text.includes(id))", arg=made[1]
    )
    for name, expected in {
        "PublishSequence": '"number": 1',
        "ActivateSequence": '"ACTIVE"',
    }.items():
        await page.locator(PLAY).click()
        await page.get_by_role("menuitem", name=name).click()
        await expect(page.locator(ANSWER)).to_contain_text(expected)


async def test_live_stats_move_while_mail_goes_out(demo: Demo, tab: Watched) -> None:
    page = tab.page
    await page.goto(demo.graphiql)
    await play(page, "LiveStats")
    seen: set[int] = set()
    while len(seen) < 3:
        await expect(page.locator(ANSWER)).to_contain_text(re.compile(r'"sent":\s*[1-9]'))
        shown = await page.locator(ANSWER).text_content() or ""
        found = re.search(r'"sent":\s*(\d+)', shown)
        assert found
        seen.add(int(found[1]))
        await expect(page.locator(ANSWER)).not_to_have_text(shown)
    assert min(seen) > 0
    await tab.picture("live-stats")


async def test_the_mailbox_shows_a_mail_of_the_sequence(demo: Demo, tab: Watched) -> None:
    page = tab.page
    await page.goto(demo.mailbox)
    await page.locator("#mails a").filter(has_text="Welcome to").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to The Record Shelf")
    await expect(page.frame_locator("iframe").get_by_text("See what is new")).to_be_visible()
    await tab.picture("mailbox")

    async with httpx.AsyncClient(base_url=demo.mailbox) as http:
        mail_id = page.url.partition("#")[2]
        source = (await http.get(f"/api/messages/{mail_id}/source")).content
    assert ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click") in headers(source)


async def test_the_owner_of_the_demo_signs_in(demo: Demo, tab: Watched) -> None:
    page = tab.page
    await page.goto(demo.graphiql)
    await page.get_by_role("button", name="Use my account").click()
    await page.get_by_label("E-mail").fill("demo@example.com")
    await page.get_by_label("Password").fill("demo demo demo")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    await play(page, "WhoAmI")
    await expect(page.locator(ANSWER)).to_contain_text('"email": "demo@example.com"')
    stored = await page.evaluate("sessionStorage.getItem('dripgraph:session')")
    assert set(json.loads(stored)) == {"accessToken", "refreshToken", "expiresAt", "email"}
