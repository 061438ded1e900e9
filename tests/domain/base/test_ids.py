from datetime import UTC, datetime
from uuid import UUID

from asyncpg.pgproto import pgproto

from domain.base.ids import fact_id

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
TEXT = "0195505f-8a00-7000-8000-000000000001"


def test_fact_has_one_id_whether_its_key_was_read_from_the_database_or_not() -> None:
    assert fact_id(AT, UUID(TEXT), 1) == fact_id(AT, pgproto.UUID(TEXT), 1)


def test_parts_of_a_key_are_not_run_together() -> None:
    assert fact_id(AT, "ab", "c") != fact_id(AT, "a", "bc")
