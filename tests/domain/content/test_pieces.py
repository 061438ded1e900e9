"""Bodies encoded in pieces are the bodies that rendering first and encoding then would give."""

import quopri
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.content.compilation import Part
from domain.content.liquid import TemplateError

LITERALS = st.sampled_from(
    ["<p>", "</p>\n", " ", "  ", "\n", ".", "From x", "é=я", "x" * 80, "\n\n", "."]
)
PATHS = st.sampled_from(["a", "b", "c.d", "list[0]", "list.size", "missing | default: a"])
FILTERS = st.sampled_from(
    ["", " | upcase", " | append: b", " | safe", " | newline_to_br", " | truncate: 5"]
)
CONDITIONS = st.sampled_from(
    ["a", "c", "missing", "c.missing", "a == 'x'", "c.d == '<&'", "b == '' or c.d", "list == 'x'"]
)
OUTPUTS = st.tuples(PATHS, FILTERS).map("{{{{ {0[0]}{0[1]} }}}}".format)
LINKS = st.integers(1, 12).map("{{{{ _link }}}}{}".format)
ASSIGNMENTS = st.just("{% assign b = a | append: b %}") | st.just("{% comment %}x{% endcomment %}")
ALONE = LITERALS | OUTPUTS | LINKS | ASSIGNMENTS


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    block = st.lists(inner, max_size=3).map("".join)
    return st.one_of(
        st.tuples(block, block).map(
            "{{% if a == b %}}{0[0]}{{% else %}}{0[1]}{{% endif %}}".format
        ),
        st.tuples(CONDITIONS, block, CONDITIONS, block, block).map(
            "{{% if {0[0]} %}}{0[1]}{{% elsif {0[2]} %}}{0[3]}{{% else %}}{0[4]}{{% endif %}}"
            "".format
        ),
        st.tuples(block, block).map(
            "{{%- unless c.d contains 'x' -%}}{0[0]}{{% else %}}{0[1]}{{% endunless %}}".format
        ),
        st.tuples(block, block).map(
            "{{% for item in list %}}{0[0]}{{{{ item }}}}{{% else %}}{0[1]}{{% endfor %}}".format
        ),
        block.map("{{% for item in list %}}{0}{{% break %}}{{% endfor %}}".format),
        st.tuples(block, block).map(
            "{{% case a %}}{{% when 'x', b %}}{0[0]}{{% else %}}{0[1]}{{% endcase %}}".format
        ),
    )


SOURCES = st.lists(st.recursive(ALONE, nested, max_leaves=8), max_size=8).map("".join)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(".  \n\r<&é"), max_size=9
) | st.sampled_from(["x", "<&"])
VALUES = TEXTS | st.none() | st.booleans() | st.integers(-9, 9)


def decoded(encoded: str) -> str:
    return quopri.decodestring(encoded.encode("ascii")).decode()


@settings(deadline=None)
@given(SOURCES, VALUES, VALUES, VALUES, st.lists(VALUES, max_size=3), st.booleans())
def test_both_ways_give_the_same_mail(
    source: str, a: object, b: object, d: object, items: list[object], is_html: bool
) -> None:
    part = Part(source, (), is_html=is_html)
    assert part.is_piecewise
    values = {"a": a, "b": b, "c": {"d": d}, "list": items or ["one"], "_link": "https://x/c/t=/"}
    try:
        rendered = decoded(part.encode_rendered(values))
    except TemplateError as error:
        with pytest.raises(TemplateError, match=re.escape(error.message)):
            part.encode(values)
        return
    encoded = part.encode(values)
    assert decoded(encoded) == rendered
    for line in encoded.split("\r\n"):
        assert len(line) <= 76
        assert not line.startswith((".", "From "))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{% capture x %}<{{ a }}>{% endcapture %}{{ x }}{{ x }}", "<é=><é=>"),
        ("{% for i in list %}{% ifchanged %}{{ a }}{% endifchanged %}{% endfor %}", "é="),
        ("{% for i in list %}{% cycle 'é', '=' %}{% endfor %}", "é=é"),
        ("{% increment n %}{% increment n %}{{ a }}", "01é="),
        ("{% liquid\necho a\necho a %}", "é=é="),
    ],
)
def test_what_would_be_encoded_twice_goes_the_general_way(source: str, text: str) -> None:
    part = Part(source, (), is_html=False)
    assert not part.is_piecewise
    assert decoded(part.encode({"a": "é=", "list": [1, 2, 3], "_link": ""})) == text


def test_a_value_cannot_stand_in_for_a_link() -> None:
    part = Part("{{ a }}{{ _link }}1", (), is_html=True)
    assert decoded(part.encode({"a": "\0", "_link": "https://x/"})) == "\0https://x/1"
