"""Templates: what is mailed."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import strawberry
from strawberry.scalars import JSON

from domain.base.database import Record
from domain.content import templates
from domain.content.models import BodyFormat
from schema.base.batch import batch_field
from schema.base.connections import After, Connection, First, connection, page_request
from schema.base.context import Info
from schema.base.enums import described_enum
from schema.base.errors import Payload
from schema.base.node import Node

described_enum(
    BodyFormat,
    name="BodyFormat",
    description="What a template's body is written in.",
    values={
        BodyFormat.MJML: "MJML, which becomes HTML that mail programs show alike.",
        BodyFormat.HTML: "HTML as it is to be sent.",
    },
)


async def bodies_of_revisions(parents: Sequence[Record], info: Info) -> list[str]:
    found = await templates.read_bodies(info.context.workspace_id, [row["id"] for row in parents])
    return [found[row["id"]] for row in parents]


async def texts_of_revisions(parents: Sequence[Record], info: Info) -> list[str | None]:
    found = await templates.read_texts(info.context.workspace_id, [row["id"] for row in parents])
    return [found.get(row["id"]) for row in parents]


@strawberry.type(description="A template's content as it was saved once; it never changes.")
class TemplateRevision(Node):
    number: int = strawberry.field(description="Counts the template's revisions, from 1.")
    subject: str = strawberry.field(description="Liquid.")
    body: str = batch_field(bodies_of_revisions, description="MJML or HTML with Liquid.")
    format: BodyFormat = strawberry.field(description="What the body is written in.")
    text: str | None = batch_field(
        texts_of_revisions,
        description="The plain text part, with Liquid; null when it is derived from the body.",
    )
    links: list[str] = strawberry.field(
        description="Destinations of the tracked links: number 1 comes first. They may hold Liquid."
    )
    variables: list[str] = strawberry.field(description="Paths that the content asks for.")
    created_at: datetime = strawberry.field(description="When it was saved, UTC.")


async def current_revisions_of_templates(
    parents: Sequence[Record], info: Info
) -> list[TemplateRevision]:
    found = await templates.read_revisions(
        info.context.workspace_id, [row["current_revision_id"] for row in parents]
    )
    return [cast("TemplateRevision", found[row["current_revision_id"]]) for row in parents]


async def revisions_of_templates(
    parents: Sequence[Record], info: Info, first: First = 20, after: After = None
) -> list[Connection[TemplateRevision]]:
    pages = await templates.read_revisions_of_templates(
        info.context.workspace_id, [row["id"] for row in parents], page_request(first, after)
    )
    return [connection(pages[row["id"]]) for row in parents]


@strawberry.type(description="A mail to be sent many times, with a place for what differs.")
class Template(Node):
    name: str = strawberry.field(description="For the team; subscribers never see it.")
    created_at: datetime = strawberry.field(description="When it was made, UTC.")
    updated_at: datetime = strawberry.field(description="When it was last changed, UTC.")
    archived_at: datetime | None = strawberry.field(description="When it was put away.")
    revision: TemplateRevision = batch_field(
        current_revisions_of_templates, description="Its content as it is now."
    )
    revisions: Connection[TemplateRevision] = batch_field(
        revisions_of_templates, description="All content it ever had, newest first."
    )


@strawberry.type(description="What is wrong with a template, and where.")
class TemplateProblem:
    message: str = strawberry.field(description="For people.")
    field: str | None = strawberry.field(description="`subject`, `body` or `text`.")
    line: int | None = strawberry.field(description="In that field as it was given, from 1.")
    variable: str | None = strawberry.field(description="The path at fault, if one is.")


@strawberry.type(description="A mail as one subscriber would get it.")
class TemplatePreview:
    subject: str | None = strawberry.field(default=None, description="Null when it fails.")
    html: str | None = strawberry.field(
        default=None, description="Null when it fails. Links lead straight to their destinations."
    )
    text: str | None = strawberry.field(default=None, description="Null when it fails.")
    warnings: list[str] = strawberry.field(
        default_factory=list, description="What will be sent, but perhaps should not."
    )
    problems: list[TemplateProblem] = strawberry.field(
        default_factory=list, description="What would keep this mail from being sent."
    )


@strawberry.input(description="A mail as its author writes it.")
class TemplateContentInput:
    subject: str = strawberry.field(description="Liquid; at most 998 characters.")
    body: str = strawberry.field(description="MJML or HTML with Liquid; at most 512 KiB.")
    format: BodyFormat = strawberry.field(
        default=BodyFormat.MJML, description="What the body is written in."
    )
    text: str | None = strawberry.field(
        default=None, description="The plain text part; null derives it from the body."
    )


@strawberry.input(description="A new template.")
class CreateTemplateInput:
    name: str = strawberry.field(description="1 to 200 characters.")
    content: TemplateContentInput = strawberry.field(description="Its first revision.")


@strawberry.input(description="What is to change; what is left out stays.")
class UpdateTemplateInput:
    id: strawberry.ID = strawberry.field(description="The template.")
    name: str | None = strawberry.field(default=None, description="1 to 200 characters.")
    content: TemplateContentInput | None = strawberry.field(
        default=None, description="Becomes a new revision, unless it is the current one's."
    )


@strawberry.input(description="What to preview, and for whom.")
class PreviewTemplateInput:
    template_id: strawberry.ID | None = strawberry.field(
        default=None, description="A template; or give a draft."
    )
    draft: TemplateContentInput | None = strawberry.field(
        default=None, description="Content that is not saved."
    )
    subscriber_id: strawberry.ID | None = strawberry.field(
        default=None, description="A real subscriber; null for an invented one."
    )
    sample: JSON | None = strawberry.field(
        default=None,
        description="Values for the preview: `subscriber` (over the invented one's) and `event`.",
    )


@strawberry.type(description="Answer of the mutations of a template.")
class TemplatePayload(Payload):
    template: Template | None = strawberry.field(default=None, description="Null on errors.")
    problems: list[TemplateProblem] = strawberry.field(
        default_factory=list, description="Where in the content an error is."
    )
