"""The plain text part that is derived from HTML."""

import pytest

from domain.content.compilation import CompiledTemplate, prepare_template
from domain.content.models import BodyFormat


def text_of(body: str) -> str:
    return prepare_template("S", body, BodyFormat.HTML, None).text


def test_a_text_part_is_derived_with_its_liquid() -> None:
    assert text_of(
        "<style>p{}</style><div style='display:none'>preheader</div><h1>Hello</h1>"
        "<p>Dear {{ subscriber.first_name }},<br>one &amp; two   three</p>"
        "<ul><li>a</li><li>b</li></ul>"
        "{% if subscriber.last_name %}<p>Only some</p>{% endif %}"
        '<p><a href="https://a.example">More</a> <img src="x" alt="A cat"></p><hr>'
        '<a href="{{ unsubscribe_url }}">Leave</a>'
    ) == (
        "Hello\n\nDear {{ subscriber.first_name }},\none & two three\n\n* a\n* b\n\n"
        "{% if subscriber.last_name %}Only some\n\n{% endif %}"
        "More ({{ _link }}1) A cat\n\n----\n\nLeave ({{ unsubscribe_url }})"
    )


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<a href="https://a.example">A</a><a href="https://b.example">B</a>',
         "A ({{ _link }}1) B ({{ _link }}2)"),
        ('<a href="https://a.example">https://a.example</a>', "{{ _link }}1"),
        ('<a href="mailto:a@b.example?subject=x">a@b.example</a>', "a@b.example"),
        ('<a href="mailto:a%2Bb@b.example">Write</a>', "Write (a+b@b.example)"),
        ('<a href="tel:+494012">+49 (40) 12</a>', "+49 (40) 12"),
        ('<a href="tel:+494012">Call</a>', "Call (+494012)"),
        ('<a href="#top">Up</a>', "Up"),
    ],
)  # fmt: skip
def test_a_link_shows_where_it_leads_once(markup: str, text: str) -> None:
    assert text_of(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<a href="https://a.example"><img alt="A cat"></a><a href="https://a.example">Cats</a>',
         "Cats ({{ _link }}1)"),
        ('<a href="https://a.example"><img></a> <p><a href="https://a.example">Cats</a></p>',
         "Cats ({{ _link }}1)"),
        ('<a href="https://a.example"><img alt="A cat"></a> <a href="https://b.example">Dogs</a>',
         "A cat ({{ _link }}1) Dogs ({{ _link }}2)"),
        (('<a href="https://a.example"><img alt="Cat"></a>'
         '{% if now %}<a href="https://a.example">Cats</a>{% endif %}'),
         "Cat ({{ _link }}1){% if now %}Cats ({{ _link }}1){% endif %}"),
    ],
)  # fmt: skip
def test_a_picture_that_leads_where_words_lead_is_left_out(markup: str, text: str) -> None:
    assert text_of(markup) == text


def test_preformatted_lines_keep_their_breaks_and_indents() -> None:
    assert text_of("<p>a</p><pre>if  x:\n    y\n\tz</pre><p>b</p>") == (
        "a\n\nif  x:\n    y\n    z\n\nb"
    )


def test_lists_within_lists_are_indented_and_paragraphs_stay_with_their_asterisk() -> None:
    assert text_of("<ul>\n<li>\n<p>a</p></li><li>b<ul><li>c</li></ul></li></ul>d") == (
        "* a\n\n* b\n  * c\n\nd"
    )


def test_what_a_condition_leaves_out_leaves_no_gap() -> None:
    prepared = prepare_template(
        "S",
        "<p>a</p>{% if event.b %}<p>b</p>{% else %}<p>c</p>{% endif %}{% if event.d %}<p>d</p>"
        "{% endif %}<p>e</p>",
        BodyFormat.HTML,
        None,
    )
    text = CompiledTemplate(prepared).text
    shown = [text.render({"event": {"b": b, "d": d}}) for b, d in ((True, True), (False, False))]
    assert shown == ["a\n\nb\n\nd\n\ne", "a\n\nc\n\ne"]
