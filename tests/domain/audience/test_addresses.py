import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audience.addresses import normalise_email
from domain.base.errors import DomainError, InvalidInputError, RequiredError


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        (" Anna.B+news@Example.COM\t", "anna.b+news@example.com"),
        ("o'neil@mail.example", "o'neil@mail.example"),
        ("anna@Bücher.Example", "anna@xn--bcher-kva.example"),
        ("anna@XN--BCHER-KVA.example", "anna@xn--bcher-kva.example"),
        ("用户@例子.中国", "用户@xn--fsqu00a.xn--fiqs8s"),
        ("MU\u0308LLER@example.com", "m\u00fcller@example.com"),
        (f"{'x' * 64}@example.com", f"{'x' * 64}@example.com"),
    ],
)
def test_one_mailbox_has_one_spelling(given_text: str, kept: str) -> None:
    assert normalise_email(given_text) == kept


def test_people_whose_names_only_fold_together_stay_apart() -> None:
    assert normalise_email("straße@example.com") != normalise_email("strasse@example.com")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("anna", "The e-mail address has no @."),
        ("@example.com", "The e-mail address has nothing before its @."),
        ("anna@", "The e-mail address has nothing after its @."),
        ("anna b@example.com", "The e-mail address holds the character U+0020."),
        ("an\0na@example.com", "The e-mail address holds the character U+0000."),
        ("anna\u200b@example.com", "The e-mail address holds the character U+200B."),
        ("a..b@example.com", "The part of the e-mail address before its @ is malformed."),
        ("a@b@example.com", "The part of the e-mail address before its @ is malformed."),
        ('"a b"@example.com', "A quoted name before the @ is not supported."),
        ("anna@[192.0.2.1]", "An IP address after the @ is not supported."),
        ("anna@192.0.2.1", "The part of the e-mail address after its @ is not a domain."),
        ("anna@localhost", "The part of the e-mail address after its @ is not a domain."),
        ("anna@-b.example", "The part of the e-mail address after its @ is not a domain."),
        ("anna@xn--zz99999.example", "The part of the e-mail address after its @ is not a domain."),
        (
            f"{'ü' * 33}@example.com",
            "The part of the e-mail address before its @ is longer than 64 bytes.",
        ),
        (f"{'a' * 20}@{'b.' * 120}example", "The e-mail address is longer than 254 bytes."),
    ],
)
def test_what_cannot_be_mailed_is_refused_with_its_reason(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        normalise_email(text)
    assert caught.value.message == message


def test_no_address_at_all_is_called_missing() -> None:
    with pytest.raises(RequiredError):
        normalise_email("  ")


@given(st.one_of(st.text(max_size=80), st.from_regex(r"[^@\n]{1,9}@[^@\n]{1,9}\.[a-zA-Z]{2,9}")))
def test_a_kept_spelling_is_its_own_spelling(text: str) -> None:
    try:
        kept = normalise_email(text)
    except DomainError:
        return
    assert normalise_email(kept) == kept
    assert len(kept.encode()) <= 254
    assert kept.rpartition("@")[2].isascii()
