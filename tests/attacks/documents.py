"""Documents that are small to send and dear to take seriously.

Each is made anew by its number, so that no cache of documents helps against it.
"""

from collections.abc import Callable

Attack = Callable[[int], str]


def _nested(opening: str, inside: str, closing: str, depth: int) -> str:
    return opening * depth + inside + closing * depth


def fragment_chain(number: int) -> str:
    """Each spreads the next one twice: 2 to the 60th fields."""
    chain = "".join(f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }} " for i in range(60))
    return f"query Q{number} {{ ...F0 }} {chain} fragment F60 on Query {{ __typename }}"


def fragment_fan(number: int) -> str:
    """Every fragment spreads all that follow: each pair of them may be compared."""
    count = 40
    fragments = "".join(
        f"fragment F{i} on Query {{ {' '.join(f'...F{j}' for j in range(i + 1, count))}"
        " __typename } "
        for i in range(count)
    )
    return f"query Q{number} {{ ...F0 }} {fragments}"


def fragment_circle(number: int) -> str:
    circle = "".join(f"fragment F{i} on Query {{ ...F{(i + 1) % 200} }} " for i in range(200))
    return f"query Q{number} {{ ...F0 }} {circle}"


def alias_bomb(number: int) -> str:
    return f"query Q{number} {{ {' '.join(f'a{i}: __typename' for i in range(10_000))} }}"


def alias_bomb_below_the_token_limit(number: int) -> str:
    return f"query Q{number} {{ {' '.join(f'a{i}: __typename' for i in range(600))} }}"


def directive_bomb(number: int) -> str:
    return f"query Q{number} {{ __typename {'@skip(if: false) ' * 5_000} }}"


def directive_bomb_below_the_token_limit(number: int) -> str:
    return f"query Q{number} {{ __typename {'@nothing ' * 900} }}"


def ten_thousand_fields(number: int) -> str:
    return f"query Q{number} {{ {'__typename ' * 10_000} }}"


def repeated_fields(number: int) -> str:
    """Fields of one name are compared pair by pair, and what is in them too."""
    return f"query Q{number} {{ {'viewer { role } ' * 450} }}"


def repeated_fields_with_arguments(number: int) -> str:
    return f"query Q{number} {{ {'node(id: 1) { id } ' * 200} }}"


def repeated_nests(number: int) -> str:
    inner = "viewer { workspace { id name } user { id name } } "
    return f"query Q{number} {{ {inner * 120} }}"


def unknown_names(number: int) -> str:
    """For each of which a good library would look for the nearest known one."""
    return f"query Q{number} {{ {' '.join(f'subscribeers{i}' for i in range(900))} }}"


def long_names(number: int) -> str:
    return f"query Q{number} {{ {'x' * 45_000} }}"


def deep_fields(number: int) -> str:
    return f"query Q{number} {{ {_nested('a { ', 'b', ' }', 5_000)} }}"


def deep_literals(number: int) -> str:
    return f"query Q{number} {{ node(id: {_nested('[', '1', ']', 20_000)}) {{ id }} }}"


def deep_types(number: int) -> str:
    return f"query Q{number}($a: {_nested('[', 'ID', ']', 20_000)}) {{ __typename }}"


def many_variables(number: int) -> str:
    declared = " ".join(f"$v{i}: ID = 1" for i in range(330))
    return f"query Q{number}({declared}) {{ __typename }}"


def many_operations(number: int) -> str:
    return " ".join(f"query Q{number}x{i} {{ __typename }}" for i in range(400))


def long_text(number: int) -> str:
    text = "\\" * 49_000
    return f'query Q{number} {{ node(id: "{text}") {{ id }} }}'


def many_comments(number: int) -> str:
    return f"query Q{number} {{ __typename }}" + "#\n" * 24_000


def introspection_circle(number: int) -> str:
    """The schema describes itself: each level multiplies what comes back."""
    inner = _nested("fields { type { ", "name", " } }", 6)
    return f"query Q{number} {{ __schema {{ types {{ {inner} }} }} }}"


def introspection_of_possible_types(number: int) -> str:
    inner = _nested("possibleTypes { interfaces { ", "name", " } }", 8)
    return f"query Q{number} {{ __schema {{ types {{ {inner} }} }} }}"


DOCUMENTS: list[Attack] = [
    fragment_chain,
    fragment_fan,
    fragment_circle,
    alias_bomb,
    alias_bomb_below_the_token_limit,
    directive_bomb,
    directive_bomb_below_the_token_limit,
    ten_thousand_fields,
    repeated_fields,
    repeated_fields_with_arguments,
    repeated_nests,
    unknown_names,
    long_names,
    deep_fields,
    deep_literals,
    deep_types,
    many_variables,
    many_operations,
    long_text,
    many_comments,
    introspection_circle,
    introspection_of_possible_types,
]
