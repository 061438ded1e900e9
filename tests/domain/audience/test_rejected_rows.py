from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.audience.rejected_rows import LINK_LIFETIME, rejected_rows_token

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def token(now: datetime) -> str:
    return rejected_rows_token("a secret", UUID(int=1), UUID(int=2), now)


def test_a_link_stays_the_same_for_its_quarter_of_an_hour() -> None:
    assert token(NOON) == token(NOON + LINK_LIFETIME - timedelta(seconds=1))
    assert token(NOON) != token(NOON + LINK_LIFETIME)
