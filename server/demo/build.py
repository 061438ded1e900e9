"""Builds the demo workspace; what is there already is left as it is, so that it can be repeated."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from uuid import UUID

from domain.audience.event_imports import IMPORT_EVENTS, run_event_import, start_event_import
from domain.audience.imports import IMPORT_SUBSCRIBERS, run_import, start_import
from domain.base import jobs
from domain.base.clock import now
from domain.base.database import fetch, fetchval
from domain.base.ids import new_id
from domain.base.settings import Settings
from domain.content.models import BodyFormat
from domain.content.templates import Content, create_template
from domain.identity.accounts import sign_up
from domain.identity.audit import Actor
from domain.sequences.definition import Definition
from domain.sequences.sequences import activate, create_sequence, update_draft
from domain.sequences.versions import publish
from server.demo.plans import MAILS, welcome, win_back
from server.demo.shop import orders_csv, people_csv

EMAIL = "demo@example.com"
PASSWORD = "demo demo demo"  # noqa: S105  printed for everyone; production has no demo
RUNNERS: dict[str, jobs.Runner] = {
    IMPORT_SUBSCRIBERS: run_import,
    IMPORT_EVENTS: run_event_import,
}

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Demo:
    workspace_id: UUID
    welcome_id: UUID
    win_back_id: UUID


async def build(settings: Settings, say: Say) -> Demo:
    """The demo workspace, made as far as it is not there yet."""
    workspace_id = await _workspace(settings)
    await _people(workspace_id, say)
    template_ids = await _templates(workspace_id)
    welcome_id = await _sequence(
        workspace_id, "Welcome", lambda identifier: welcome(template_ids, identifier)
    )
    win_back_id = await _sequence(workspace_id, "Win back", lambda _: win_back(template_ids))
    return Demo(workspace_id, welcome_id, win_back_id)


async def find_workspace() -> UUID | None:
    found = await fetchval("SELECT id FROM workspace WHERE is_demo ORDER BY id LIMIT 1")
    return found if isinstance(found, UUID) else None


async def _workspace(settings: Settings) -> UUID:
    found = await find_workspace()
    if found is not None:
        return found
    session = await sign_up(
        settings,
        email=EMAIL,
        password=PASSWORD,
        name="Demo",
        workspace_name="The Record Shelf",
        now=now(),
        is_demo=True,
    )
    return session.workspace_id


async def _people(workspace_id: UUID, say: Say) -> None:
    done = await fetch(
        "SELECT kind FROM job WHERE workspace_id = $1 AND status = 'succeeded'", workspace_id
    )
    kinds = {row["kind"] for row in done}
    if IMPORT_SUBSCRIBERS not in kinds:
        job_id = await start_import(
            workspace_id, _whole(people_csv()), now(), filename="cdnow-people.csv"
        )
        result = await _finish(workspace_id, job_id)
        say(f"Imported {result['created']:,} people of a real shop.")
    if IMPORT_EVENTS not in kinds:
        job_id = await start_event_import(
            workspace_id, _whole(orders_csv()), now(), filename="cdnow-orders.csv"
        )
        result = await _finish(workspace_id, job_id)
        say(f"Imported {result['recorded']:,} of their orders.")


async def _finish(workspace_id: UUID, job_id: UUID) -> jobs.Values:
    """Do the job here, unless a worker was faster; its result."""
    await jobs.run_job(job_id, RUNNERS, new_id(now()), now)
    while True:
        row = await jobs.read_job(workspace_id, job_id)
        if row is None or row["status"] == "failed":
            message = f"an import of the demo failed: {row and row['error']}"
            raise RuntimeError(message)
        if row["status"] == "succeeded":
            return jobs.json_column(row, "result")
        await asyncio.sleep(0.2)


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _templates(workspace_id: UUID) -> dict[str, UUID]:
    rows = await fetch("SELECT id, name FROM template WHERE workspace_id = $1", workspace_id)
    found: dict[str, UUID] = {row["name"]: row["id"] for row in rows}
    for mail in MAILS:
        if mail.name not in found:
            content = Content(mail.subject, mail.body, BodyFormat.MJML)
            row = await create_template(workspace_id, name=mail.name, content=content, now=now())
            found[mail.name] = row["id"]
    return found


async def _sequence(workspace_id: UUID, name: str, define: Callable[[UUID], Definition]) -> UUID:
    """The active sequence of this name."""
    rows = await fetch(
        "SELECT id, status, draft_revision FROM sequence WHERE workspace_id = $1 AND name = $2",
        workspace_id,
        name,
    )
    row = rows[0] if rows else await create_sequence(workspace_id, name, Definition(), now())
    identifier: UUID = row["id"]
    if row["status"] == "draft":
        # The definition may name the sequence itself, so the draft comes after the row.
        drafted = await update_draft(
            workspace_id,
            identifier,
            expected_revision=row["draft_revision"],
            definition=define(identifier),
            now=now(),
        )
        await publish(
            workspace_id,
            identifier,
            expected_revision=drafted["draft_revision"],
            published_by=Actor(),
            now=now(),
        )
        await activate(workspace_id, identifier, now())
    return identifier
