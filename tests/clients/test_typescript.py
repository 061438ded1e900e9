"""The TypeScript client against a served API, by the two clients that front ends use."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.base import doorbells
from domain.base.clock import now
from domain.base.settings import Settings
from domain.identity.accounts import Session
from domain.identity.models import Role
from domain.identity.tokens import issue_access_token, issue_refresh_token, use_refresh_token
from server.app import create_app
from tests.api_client import Api
from tests.clients.node import CLIENT, run, succeed
from tests.conftest import Prepared
from tests.served import served
from tests.whole.works import Works, open_works

TEMPLATE = """mutation { createTemplate(input: { name: "Welcome", content: { subject: "Welcome",
  format: HTML, body: "<p>Hello</p><a href='{{ unsubscribe_url }}'>Unsubscribe</a>" } }) {
  errors { message } template { id } } }"""
CREATE = """mutation ($draft: SequenceDraftInput!) {
  createSequence(input: { name: "Welcome", draft: $draft }) {
    errors { message } sequence { id revision } } }"""
START = """mutation ($id: ID!) {
  publishSequence(id: $id, revision: 1) { errors { message } }
  activateSequence(id: $id) { errors { message } sequence { status } } }"""
KEY = """mutation { createApiKey(input: { name: "A machine", scopes: [READ] }) {
  errors { message } secret } }"""
CLIENTS = ["apollo", "urql"]


@dataclass(frozen=True)
class World:
    """A served API whose workspace mails everybody who subscribes, at once."""

    url: str
    api: Api
    owner: Session
    settings: Settings

    async def ended_tokens(self) -> dict[str, Any]:
        """A session as it is hours later: its access token has ended."""
        return await self.tokens_of(now() - timedelta(hours=2))

    async def ending_tokens(self) -> dict[str, Any]:
        """A session whose access token has three seconds left."""
        return await self.tokens_of(now() - timedelta(seconds=897))

    async def tokens_of(self, then: datetime) -> dict[str, Any]:
        asking = {"user_id": self.owner.user_id, "workspace_id": self.owner.workspace_id}
        access, expires_at = issue_access_token(
            self.settings.secret_key, **asking, role=Role.OWNER, now=then, lifetime_seconds=900
        )
        refresh = await issue_refresh_token(**asking, now=then, lifetime_seconds=30 * 86_400)
        return tokens(access, refresh, expires_at.isoformat())


def tokens(access: str, refresh: str, expires_at: str) -> dict[str, Any]:
    return {"accessToken": access, "refreshToken": refresh, "expiresAt": expires_at}


async def answer_doorbells(works: Works, rung: asyncio.Event) -> None:
    while True:
        await rung.wait()
        rung.clear()
        await works.work(now())


@pytest.fixture
async def world(settings: Settings, prepared: Prepared, tmp_path: Path) -> AsyncIterator[World]:
    rung = asyncio.Event()

    async def note(_name: str, _ids: dict[str, str]) -> None:
        rung.set()

    async with (
        served(create_app(settings)) as address,
        httpx.AsyncClient(base_url=f"http://{address}") as client,
        open_works(settings, tmp_path, now()) as works,
    ):
        api = Api(client, prepared.ada.tokens.access_token)
        template = (await api.run(TEMPLATE))["createTemplate"]["template"]["id"]
        draft = {
            "triggers": [{"subscribed": True}],
            "steps": [{"sendEmail": {"key": "welcome", "templateId": template}}],
        }
        made = (await api.run(CREATE, draft=draft))["createSequence"]
        started = await api.run(START, id=made["sequence"]["id"])
        assert started["activateSequence"]["sequence"] == {"status": "ACTIVE"}
        doorbells.connect(note)
        working = asyncio.create_task(answer_doorbells(works, rung))
        try:
            yield World(f"http://{address}/graphql", api, prepared.ada, settings)
        finally:
            working.cancel()
            await asyncio.wait([working])
    if not working.cancelled():
        working.result()


def test_the_lock_names_no_registry() -> None:
    text = (CLIENT / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert not re.search(r"registry\.|\.tgz", text)
    unpinned = [name for name, one in packages.items() if name and "integrity" not in one]
    assert unpinned == []


@pytest.mark.usefixtures("packages")
async def test_the_generated_file_is_what_schema_and_operations_say() -> None:
    generated = CLIENT / "src" / "generated.ts"
    committed = generated.read_text()
    ended = await run("npm", "run", "--silent", "generate", "--", "--check")
    assert ended.code == 0, f"run `make client` and commit {generated.name}: {ended.output}"
    assert generated.read_text() == committed


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_front_end_queries_mutates_uploads_watches_and_stays_signed_in(
    built: Path, world: World, client: str
) -> None:
    owner = world.owner.tokens
    over = await world.ended_tokens()
    await use_refresh_token(over["refreshToken"], now())
    told = {
        "client": client,
        "url": world.url,
        "tokens": tokens(owner.access_token, owner.refresh_token, owner.expires_at.isoformat()),
        "ended": [await world.ended_tokens() for _ in range(4)],
        "over": over,
        "key": (await world.api.run(KEY))["createApiKey"]["secret"],
        "ending": await world.ending_tokens(),
    }
    output = await succeed(
        "node",
        "--test",
        "--test-force-exit",
        "--test-reporter=spec",
        str(built / "test" / "clients.test.js"),
        WORLD=json.dumps(told),
    )
    skipped = 0 if client == "apollo" else 1
    assert f"pass {12 - skipped}" in output, output
    assert f"skipped {skipped}" in output, output


@pytest.mark.parametrize("client", CLIENTS)
async def test_the_example_lists_imports_and_shows_live_numbers(
    built: Path, world: World, client: str
) -> None:
    output = await succeed(
        "node",
        str(built / "examples" / f"{client}.js"),
        DRIPGRAPH_URL=world.url,
        EMAIL="ada@example.com",
        PASSWORD="correct horse battery",
        PEOPLE="examples/people.csv",
    )
    listed, *lines = output.splitlines()
    assert listed == "Welcome: 0 on their way"
    lines.remove("people.csv: 3 rows, 0 invalid")
    assert (lines[0], lines[-1]) == ("0 queued, 0 sent, 0 opened", "3 queued, 3 sent, 0 opened")
