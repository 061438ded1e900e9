import asyncio
from datetime import UTC, datetime

import pytest

from domain.base import database as db
from domain.base import partitions


async def months_of(table: str) -> list[str]:
    rows = await db.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
        " WHERE inhparent = $1::regclass ORDER BY 1",
        table,
    )
    return [row["name"] for row in rows]


async def test_the_months_of_facts_are_made_once_by_whoever_comes_first(database: str) -> None:
    partitions.forget_known()
    times = [datetime(2081, 12, 31, 23, 59, tzinfo=UTC), datetime(2082, 1, 1, tzinfo=UTC)]

    async def make() -> None:
        partitions.forget_known()
        await partitions.ensure_months("event", times)

    await asyncio.gather(*(make() for _ in range(6)))
    found = await months_of("event")
    made = ["event_2081_12", "event_2082_01"]
    assert [name for name in found if "event_2081" <= name < "event_2083"] == made
    await db.execute("DROP TABLE event_2081_12, event_2082_01")
    partitions.forget_known()


async def test_months_ahead_are_made_for_every_table(database: str) -> None:
    await partitions.ensure_ahead(datetime(2090, 11, 15, tzinfo=UTC))
    for table in partitions.PARTITIONED_TABLES:
        made = [
            name for name in await months_of(table) if "_20" in name and name >= f"{table}_2090"
        ]
        assert made == [f"{table}_2090_11", f"{table}_2090_12", f"{table}_2091_01"]
        await db.execute(f"DROP TABLE {', '.join(made)}")
    partitions.forget_known()


async def test_a_table_that_is_not_partitioned_is_refused(database: str) -> None:
    with pytest.raises(ValueError, match="subscriber is not partitioned"):
        await partitions.ensure_months("subscriber", [])
