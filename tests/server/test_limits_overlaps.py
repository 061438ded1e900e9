"""Counting what comparing fields of one name takes, without doing it."""

import pytest
from graphql import GraphQLError, get_introspection_query, parse

from server.limits import MAX_COMPARISONS, check_overlaps


def is_refused(text: str) -> bool:
    try:
        check_overlaps(parse(text))
    except GraphQLError as error:
        return error.extensions == {"code": "LIMIT_EXCEEDED"}
    return False


def test_each_two_fields_of_one_name_count_once() -> None:
    # n fields make n (n - 1) / 2 pairs.
    assert MAX_COMPARISONS == 3_000
    assert not is_refused("{ " + "a " * 77 + "}")
    assert is_refused("{ " + "a " * 78 + "}")


@pytest.mark.parametrize(
    ("times", "refused"),
    [
        # Pairs of a: n (n - 1) / 2, each with one of b and one of c.
        (45, False),
        (46, True),
    ],
)
def test_what_is_in_two_fields_is_compared_too(times: int, refused: bool) -> None:
    assert is_refused("{ " + "a { b c } " * times + "}") is refused


def test_names_given_by_aliases_are_what_counts() -> None:
    assert is_refused("{ " + " ".join(f"a: f{i}" for i in range(78)) + " }")
    assert not is_refused("{ " + " ".join(f"a{i}: f" for i in range(78)) + " }")


def test_fields_of_fragments_are_among_those_of_the_selection() -> None:
    fragments = " ".join(f"fragment F{i} on Query {{ {'a ' * 20} }}" for i in range(4))
    spread = "{ " + " ".join(f"...F{i}" for i in range(4)) + " }"
    assert is_refused(f"{spread} {fragments}")
    inline = " ".join(f"... on Query {{ {'a ' * 20} }}" for _ in range(4))
    assert is_refused(f"{{ {inline} }}")


def test_one_fragment_spread_often_counts_once() -> None:
    assert not is_refused("{ " + "...F " * 400 + "} fragment F on Query { a b }")


def test_fragments_that_go_round_end() -> None:
    assert is_refused("{ a { ...F } a { ...F } } fragment F on Query { a { ...F } a { ...F } }")
    assert not is_refused("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }")


def test_what_is_not_there_is_no_matter_of_this_rule() -> None:
    assert not is_refused("{ ...Nowhere }")


def test_the_introspection_that_clients_send_compares_nothing() -> None:
    assert not is_refused(get_introspection_query(descriptions=True))


def test_a_page_made_of_thirty_components_is_allowed() -> None:
    parts = " ".join(f"author {{ id name part{i} }}" for i in range(30))
    assert not is_refused(f"{{ post {{ id {parts} }} }}")
