from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.base.signing import TOKEN_LENGTH, Grant, SignedTokens

SECRET = "a secret of the tests, long enough to be taken"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(minutes=15)
GRANT = Grant(UUID(int=1), UUID(int=2))


@pytest.fixture
def tokens() -> SignedTokens:
    return SignedTokens(SECRET, "exports")


def test_a_token_stands_for_its_thing_until_it_ends(tokens: SignedTokens) -> None:
    token = tokens.issue(GRANT, UNTIL)
    assert len(token) == TOKEN_LENGTH
    assert tokens.read(token, NOW) == GRANT
    assert tokens.read(token, UNTIL - timedelta(microseconds=1)) == GRANT
    assert tokens.read(token, UNTIL) is None


def test_another_purpose_or_secret_reads_nothing(tokens: SignedTokens) -> None:
    token = tokens.issue(GRANT, UNTIL)
    assert SignedTokens(SECRET, "reports").read(token, NOW) is None
    assert SignedTokens(SECRET + "x", "exports").read(token, NOW) is None


def test_a_token_with_any_bit_changed_reads_nothing(tokens: SignedTokens) -> None:
    raw = urlsafe_b64decode(tokens.issue(GRANT, UNTIL))
    for place in range(8 * len(raw)):
        altered = bytearray(raw)
        altered[place // 8] ^= 1 << place % 8
        assert tokens.read(urlsafe_b64encode(altered).decode(), NOW) is None


@pytest.mark.parametrize(
    "token", ["", "x", "A" * 80, "=" * 80, "é" * 80, "\0" * 80, "." * 79 + "A", "A" * 81]
)
def test_what_is_no_token_reads_nothing(tokens: SignedTokens, token: str) -> None:
    assert tokens.read(token, NOW) is None


def test_a_token_has_one_spelling(tokens: SignedTokens) -> None:
    token = tokens.issue(GRANT, UNTIL)
    for spelling in (token + "=", token[:40] + "!" + token[40:-1], " " + token[1:], token[:-1]):
        assert tokens.read(spelling, NOW) is None
