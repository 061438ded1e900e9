"""What Liquid in mail does, refuses and names."""

from datetime import UTC, datetime

import pytest

from domain.content.liquid import (
    HTML,
    MAX_CONSTRUCTS,
    TEXT,
    Program,
    TemplateError,
    TemplateLimitError,
    find_constructs,
)

VALUES = {
    "subscriber": {"first_name": "Ann & Bo", "last_name": None, "attributes": {"tags": ["a", "b"]}},
    "now": datetime(2026, 3, 1, 12, tzinfo=UTC),
}


def rendered(source: str) -> str:
    return Program(HTML, source, field="body").render(VALUES)


def failure(source: str) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        rendered(source)
    return caught.value


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("{{ subscriber.first_name }}", "Ann &amp; Bo"),
        ("{{ subscriber.last_name }}", ""),
        ("{{ subscriber.attributes.plan | default: 'free' }}", "free"),
        ("{{ nobody.at.all | default: 'free' }}", "free"),
        ("{% if subscriber.attributes.plan == 'pro' %}a{% else %}b{% endif %}", "b"),
        ("{% if subscriber.attributes.plan contains 'pro' %}a{% else %}b{% endif %}", "b"),
        ("{% if subscriber.attributes.visits > 3 %}a{% else %}b{% endif %}", "b"),
        ("{% if subscriber.attributes.plan == nil %}none{% endif %}", "none"),
        ("{% unless subscriber.attributes.plan %}none{% endunless %}", "none"),
        ("{% for tag in subscriber.attributes.tags %}[{{ tag }}]{% endfor %}", "[a][b]"),
        ("{{ 'now' | date: '%d.%m.%Y' }}", "01.03.2026"),
        ("{{ 0 | date: '%Y-%m-%d %H:%M' }}", "1970-01-01 00:00"),
        ("{{ subscriber.first_name | safe }}", "Ann & Bo"),
        ("{% raw %}{{ kept }}{% endraw %}", "{{ kept }}"),
    ],
)
def test_a_source_renders_to(source: str, result: str) -> None:
    assert rendered(source) == result


def test_plain_text_is_not_escaped_even_when_asked() -> None:
    source = "{{ subscriber.first_name }} {{ subscriber.first_name | escape }}"
    assert Program(TEXT, source, field="text").render(VALUES) == "Ann & Bo Ann & Bo"


@pytest.mark.parametrize(
    ("source", "line", "variable"),
    [
        ("\n\n{{ subscriber.attributes.plan }}", 3, "subscriber.attributes.plan"),
        ("{{ nobody }}", 1, "nobody"),
        ("\n{{ nobody | upcase }}", 2, "nobody"),
        ("\n{{ 'a' | append: nobody.name }}", 2, "nobody"),
        ("{{ nobody | date: '%Y' }}", 1, "nobody"),
        ("\n{% for x in nobody.items %}{% endfor %}", 2, "nobody"),
        ("{% if true %}\n{{ nobody }}{% endif %}", 2, "nobody"),
        ("{{ subscriber.attributes.tags[9] }}", 1, "subscriber"),
    ],
)
def test_what_is_missing_is_named_with_its_line(source: str, line: int, variable: str) -> None:
    error = failure(source)
    assert (error.line, error.variable, error.field) == (line, variable, "body")
    assert error.message == f"line {line}: `{variable}` has no value"


@pytest.mark.parametrize(
    ("source", "line", "reason"),
    [
        ("\n{% include 'file' %}", 2, "unexpected tag 'include'"),
        ("{% render 'file' %}", 1, "unexpected tag 'render'"),
        ("\n\n{{ open", 3, "expected `}}`"),
        ("\n{% raw %}", 2, "`raw` is never closed by `endraw`"),
        ("a\n{% if x %}\nb", 3, "expected tag endif, found end of expression"),
        ("\n{% break %}", 2, "`break` outside of a loop"),
        ("\n{{ 1 | divided_by: 0 }}", 2, "divided_by: can't divide by 0"),
        ("{{ 1e9999 | plus: 1 }}{{ 99999999999999999999 | date: '%Y' }}", 1,
         "timestamp out of range for platform time_t"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(source: str, line: int, reason: str) -> None:
    error = failure(source)
    assert (error.line, error.reason) == (line, reason)


DOUBLING = "{% assign x = 'aaaaaaaaaa' %}" + "{% assign x = x | append: x %}" * 12


@pytest.mark.parametrize(
    "bomb",
    [
        "{% for i in (1..100000000) %}x{% endfor %}",
        "{% for i in (1..200) %}{% for j in (1..200) %}{% endfor %}{% endfor %}",
        "{% for i in (1..6000) %}{% endfor %}" * 2,
        "{% tablerow i in (1..100000000) %}x{% endtablerow %}",
        "{{ (1..1000000000) | join: '' }}",
        DOUBLING + "{% assign x = x | append: x %}" * 12,
        DOUBLING + "{{ x | replace: 'a', x }}",
        DOUBLING + "{{ x | replace: '', x }}",
        DOUBLING + "{% assign y = x | truncate: 30000 | split: '' %}{{ y | join: x }}",
        DOUBLING + "{% for i in (1..200) %}{{ x | upcase }}{% endfor %}",
        "{% assign n = 9 %}" + "{% assign n = n | times: n %}" * 40 + "{{ n }}",
        "{% assign a = subscriber.attributes.tags %}" + "{% assign a = a | concat: a %}" * 40,
        "{% for i in (1..9999) %}" + "x" * 1000 + "{% endfor %}",
        "{{ now }}" * (MAX_CONSTRUCTS + 1),
        "{{" + " " * 200_000 + "}}",
    ],
)
def test_a_bomb_stops_at_a_limit(bomb: str) -> None:
    assert isinstance(failure(bomb), TemplateLimitError)


def test_variables_are_told_with_their_lines_and_without_the_templates_own() -> None:
    source = (
        "{{ subscriber.first_name }}{% assign own = 1 %}{{ own }}\n"
        "{% for one in event.items %}{{ one.name }}{{ forloop.index }}{% endfor %}\n"
        "{{ event['a b'].c }}{{ event[subscriber.email] }}"
    )
    assert sorted(Program(HTML, source, field="body").variables()) == [
        (("event",), 3),
        (("event", "a b", "c"), 3),
        (("event", "items"), 2),
        (("subscriber", "email"), 3),
        (("subscriber", "first_name"), 1),
    ]


def test_constructs_are_found_as_the_parser_sees_them() -> None:
    source = (
        "a{{ b }}\n{% comment %}{{ x }}{% comment %}{% endcomment %}\n{% endcomment %}"
        "\n{%- if x -%}{% raw %}{{ q }}{% endraw %}{% endif %}"
    )
    found = [
        (source[one.start : one.end], one.line, one.is_block_tag, one.is_comment)
        for one in find_constructs(source)
    ]
    assert found == [
        ("{{ b }}", 1, False, False),
        ("{% comment %}{{ x }}{% comment %}{% endcomment %}\n{% endcomment %}", 2, True, True),
        ("{%- if x -%}", 4, True, False),
        ("{% raw %}{{ q }}{% endraw %}", 4, False, False),
        ("{% endif %}", 4, True, False),
    ]
