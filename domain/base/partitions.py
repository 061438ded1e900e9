"""Monthly partitions of the large append-only tables, on the time inside the id."""

from collections.abc import Iterable
from datetime import UTC, datetime

from domain.base.database import connection, has_transaction
from domain.base.ids import first_id_at

PARTITIONED_TABLES = ("event", "message", "decision")

_known: set[tuple[str, int, int]] = set()


def _next_month(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004  months of a year


def _name(table: str, year: int, month: int) -> str:
    return f"{table}_{year:04d}_{month:02d}"


async def ensure_months(table: str, times: Iterable[datetime]) -> None:
    """Make the partitions that rows of these times will fall into.

    Call it before the transaction that writes the rows: it takes locks that should be short.
    Raises ValueError for a table that is not partitioned.
    """
    if table not in PARTITIONED_TABLES:
        message = f"{table} is not partitioned"
        raise ValueError(message)
    utc = {(at := time.astimezone(UTC)).year * 12 + at.month - 1 for time in times}
    months = {(table, index // 12, index % 12 + 1) for index in utc}
    for _, year, month in sorted(months - _known):
        await _make(table, year, month)
        if not has_transaction():
            _known.add((table, year, month))


async def _make(table: str, year: int, month: int) -> None:
    name = _name(table, year, month)
    low = first_id_at(datetime(year, month, 1, tzinfo=UTC))
    high = first_id_at(datetime(*_next_month(year, month), 1, tzinfo=UTC))
    async with connection() as raw, raw.transaction():
        await raw.execute("SELECT pg_advisory_xact_lock(hashtext($1))", name)
        if await raw.fetchval("SELECT to_regclass($1) IS NOT NULL", name):
            return
        # Attaching takes a weaker lock than CREATE … PARTITION OF: readers and writers go on.
        await raw.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS)")
        await raw.execute(
            f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')"
        )


async def ensure_ahead(now: datetime, months: int = 2) -> None:
    """Make this month's partitions and the next ones of every partitioned table."""
    year, month = now.astimezone(UTC).year, now.astimezone(UTC).month
    times = []
    for _ in range(months + 1):
        times.append(datetime(year, month, 1, tzinfo=UTC))
        year, month = _next_month(year, month)
    for table in PARTITIONED_TABLES:
        await ensure_months(table, times)


def forget_known() -> None:
    """Forget which partitions exist; for a process that changes its database."""
    _known.clear()
