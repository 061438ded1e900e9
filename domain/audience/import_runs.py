"""Reading a job's CSV file batch by batch: what landed and how far it is become true together.

A job that breaks off goes on behind the last batch that landed, in any process.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final, Generic, NamedTuple, TypeVar

from domain.audience.csv_rows import Place, Row, RowReader
from domain.audience.import_plans import FilePlan
from domain.base.database import transaction
from domain.base.job_files import read_piece
from domain.base.jobs import ClaimedJob, Clock, Values, report_progress
from domain.base.shapes import decode

BATCH_ROWS: Final = 5000
MAX_KEPT_FAULTS: Final = 1000

B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the row that begins in `line` did not land; `column` is the header's, None for all."""

    line: int
    column: str | None
    reason: str


class Reading(NamedTuple, Generic[B]):
    """What a batch of rows holds, and which of its rows cannot land."""

    batch: B
    faults: list[Fault]


@dataclass(frozen=True, slots=True)
class Steps(Generic[B]):
    """How the rows of a kind of file are read and landed.

    `read` runs in a thread and touches nothing else; `prepare` runs before the transaction in
    which `land` writes. `land` answers counts that are added up, and further faults.
    """

    read: Callable[[FilePlan, Sequence[Row], datetime], Reading[B]]
    land: Callable[[ClaimedJob, B, datetime], Awaitable[Reading[dict[str, int]]]]
    prepare: Callable[[B], Awaitable[None]] | None = None


@dataclass(slots=True)
class Tally:
    """How far a file is. `rows` counts those read, `invalid` those of them that did not land;
    `errors` holds the first of their faults.
    """

    offset: int
    line: int
    rows: int = 0
    invalid: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    errors: list[Fault] = field(default_factory=list)

    @classmethod
    def of(cls, progress: Values, start: Place) -> "Tally":
        """As the last report said; a job without one stands at the start."""
        if not progress:
            return cls(start.offset, start.line)
        known = decode(_Report, progress)
        return cls(
            known.offset,
            known.line,
            known.rows,
            known.invalid,
            {one.name: one.count for one in known.counts},
            list(known.errors),
        )

    def report(self, rows_per_second: float) -> Values:
        return {
            **asdict(self),
            "counts": [{"name": name, "count": count} for name, count in self.counts.items()],
            "rows_per_second": round(rows_per_second, 1),
        }

    def add(self, rows: int, place: Place, counts: dict[str, int], faults: Sequence[Fault]) -> None:
        self.offset, self.line = place.offset, place.line
        self.rows += rows
        self.invalid += len(faults)
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        self.errors += sorted(faults, key=lambda fault: fault.line)[
            : MAX_KEPT_FAULTS - len(self.errors)
        ]


@dataclass(frozen=True, slots=True)
class _Count:
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class _Report:
    offset: int
    line: int
    rows: int
    invalid: int
    counts: tuple[_Count, ...]
    errors: tuple[Fault, ...]
    rows_per_second: float


async def run_file_job(job: ClaimedJob, clock: Clock, steps: Steps[B]) -> Values:
    """Land the rest of the job's file; the result is the whole file's counts.

    The next batch is read while one is landed. Raises a `DomainError` for a file that cannot be
    read on, after all before that place has landed, and `JobLostError`.
    """
    plan = decode(FilePlan, job.input["plan"])
    tally = Tally.of(job.progress, plan.start)
    pace = _Pace(clock)
    landing: asyncio.Task[None] | None = None
    start = Place(tally.offset, tally.line)
    try:
        async with aclosing(_read_batches(job, plan, start)) as batches:
            async for rows, place in batches:
                reading = await asyncio.to_thread(steps.read, plan, rows, clock())
                if landing is not None:
                    await landing
                landing = asyncio.create_task(
                    _land(job, clock, steps, tally, pace, _Batch(len(rows), place, reading))
                )
    finally:
        if landing is not None:
            await landing
    return {"rows": tally.rows, "invalid": tally.invalid, **tally.counts}


class _Batch(NamedTuple, Generic[B]):
    rows: int
    place: Place
    reading: Reading[B]


class _Pace:
    """Rows a second since this run began."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock()
        self._rows = 0

    def after(self, rows: int) -> float:
        self._rows += rows
        return self._rows / max((self._clock() - self._began).total_seconds(), 0.001)


async def _land(
    job: ClaimedJob, clock: Clock, steps: Steps[B], tally: Tally, pace: _Pace, batch: _Batch[B]
) -> None:
    if steps.prepare is not None:
        await steps.prepare(batch.reading.batch)
    now = clock()
    async with transaction():
        counts, more = await steps.land(job, batch.reading.batch, now)
        tally.add(batch.rows, batch.place, counts, [*batch.reading.faults, *more])
        await report_progress(job, tally.report(pace.after(batch.rows)), now)


async def _read_batches(
    job: ClaimedJob, plan: FilePlan, start: Place
) -> AsyncGenerator[tuple[list[Row], Place], None]:
    reader = RowReader(plan.delimiter, start)
    fed = start.offset
    while True:
        while reader.wants_more:
            piece = await read_piece(job.workspace_id, job.id, fed)
            if piece:
                reader.feed(piece)
                fed += len(piece)
            else:
                reader.finish()
        # Rows end early when the next piece is needed; none at all means the end of the file.
        rows = await asyncio.to_thread(reader.read, BATCH_ROWS)
        if rows:
            yield rows, reader.place
        elif not reader.wants_more:
            return
