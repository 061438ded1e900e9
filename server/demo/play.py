"""Brings the demo to life: lets people in by and by, and plays readers of the mail they get.

The readers are made up. They do over HTTP what mail programs do: some load the pixel, some of
those follow a link, very few unsubscribe. Chance is drawn from the message, so that a repeat reads
the same.
"""

import asyncio
import hashlib
import logging
import re
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from uuid import UUID

import httpx

from domain.base.clock import now
from domain.base.database import fetch
from domain.base.settings import Settings
from domain.sequences.enrollments import enroll
from server.demo.build import Demo, Say

logger = logging.getLogger(__name__)

WAVE = 12
WAVE_SECONDS = 1.0
WIN_BACK_SHARE = 3
OPEN_SHARE = 0.48
CLICK_SHARE = 0.3
UNSUBSCRIBE_SHARE = 0.01
POLL_SECONDS = 0.5
PAGE = 200
READER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0"

_TRACKED = re.compile(r'https?://[^\s"<>]+?(/(?:o/[\w-]+\.gif|c/[\w-]+/\d+|u/[\w-]+))')


async def play(settings: Settings, demo: Demo, say: Say) -> None:
    """Until everyone has been let in and the readers have read; it can be ended at any time."""
    readers = asyncio.create_task(_Readers(settings).run())
    try:
        await _let_in(demo, say)
        await asyncio.sleep(120)
    finally:
        readers.cancel()
        await asyncio.gather(readers, return_exceptions=True)


async def _let_in(demo: Demo, say: Say) -> None:
    """People who are in no sequence yet, a few each second."""
    rows = await fetch(
        "SELECT s.id FROM subscriber s WHERE s.workspace_id = $1 AND s.status = 'subscribed'"
        " AND NOT EXISTS (SELECT FROM enrollment e WHERE e.subscriber_id = s.id"
        " AND e.sequence_id = $2) ORDER BY s.id",
        demo.workspace_id,
        demo.welcome_id,
    )
    waiting: list[UUID] = [row["id"] for row in rows]
    if waiting:
        minutes = len(waiting) / WAVE * WAVE_SECONDS / 60
        say(f"Letting {len(waiting):,} people in over {minutes:.0f} minutes.")
    for start in range(0, len(waiting), WAVE):
        wave = waiting[start : start + WAVE]
        await enroll(demo.workspace_id, demo.welcome_id, wave, now())
        await enroll(demo.workspace_id, demo.win_back_id, wave[::WIN_BACK_SHARE], now())
        await asyncio.sleep(WAVE_SECONDS)


@dataclass(slots=True)
class _Readers:
    settings: Settings
    seen: set[str] = field(default_factory=set)
    reading: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Look for new mail in the mailbox and have it read, until cancelled."""
        settings = self.settings
        mailbox = f"http://{settings.mailbox_host}:{settings.mailbox_http_port}"
        async with httpx.AsyncClient(headers={"User-Agent": READER}) as client:
            while True:
                try:
                    await self._look(client, mailbox)
                except httpx.TransportError:
                    # The mailbox or the API is being restarted.
                    await asyncio.sleep(2)
                await asyncio.sleep(POLL_SECONDS)

    async def _look(self, client: httpx.AsyncClient, mailbox: str) -> None:
        answer = await client.get(f"{mailbox}/api/messages", params={"limit": PAGE})
        for entry in answer.json()["messages"]:
            if entry["id"] in self.seen:
                continue
            self.seen.add(entry["id"])
            task = asyncio.create_task(self._read(client, mailbox, entry["id"]))
            self.reading.add(task)
            task.add_done_callback(self.reading.discard)

    async def _read(self, client: httpx.AsyncClient, mailbox: str, identifier: str) -> None:
        chance = _chances(identifier)
        if chance[0] < OPEN_SHARE:
            try:
                await self._open(client, mailbox, identifier, chance)
            except httpx.HTTPError as error:
                logger.info("a demo reader gave up on a mail: %r", error)

    async def _open(
        self, client: httpx.AsyncClient, mailbox: str, identifier: str, chance: list[float]
    ) -> None:
        await asyncio.sleep(1 + 25 * chance[1])
        source = (await client.get(f"{mailbox}/api/messages/{identifier}/source")).content
        paths = _tracked_paths(source)
        api = f"http://{self.settings.host}:{self.settings.port}"
        for pixel in paths["o"][:1]:
            await client.get(api + pixel)
        if chance[2] < CLICK_SHARE and paths["c"]:
            await asyncio.sleep(1 + 6 * chance[3])
            await client.get(api + paths["c"][0])
        if chance[4] < UNSUBSCRIBE_SHARE and paths["u"]:
            await client.post(api + paths["u"][0], data={"List-Unsubscribe": "One-Click"})


def _chances(identifier: str) -> list[float]:
    digest = hashlib.sha256(identifier.encode()).digest()
    return [int.from_bytes(digest[i : i + 4], "big") / 2**32 for i in range(0, 20, 4)]


def _tracked_paths(source: bytes) -> dict[str, list[str]]:
    """Paths of the pixel (o), the links (c) and the unsubscription (u) in the HTML of a mail."""
    message = message_from_bytes(source, policy=policy.default)
    body = message.get_body(("html",))
    html = "" if body is None else body.get_content()
    found: dict[str, list[str]] = {"o": [], "c": [], "u": []}
    for path in _TRACKED.findall(html):
        found[path[1]].append(path)
    return found
