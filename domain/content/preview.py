"""A mail as one subscriber would get it, with all that is wrong with it told at once."""

import asyncio
import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from domain.base.database import fetchrow
from domain.base.errors import NotFoundError
from domain.content.compilation import CompiledTemplate
from domain.content.headers import one_line
from domain.content.links import UNSUBSCRIBE_VARIABLE, resolve_destination
from domain.content.liquid import TemplateError
from domain.content.mime import message_values
from domain.content.pieces import LINK_VARIABLE, PIXEL_VARIABLE
from domain.content.templates import Content, prepare, read_compiled, read_templates

CLIPPED_BYTES = 102 * 1024
"""Gmail shows no more of a mail's HTML than this, and hides the rest behind a link."""

_LINK_BASE = "https://preview.invalid/c/"
_LINK = re.compile(re.escape(_LINK_BASE) + r"(\d+)")
_PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
_SAMPLE: Mapping[str, object] = {
    "email": "anna@example.com",
    "first_name": "Anna",
    "last_name": "Example",
    "timezone": "Europe/Berlin",
    "locale": "en",
    "attributes": {},
    "tags": [],
}


@dataclass(frozen=True, slots=True)
class Preview:
    """A part is None when it cannot be rendered; `errors` tell why, with line and variable."""

    subject: str | None
    html: str | None
    text: str | None
    warnings: list[str]
    errors: list[TemplateError]


async def preview_template(
    workspace_id: UUID,
    what: UUID | Content,
    *,
    subscriber_id: UUID | None,
    sample: Mapping[str, object] | None,
    public_url: str,
    now: datetime,
) -> Preview:
    """Preview a template's current revision, or a draft, for a subscriber or for sample values.

    `sample` may hold `subscriber` and `event`; what it leaves out is an invented subscriber's.
    Raises NotFoundError.
    """
    values = await _values(workspace_id, subscriber_id, sample or {})
    try:
        compiled = await _compiled(workspace_id, what)
    except TemplateError as error:
        return Preview(None, None, None, [], [error])
    scope = {
        **values,
        UNSUBSCRIBE_VARIABLE: f"{public_url}/u/preview",
        "now": now,
        "today": now,
        LINK_VARIABLE: _LINK_BASE,
        PIXEL_VARIABLE: _PIXEL,
    }
    return await asyncio.to_thread(render_preview, compiled, scope)


def render_preview(compiled: CompiledTemplate, scope: Mapping[str, object]) -> Preview:
    errors: list[TemplateError] = []

    def tried(render: Callable[[], str]) -> str | None:
        try:
            return render()
        except TemplateError as error:
            errors.append(error)
            return None

    subject = tried(lambda: one_line(compiled.subject.render(scope)))
    page = tried(lambda: _with_links(compiled, compiled.html.render(scope), scope, html.escape))
    text = tried(lambda: _with_links(compiled, compiled.text.render(scope), scope, str))
    warnings = list(compiled.prepared.warnings)
    told = {error.variable for error in errors}
    warnings += [
        f"`{path}` has no value for this subscriber"
        for path in compiled.prepared.variables
        if path not in told and not _has_value(path, scope)
    ]
    if page is not None and len(page.encode()) > CLIPPED_BYTES:
        warnings.append(f"over {CLIPPED_BYTES // 1024} KB of HTML: Gmail will clip it")
    return Preview(subject, page, text, warnings, errors)


def _with_links(
    compiled: CompiledTemplate, part: str, scope: Mapping[str, object], escape: Callable[[str], str]
) -> str:
    """Links lead straight to their destinations: a preview counts nothing."""

    def destination(match: re.Match[str]) -> str:
        found = compiled.destination(int(match.group(1)))
        return escape((found and resolve_destination(found, scope)) or "#")

    return _LINK.sub(destination, part)


def _has_value(path: str, scope: Mapping[str, object]) -> bool:
    value: object = scope
    for segment in path.split("."):
        if not isinstance(value, Mapping):
            # `size` and its like of a list or a text.
            return value is not None
        if segment not in value:
            return False
        value = value[segment]
    return value is not None


async def _compiled(workspace_id: UUID, what: UUID | Content) -> CompiledTemplate:
    if isinstance(what, Content):
        prepared = await prepare(what)
        return await asyncio.to_thread(CompiledTemplate, prepared)
    template = (await read_templates(workspace_id, [what])).get(what)
    if template is None:
        raise NotFoundError("There is no such template.", field="templateId")
    return await read_compiled(workspace_id, template["current_revision_id"])


async def _values(
    workspace_id: UUID, subscriber_id: UUID | None, sample: Mapping[str, object]
) -> dict[str, object]:
    workspace_name = await fetchrow("SELECT name FROM workspace WHERE id = $1", workspace_id)
    event = sample.get("event")
    values = {
        "workspace": {"name": "" if workspace_name is None else workspace_name["name"]},
        **({} if event is None else {"event": event}),
    }
    if subscriber_id is None:
        given = sample.get("subscriber")
        return {**values, "subscriber": {**_SAMPLE, **(given if isinstance(given, dict) else {})}}
    row = await fetchrow(
        "SELECT email, first_name, last_name, timezone, locale, attributes::text AS attributes,"
        " tags FROM subscriber WHERE workspace_id = $1 AND id = $2",
        workspace_id,
        subscriber_id,
    )
    if row is None:
        raise NotFoundError("There is no such subscriber.", field="subscriberId")
    subscriber = message_values(
        **{**row, "attributes": orjson.loads(row["attributes"])}, workspace_name=""
    )["subscriber"]
    return {**values, "subscriber": subscriber}
