"""Verbs of content: writing templates, looking at them, trying them."""

from collections.abc import Awaitable
from typing import Annotated, cast

import strawberry

from domain.base.clock import now
from domain.base.database import Record
from domain.base.errors import InvalidInputError, RequiredError
from domain.content import templates
from domain.content.liquid import TemplateError
from domain.content.preview import preview_template as preview
from domain.content.templates import Content
from schema.base.connections import After, Connection, First, connection, page_request
from schema.base.context import Info
from schema.base.errors import user_errors
from schema.base.node import decode_id, readable_by_id
from schema.content import (
    CreateTemplateInput,
    PreviewTemplateInput,
    Template,
    TemplateContentInput,
    TemplatePayload,
    TemplatePreview,
    TemplateProblem,
    UpdateTemplateInput,
)

TemplateId = Annotated[strawberry.ID, strawberry.argument(description="Which template.")]

readable_by_id("Template", templates.read_templates)
readable_by_id("TemplateRevision", templates.read_revisions)


async def template(info: Info, id: TemplateId) -> Template | None:  # noqa: A002
    identifier = decode_id("Template", id)
    found = await templates.read_templates(info.context.workspace_id, [identifier])
    return cast("Template | None", found.get(identifier))


async def list_templates(
    info: Info, first: First = 20, after: After = None
) -> Connection[Template]:
    request = page_request(first, after)
    return connection(await templates.list_templates(info.context.workspace_id, request))


async def create_template(
    info: Info,
    input: Annotated[CreateTemplateInput, strawberry.argument(description="Its name and content.")],  # noqa: A002
) -> TemplatePayload:
    return await _payload(
        templates.create_template(
            info.context.workspace_id,
            name=input.name,
            content=_content(input.content),
            now=now(),
        )
    )


async def update_template(
    info: Info,
    input: Annotated[  # noqa: A002
        UpdateTemplateInput,
        strawberry.argument(description="Which template, and what is to change."),
    ],
) -> TemplatePayload:
    return await _payload(
        templates.update_template(
            info.context.workspace_id,
            decode_id("Template", input.id),
            name=input.name,
            content=None if input.content is None else _content(input.content),
            now=now(),
        )
    )


async def archive_template(info: Info, id: TemplateId) -> TemplatePayload:  # noqa: A002
    return await _payload(
        templates.archive_template(info.context.workspace_id, decode_id("Template", id), now())
    )


async def preview_template(
    info: Info,
    input: Annotated[  # noqa: A002
        PreviewTemplateInput, strawberry.argument(description="What to preview, and for whom.")
    ],
) -> TemplatePreview:
    if (input.template_id is None) == (input.draft is None):
        raise RequiredError("Give either a template or a draft.", field="templateId")
    if input.sample is not None and not isinstance(input.sample, dict):
        raise InvalidInputError("The sample must be an object.", field="sample")
    subscriber_id = input.subscriber_id
    found = await preview(
        info.context.workspace_id,
        _content(input.draft) if input.draft else decode_id("Template", input.template_id or ""),
        subscriber_id=None if subscriber_id is None else decode_id("Subscriber", subscriber_id),
        sample=input.sample,
        public_url=info.context.settings.public_url,
        now=now(),
    )
    return TemplatePreview(
        subject=found.subject,
        html=found.html,
        text=found.text,
        warnings=found.warnings,
        problems=[_problem(error) for error in found.errors],
    )


async def _payload(work: Awaitable[Record]) -> TemplatePayload:
    try:
        return TemplatePayload(template=cast("Template", await work))
    except TemplateError as error:
        return TemplatePayload(errors=user_errors(error), problems=[_problem(error)])


def _problem(error: TemplateError) -> TemplateProblem:
    return TemplateProblem(
        message=error.reason, field=error.field, line=error.line, variable=error.variable
    )


def _content(given: TemplateContentInput) -> Content:
    return Content(given.subject, given.body, given.format, given.text)
