import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright
from starlette.types import ASGIApp

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURES = Path(__file__).parents[2] / ".artifacts"

Serve = Callable[[ASGIApp], Awaitable[str]]


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs Chromium: install Debian's package `chromium`")
        pytest.skip("Chromium is missing: install Debian's package `chromium` to run this test")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@dataclass
class Watched:
    """A tab that notes what a clean page never does."""

    page: Page
    console: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def note_console(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")

    def note_request(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            self.hosts.add(request.url.split("/")[2].split(":")[0])

    async def picture(self, name: str) -> None:
        await asyncio.to_thread(PICTURES.mkdir, exist_ok=True)
        await self.page.screenshot(path=PICTURES / f"{name}.png")


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Yield a function that serves an application and returns its address."""
    running: list[tuple[_Server, asyncio.Task[None]]] = []

    async def start(app: ASGIApp) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        server = _Server(
            uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        )
        running.append((server, asyncio.create_task(server.serve([listener]))))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, task in running:
        server.should_exit = True
        await task


@pytest.fixture(params=["light"])
async def tab(
    chromium: Browser, serve: Serve, request: pytest.FixtureRequest
) -> AsyncIterator[Watched]:
    """Yield a fresh tab; afterwards its console is empty and all it asked for was local.

    The tab closes before the servers do, or it would complain of them.
    """
    del serve
    context = await chromium.new_context(
        viewport={"width": 1680, "height": 900}, color_scheme=request.param
    )
    page = await context.new_page()
    watched = Watched(page)
    context.on("console", watched.note_console)
    context.on("weberror", lambda error: watched.console.append(str(error.error)))
    context.on("request", watched.note_request)
    yield watched
    await context.close()
    assert watched.console == []
    assert watched.hosts <= {"127.0.0.1", "localhost"}
