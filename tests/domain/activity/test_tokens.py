from uuid import UUID

import pytest

from domain.activity.tokens import TOKEN_LENGTH, MessageReference, MessageTokens

MESSAGE = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
WORKSPACE = UUID("01890a5d-0000-7000-8000-000000000001")
SECRET = "a secret of at least thirty-two characters"


def test_a_token_names_its_message_and_workspace() -> None:
    tokens = MessageTokens(SECRET)
    assert tokens.read(tokens.issue(MESSAGE, WORKSPACE)) == MessageReference(MESSAGE, WORKSPACE)


def test_the_same_message_always_has_the_same_token() -> None:
    assert MessageTokens(SECRET).issue(MESSAGE, WORKSPACE) == MessageTokens(SECRET).issue(
        MESSAGE, WORKSPACE
    )


def test_a_token_is_sixty_url_safe_characters() -> None:
    token = MessageTokens(SECRET).issue(MESSAGE, WORKSPACE)
    assert len(token) == TOKEN_LENGTH
    assert token.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("position", range(TOKEN_LENGTH))
def test_a_token_changed_anywhere_is_refused(position: int) -> None:
    tokens = MessageTokens(SECRET)
    token = tokens.issue(MESSAGE, WORKSPACE)
    other = "A" if token[position] != "A" else "B"
    assert tokens.read(token[:position] + other + token[position + 1 :]) is None


@pytest.mark.parametrize(
    "token", ["", "A" * 60, "A" * 59, "é" * 60, "=" * 60, "!" * 60, "../" * 20, "A" * 10_000]
)
def test_rubbish_is_refused(token: str) -> None:
    assert MessageTokens(SECRET).read(token) is None


def test_a_token_of_an_earlier_secret_is_still_read() -> None:
    old = MessageTokens("the secret of last year, also long enough").issue(MESSAGE, WORKSPACE)
    assert MessageTokens(SECRET).read(old) is None
    rotated = MessageTokens(SECRET, ["the secret of last year, also long enough"])
    assert rotated.read(old) == MessageReference(MESSAGE, WORKSPACE)
    assert rotated.issue(MESSAGE, WORKSPACE) == MessageTokens(SECRET).issue(MESSAGE, WORKSPACE)
