from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from asyncpg.pgproto import pgproto
from hypothesis import given
from hypothesis import strategies as st

from domain.base.ids import fact_id, first_id_at, milliseconds, new_id, time_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=365 * 8_000)).map(EPOCH.__add__)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(MOMENTS)
def test_an_id_carries_its_time_to_the_millisecond(at: datetime) -> None:
    whole = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert time_of(new_id(at)) == whole
    assert time_of(fact_id(at, "x")) == whole


@given(MOMENTS)
def test_ids_are_version_7_of_the_rfc_variant(at: datetime) -> None:
    for identifier in (new_id(at), fact_id(at, 1)):
        assert (identifier.version, identifier.variant) == (7, "specified in RFC 4122")


def test_the_same_fact_has_the_same_id() -> None:
    key = (UUID(int=5), "order", 17)
    assert fact_id(NOON, *key) == fact_id(NOON + timedelta(microseconds=400), *key)


def test_a_key_has_one_id_whether_it_was_read_from_the_database_or_not() -> None:
    text = "0195505f-8a00-7000-8000-000000000001"
    assert fact_id(NOON, UUID(text), 1) == fact_id(NOON, pgproto.UUID(text), 1)


@pytest.mark.parametrize(
    ("left", "right"), [(("ab", "c"), ("a", "bc")), (("a",), ("a", "")), ((1,), (2,))]
)
def test_other_facts_have_other_ids(left: tuple[object, ...], right: tuple[object, ...]) -> None:
    assert fact_id(NOON, *left) != fact_id(NOON, *right)


def test_ids_of_a_time_lie_between_the_bounds_of_its_millisecond() -> None:
    later = NOON + timedelta(milliseconds=1)
    for identifier in (new_id(NOON), fact_id(NOON, "x")):
        assert first_id_at(NOON) <= identifier < first_id_at(later)


def test_a_time_before_1970_is_refused() -> None:
    with pytest.raises(ValueError, match="1969-12-31"):
        milliseconds(datetime(1969, 12, 31, tzinfo=UTC))
