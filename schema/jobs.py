"""Long work and how far it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, cast

import strawberry
from strawberry.scalars import JSON

from domain.audience.rejected_rows import rejected_rows_token
from domain.base.clock import now
from domain.base.database import Record
from domain.base.errors import InvalidInputError
from domain.base.job_reads import read_errors
from domain.base.jobs import JobStatus, json_column
from schema.base.batch import batch_field
from schema.base.context import Info
from schema.base.enums import described_enum
from schema.base.node import Node

MOST_ERRORS: Final = 1_000

described_enum(
    JobStatus,
    name="JobStatus",
    description="Waiting, at work, or ended well or not.",
    values={
        JobStatus.QUEUED: "Waits for a worker.",
        JobStatus.RUNNING: "A worker is at it.",
        JobStatus.SUCCEEDED: "Ended well: `result` says what came of it.",
        JobStatus.FAILED: "Ended badly: `error` says why.",
    },
)


@strawberry.type(description="How often something happened in a job.")
class JobCount:
    name: str = strawberry.field(description="Such as `created` or `updated`.")
    count: int = strawberry.field(description="How often.")


@strawberry.type(description="A row of a file that could not be taken.")
class RowError:
    line: int = strawberry.field(description="The line of the file in which the row begins.")
    column: str | None = strawberry.field(description="The column at fault; null for the row.")
    reason: str = strawberry.field(description="For people.")


async def errors_of_jobs(
    parents: Sequence[Record],
    info: Info,
    first: Annotated[int, strawberry.argument(description="How many at most: 1 to 1,000.")] = 100,
) -> list[list[RowError]]:
    if not 1 <= first <= MOST_ERRORS:
        raise InvalidInputError(f"`first` must be from 1 to {MOST_ERRORS}.", field="first")
    found = await read_errors(info.context.workspace_id, [row["id"] for row in parents], first)
    return [cast("list[RowError]", found.get(row["id"], [])) for row in parents]


@strawberry.type(description="Work that takes long; it goes on where it stood if a worker dies.")
class Job(Node):
    kind: str = strawberry.field(description="Such as `import_subscribers`.")
    status: JobStatus = strawberry.field(description="Where it is.")
    error: str | None = strawberry.field(description="Why it failed.")
    created_at: datetime = strawberry.field(description="When it was asked for, UTC.")
    started_at: datetime | None = strawberry.field(description="When it was first taken up, UTC.")
    finished_at: datetime | None = strawberry.field(description="When it ended, UTC.")

    @strawberry.field(description="The name of its file.")
    def filename(self) -> str | None:
        name = json_column(cast("Record", self), "input").get("filename")
        return str(name) if name else None

    @strawberry.field(description="Rows of its file that are done with.")
    def rows(self) -> int:
        return _number(self, "rows")

    @strawberry.field(description="Those of them that could not be taken.")
    def invalid_rows(self) -> int:
        return _number(self, "invalid")

    @strawberry.field(description="What came of the others.")
    def counts(self) -> list[JobCount]:
        counts = json_column(cast("Record", self), "progress").get("counts", [])
        return cast("list[JobCount]", counts)

    @strawberry.field(description="Rows of its file a second, as of the last report.")
    def rows_per_second(self) -> float | None:
        pace = json_column(cast("Record", self), "progress").get("rows_per_second")
        return cast("float | None", pace)

    @strawberry.field(
        description="How much of its file is done, from 0 to 100; null for work without one."
    )
    def percent(self) -> float | None:
        row = cast("Record", self)
        if row["status"] == JobStatus.SUCCEEDED:
            return 100.0
        size = json_column(row, "input").get("bytes")
        if not isinstance(size, int) or not size:
            return None
        return round(100 * _number(self, "offset") / size, 1)

    @strawberry.field(description="What came of it; null until it has succeeded.")
    def result(self) -> JSON | None:
        row = cast("Record", self)
        return None if row["result"] is None else cast("JSON", json_column(row, "result"))

    @strawberry.field(
        description="Where the rows that could not be taken are to be had as a CSV file, without a"
        " sign-in, for 15 to 30 minutes; null while there are none. 1,000 are kept."
    )
    def errors_url(self, info: Info) -> str | None:
        if not _number(self, "invalid"):
            return None
        settings, identifier = info.context.settings, cast("Record", self)["id"]
        workspace_id = info.context.workspace_id
        token = rejected_rows_token(settings.secret_key, workspace_id, identifier, now())
        return f"{settings.public_url}/download/{token}"

    errors: list[RowError] = batch_field(
        errors_of_jobs, description="The first rows that could not be taken, by line; 1,000 kept."
    )


def _number(job: Job, name: str) -> int:
    return cast("int", json_column(cast("Record", job), "progress").get(name, 0))
