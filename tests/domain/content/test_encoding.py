"""Pieces of quoted-printable, put together, decode to their texts put together."""

import quopri

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.content.encoding import encode

AWKWARD = st.sampled_from(
    [".", "From ", "F", "rom ", " ", "  ", "\n", "\r\n", "\t", "=", "=3D", "\0", "é", "я", "😀",
     "a" * 73, "b" * 76]
)  # fmt: skip
TEXTS = st.lists(AWKWARD | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join)


def decoded(encoded: str) -> str:
    return quopri.decodestring(encoded.encode("ascii")).decode()


def breaks_as_crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_pieces_decode_to_their_texts(texts: list[str]) -> None:
    assert decoded("".join(map(encode, texts))) == "".join(map(breaks_as_crlf, texts))


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_lines_are_short_and_need_no_care_from_mail_servers(one: str, other: str) -> None:
    lines = (encode(one) + encode(other)).split("\r\n")
    assert lines.pop() == ""
    for line in lines:
        assert len(line) <= 76
        assert not line.startswith((".", "From "))
        assert "  " not in line
        assert not line.endswith(" ")
        assert line.isascii()
        assert line.isprintable()


def test_a_short_safe_text_is_itself_on_a_line_of_its_own() -> None:
    assert encode("Anna") == "Anna=\r\n"


def test_an_escape_is_never_broken() -> None:
    assert encode("a" * 74 + "é") == "a" * 74 + "=\r\n=C3=A9=\r\n"


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert encode("\ud83d") == "?=\r\n"
