"""Verbs of the audience: subscribers, suppressions, imports."""

from collections.abc import AsyncIterator
from typing import Annotated, Final, cast
from uuid import UUID

import strawberry
from strawberry.file_uploads import Upload

from domain.activity.events import Starts
from domain.audience import event_imports, imports, subscribers, suppressions, unsubscribing
from domain.audience.columns import ColumnMapping
from domain.audience.subscribers import SubscriberFilter
from domain.base.clock import now
from domain.base.errors import InvalidInputError, NotFoundError, RequiredError
from domain.base.job_reads import read_jobs
from schema.audience import (
    ColumnMappingInput,
    CreateSubscriberInput,
    ImportPayload,
    Subscriber,
    SubscriberFilterInput,
    SubscriberPayload,
    SubscribersPayload,
    SuppressAddressPayload,
    Suppression,
    UnsuppressAddressPayload,
    UpdateSubscriberInput,
)
from schema.base.connections import After, Connection, First, connection, page_request
from schema.base.context import Info
from schema.base.node import decode_id, decode_ids, readable_by_id
from schema.jobs import Job

MOST_SUBSCRIBERS: Final = 1_000
MOST_MAPPINGS: Final = 500
_CHUNK_BYTES: Final = 256 * 1024

SubscriberId = Annotated[strawberry.ID, strawberry.argument(description="Which subscriber.")]
SubscriberIds = Annotated[
    list[strawberry.ID],
    strawberry.argument(description="Up to 1,000 subscribers; unknown ids are passed over."),
]
Tags = Annotated[list[str], strawberry.argument(description="Up to 100 of up to 100 characters.")]
NewSubscriber = Annotated[
    CreateSubscriberInput, strawberry.argument(description="What is known of them.")
]
Address = Annotated[str, strawberry.argument(description="The address, in any spelling.")]
CsvFile = Annotated[
    Upload,
    strawberry.argument(
        description="CSV of at most 256 MiB: UTF-8 or UTF-16, a first row of headers, commas,"
        " semicolons or tabs between columns."
    ),
]
Mapping = Annotated[
    list[ColumnMappingInput] | None,
    strawberry.argument(
        description="Up to 500 columns; those left out, or all when null, go by their headers."
    ),
]

readable_by_id("Subscriber", subscribers.read_subscribers)
readable_by_id("Suppression", suppressions.read_suppressions)


async def subscriber(
    info: Info,
    id: Annotated[  # noqa: A002
        strawberry.ID | None, strawberry.argument(description="Their id; or give `email`.")
    ] = None,
    email: Annotated[
        str | None, strawberry.argument(description="Their address, in any spelling; or give `id`.")
    ] = None,
) -> Subscriber | None:
    if (id is None) == (email is None):
        raise InvalidInputError("Name the subscriber by `id` or by `email`.", field="id")
    workspace_id = info.context.workspace_id
    if email is not None:
        row = await subscribers.find_subscriber(workspace_id, email)
    else:
        identifier = decode_id("Subscriber", id or "")
        found = await subscribers.read_subscribers(workspace_id, [identifier])
        row = found.get(identifier)
    return cast("Subscriber | None", row)


async def list_subscribers(
    info: Info,
    first: First = 20,
    after: After = None,
    filter: Annotated[  # noqa: A002
        SubscriberFilterInput | None,
        strawberry.argument(description="Who is wanted; null for everybody."),
    ] = None,
) -> Connection[Subscriber]:
    wanted = SubscriberFilter() if filter is None else SubscriberFilter(**vars(filter))
    page = await subscribers.list_subscribers(
        info.context.workspace_id, page_request(first, after), wanted
    )
    return connection(page)


async def create_subscriber(info: Info, input: NewSubscriber) -> SubscriberPayload:  # noqa: A002
    row = await subscribers.create_subscriber(info.context.workspace_id, vars(input), now())
    return SubscriberPayload(subscriber=cast("Subscriber", row))


async def upsert_subscriber(info: Info, input: NewSubscriber) -> SubscriberPayload:  # noqa: A002
    row = await subscribers.upsert_subscriber(info.context.workspace_id, vars(input), now())
    return SubscriberPayload(subscriber=cast("Subscriber", row))


async def update_subscriber(
    info: Info,
    id: SubscriberId,  # noqa: A002
    input: Annotated[UpdateSubscriberInput, strawberry.argument(description="What is to change.")],  # noqa: A002
) -> SubscriberPayload:
    changes = {name: value for name, value in vars(input).items() if value is not strawberry.UNSET}
    row = await subscribers.update_subscriber(
        info.context.workspace_id, decode_id("Subscriber", id), changes, now()
    )
    return SubscriberPayload(subscriber=cast("Subscriber", row))


async def add_tags(info: Info, subscriber_ids: SubscriberIds, tags: Tags) -> SubscribersPayload:
    rows = await subscribers.add_tags(
        info.context.workspace_id, _subscriber_ids(subscriber_ids), tags, now()
    )
    return SubscribersPayload(subscribers=cast("list[Subscriber]", rows))


async def remove_tags(info: Info, subscriber_ids: SubscriberIds, tags: Tags) -> SubscribersPayload:
    rows = await subscribers.remove_tags(
        info.context.workspace_id, _subscriber_ids(subscriber_ids), tags, now()
    )
    return SubscribersPayload(subscribers=cast("list[Subscriber]", rows))


def _subscriber_ids(global_ids: list[strawberry.ID]) -> list[UUID]:
    return decode_ids("Subscriber", global_ids, most=MOST_SUBSCRIBERS)


async def unsubscribe_subscriber(
    info: Info,
    id: SubscriberId,  # noqa: A002
) -> SubscriberPayload:
    workspace_id, identifier = info.context.workspace_id, decode_id("Subscriber", id)
    await unsubscribing.unsubscribe(workspace_id, [identifier], now())
    found = await subscribers.read_subscribers(workspace_id, [identifier])
    if identifier not in found:
        raise NotFoundError("There is no such subscriber.", field="id")
    return SubscriberPayload(subscriber=cast("Subscriber", found[identifier]))


async def resubscribe_subscriber(
    info: Info,
    id: SubscriberId,  # noqa: A002
) -> SubscriberPayload:
    row = await subscribers.resubscribe(
        info.context.workspace_id, decode_id("Subscriber", id), now()
    )
    return SubscriberPayload(subscriber=cast("Subscriber", row))


async def suppress_address(info: Info, email: Address) -> SuppressAddressPayload:
    row = await suppressions.suppress_address(info.context.workspace_id, email, now())
    return SuppressAddressPayload(suppression=cast("Suppression", row))


async def unsuppress_address(info: Info, email: Address) -> UnsuppressAddressPayload:
    address = await suppressions.unsuppress_address(info.context.workspace_id, email)
    return UnsuppressAddressPayload(email=address)


async def import_subscribers(info: Info, file: CsvFile, mapping: Mapping = None) -> ImportPayload:
    job_id = await imports.start_import(
        info.context.workspace_id,
        _chunks_of(file),
        now(),
        filename=_filename(file),
        mapping=_mappings(mapping),
    )
    return await _import_payload(info, job_id)


async def import_events(
    info: Info,
    file: CsvFile,
    mapping: Mapping = None,
    name: Annotated[
        str | None,
        strawberry.argument(description="The events' name, for files without a column for it."),
    ] = None,
    create_subscribers: Annotated[
        bool,
        strawberry.argument(
            description="Whether an unknown address becomes a subscriber; else it is refused."
        ),
    ] = False,
    starts: Annotated[
        Starts, strawberry.argument(description="Which of the events may start sequences.")
    ] = Starts.NONE,
) -> ImportPayload:
    job_id = await event_imports.start_event_import(
        info.context.workspace_id,
        _chunks_of(file),
        now(),
        filename=_filename(file),
        mapping=_mappings(mapping),
        name=name,
        creates_subscribers=create_subscribers,
        starts=starts,
    )
    return await _import_payload(info, job_id)


async def _chunks_of(file: Upload) -> AsyncIterator[bytes]:
    if not hasattr(file, "read"):
        raise RequiredError("Send the file as multipart/form-data.", field="file")
    while chunk := await file.read(_CHUNK_BYTES):
        yield chunk


def _filename(file: Upload) -> str:
    return str(getattr(file, "filename", "") or "")


def _mappings(given: list[ColumnMappingInput] | None) -> list[ColumnMapping]:
    if given is not None and len(given) > MOST_MAPPINGS:
        raise InvalidInputError(f"At most {MOST_MAPPINGS} mappings.", field="mapping")
    return [ColumnMapping(**vars(one)) for one in given or []]


async def _import_payload(info: Info, job_id: UUID) -> ImportPayload:
    found = await read_jobs(info.context.workspace_id, [job_id])
    return ImportPayload(job=cast("Job", found[job_id]))
