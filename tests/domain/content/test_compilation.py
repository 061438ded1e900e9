"""From what an author writes to what is kept for each message."""

import re

import pytest

from domain.content.compilation import CompiledTemplate, prepare_template
from domain.content.links import resolve_destination
from domain.content.liquid import TemplateError
from domain.content.models import BodyFormat

UNSUBSCRIBE = '<a href="{{ unsubscribe_url }}">Leave</a>'


def html_of(body: str, text: str | None = None) -> CompiledTemplate:
    return CompiledTemplate(prepare_template("S", body, BodyFormat.HTML, text))


def mjml_of(content: str) -> CompiledTemplate:
    body = (
        f"<mjml><mj-body><mj-section><mj-column>{content}</mj-column></mj-section></mj-body></mjml>"
    )
    return CompiledTemplate(prepare_template("S", body, BodyFormat.MJML, None))


def test_links_are_numbered_and_their_destinations_kept() -> None:
    prepared = html_of(
        '<a href="https://a.example/?x=1&amp;y=2">A</a> <a href="HTTPS://b.example">B</a>'
        '<a href="https://a.example/?x=1&amp;y=2">A again</a>'
    ).prepared
    assert prepared.links == ("https://a.example/?x=1&y=2", "HTTPS://b.example")
    assert prepared.html.count('href="{{ _link }}1"') == 2
    assert prepared.html.count('href="{{ _link }}2"') == 1


@pytest.mark.parametrize(
    "link",
    [
        '<a href="mailto:a@b.example">x</a>',
        '<a href="tel:+491234">x</a>',
        '<a href="#top">x</a>',
        '<a href="">x</a>',
        '<a href="/relative">x</a>',
        '<a data-track="off" href="https://a.example">x</a>',
        '<a href="{{ unsubscribe_url }}">x</a>',
        '<a href="https://a.example/?back={{ unsubscribe_url }}">x</a>',
        '<img src="https://a.example/i.png">',
    ],
)
def test_a_link_is_left_alone(link: str) -> None:
    prepared = html_of(link + UNSUBSCRIBE).prepared
    assert prepared.links == ()
    assert prepared.warnings == ()


def test_a_link_known_only_within_a_loop_is_left_alone_with_a_warning() -> None:
    prepared = html_of(
        '{% for one in event.items %}<a href="{{ one.url }}">x</a>{% endfor %}' + UNSUBSCRIBE
    ).prepared
    assert prepared.links == ()
    assert prepared.warnings == ("a link is not tracked: {{ one.url }}",)


def test_a_link_with_liquid_keeps_it_for_the_click() -> None:
    prepared = html_of(
        "<a href=\"{{ event.url }}?{% if subscriber.tags contains 'vip' %}v=1{% endif %}\">x</a>"
    ).prepared
    assert prepared.links == (
        "{{ event.url }}?{% if subscriber.tags contains 'vip' %}v=1{% endif %}",
    )
    values = {"event": {"url": "https://a.example/ü x"}, "subscriber": {"tags": ["vip"]}}
    assert resolve_destination(prepared.links[0], values) == "https://a.example/%C3%BC%20x?v=1"


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "//evil.example", "https:///path", "data:text/html,x", "https://[::1"],
)
def test_a_destination_that_is_no_web_address_leads_nowhere(address: str) -> None:
    assert resolve_destination("{{ event.url }}", {"event": {"url": address}}) is None


def test_a_destination_cannot_break_the_header_that_carries_it() -> None:
    values = {"event": {"url": "https://a.example/\r\nSet-Cookie: x=1"}}
    found = resolve_destination("{{ event.url }}", values)
    assert found == "https://a.example/%0ASet-Cookie:%20x=1"


def test_links_for_outlook_only_have_the_number_of_their_destination() -> None:
    prepared = html_of(
        '<!--[if mso]><v:roundrect href="https://a.example"><center>Go</center></v:roundrect>'
        '<![endif]--><a href="https://a.example">Go</a>'
    ).prepared
    assert prepared.links == ("https://a.example",)
    assert '<v:roundrect href="{{ _link }}1">' in prepared.html


def test_addresses_in_a_given_text_are_tracked_without_their_punctuation() -> None:
    prepared = html_of(
        '<a href="https://a.example">x</a>',
        "See https://a.example, or https://b.example/{{ subscriber.email }}."
        "\n{{ unsubscribe_url }}",
    ).prepared
    assert prepared.links == ("https://a.example", "https://b.example/{{ subscriber.email }}")
    assert prepared.text == "See {{ _link }}1, or {{ _link }}2.\n{{ unsubscribe_url }}"


def test_line_breaks_of_any_system_are_one_break_each() -> None:
    prepared = html_of("<p>a</p>", "a\r\nb\rc\nd").prepared
    assert prepared.text == "a\nb\nc\nd"


def test_css_is_inlined_and_what_cannot_be_stays() -> None:
    prepared = html_of(
        "<style>p { color: red } p:hover { color: blue } @media print { p { color: black } }"
        "</style><p>x</p>"
    ).prepared
    assert '<p style="color: red;">x</p>' in prepared.html
    assert "p:hover { color: blue; }" in prepared.html
    assert "@media print" in prepared.html


def test_the_rules_of_the_mjml_compiler_stay_in_their_style_sheet() -> None:
    html = mjml_of('<mj-text>x</mj-text><mj-image src="https://i.example/a.png" />').prepared.html
    assert html.count("mso-table-lspace") == 1
    assert "data-css-inline" not in html
    assert '<style type="text/css">\n#outlook a {' in html


def test_liquid_between_table_rows_stays_between_them() -> None:
    compiled = html_of(
        "<table>{% for one in event.items %}<tr><td>{{ one }}</td></tr>{% endfor %}</table>"
    )
    html = compiled.html.render({"event": {"items": ["a", "b"]}, "_pixel": ""})
    assert html.count("<tr>") == 2
    assert html.index("<table>") < html.index("<tr><td>a</td></tr>") < html.index("</table>")


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("{{ subscriber.first_name }}\n  {% if now %}and{% endif %}\nmore", "Bo and more"),
        ("{{ subscriber.first_name }}{% if now %}and{% endif %}", "Boand"),
        ("<b>{{ subscriber.first_name }}</b>\n{{ now }}", "Bo 1"),
        ("<b>bold</b>\n\t<i>italic</i>", "bold italic"),
        ("{{ now }}\n{%- if now %}\nx{% endif %}", "1 x"),
    ],
)
def test_words_of_mjml_that_a_line_break_sets_apart_stay_apart(content: str, shown: str) -> None:
    compiled = mjml_of(f"\n  <mj-text>{content}</mj-text>\n")
    values = {"subscriber": {"first_name": "Bo"}, "now": 1, "_pixel": ""}
    html = re.sub("<[^>]*>", "", compiled.html.render(values).partition("<body")[2])
    assert html.partition(">")[2].split() == shown.split()
    assert compiled.text.render(values).split() == shown.split()


def test_preformatted_lines_of_mjml_stay_lines() -> None:
    html = mjml_of("<mj-text><pre><b>a</b>\n<b>b</b></pre></mj-text>").prepared.html
    assert "<pre><b>a</b> \n<b>b</b></pre>" in html


def test_no_font_is_fetched_that_the_author_did_not_ask_for() -> None:
    html = mjml_of('<mj-text font-family="Ubuntu, Roboto">x</mj-text>').prepared.html
    assert "://" not in html.replace("http://www.w3.org/1999/xhtml", "")


def test_a_font_that_the_author_asks_for_is_linked() -> None:
    body = (
        '<mjml><mj-head><mj-font name="Own" href="https://fonts.example/own.css" /></mj-head>'
        "<mj-body><mj-section><mj-column><mj-text font-family='Own, Ubuntu'>x</mj-text>"
        "</mj-column></mj-section></mj-body></mjml>"
    )
    html = prepare_template("S", body, BodyFormat.MJML, None).html
    assert html.count("https://fonts.example/own.css") == 2
    assert "googleapis" not in html


def test_liquid_with_quotes_and_signs_survives_in_text_and_attributes() -> None:
    compiled = mjml_of(
        '<mj-text>{% if 3 < 4 and subscriber.first_name != "x" %}yes{% endif %}</mj-text>'
        '<mj-image src="https://i.example/{{ subscriber.first_name | default: "none" }}.png" />'
    )
    html = compiled.html.render({"subscriber": {"first_name": "Bo"}, "_pixel": ""})
    assert ">yes</div>" in html
    assert 'src="https://i.example/Bo.png"' in html


def test_whole_sections_may_depend_on_a_condition() -> None:
    body = (
        "<mjml><mj-body>{% if subscriber.tags contains 'vip' %}<mj-section><mj-column><mj-text>"
        "For you</mj-text></mj-column></mj-section>{% endif %}</mj-body></mjml>"
    )
    compiled = CompiledTemplate(prepare_template("S", body, BodyFormat.MJML, None))
    shown = [
        "For you" in compiled.html.render({"subscriber": {"tags": tags}, "_pixel": ""})
        for tags in (["vip"], [])
    ]
    assert shown == [True, False]


def test_the_pixel_is_the_last_thing_of_the_body() -> None:
    assert html_of("<p>x</p>").prepared.html.endswith(
        '<img src="{{ _pixel }}" alt="" width="1" height="1" '
        'style="display:block;border:0;height:1px;width:1px"></body></html>'
    )


def test_pictures_from_hosts_that_the_author_did_not_name_are_warned_of() -> None:
    element = '<mj-social-element name="facebook" href="https://f.example">F</mj-social-element>'
    content = f"<mj-social>{element}</mj-social><mj-text>{UNSUBSCRIBE}</mj-text>"
    assert mjml_of(content).prepared.warnings == (
        "pictures come from www.mailjet.com, which the template does not name: give them a `src`",
    )
    named = content.replace(" href=", ' src="https://i.example/f.png" href=', 1)
    assert mjml_of(named).prepared.warnings == ()


def test_a_missing_way_out_is_warned_of() -> None:
    assert html_of("<p>x</p>").prepared.warnings == (
        "there is no link to unsubscribe: use {{ unsubscribe_url }}",
    )


def test_an_error_while_rendering_names_the_line_of_the_author() -> None:
    compiled = mjml_of(
        '\n<mj-text>a</mj-text>\n<mj-text>\n<a href="https://a.example">x</a>'
        "{{ subscriber.attributes.plan }}</mj-text>"
    )
    with pytest.raises(TemplateError) as caught:
        compiled.html.encode(
            {"subscriber": {"attributes": {}}, "_link": "https://x/", "_pixel": ""}
        )
    assert (caught.value.line, caught.value.variable) == (4, "subscriber.attributes.plan")


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [
        ("<mjml>\n<mj-body>\n<mj-include path='/etc/passwd' />\n</mj-body></mjml>", 3,
         "MJML: unable to load included template"),
        ("<mjml>\n<mj-head>\n<mj-attributes>{% if now %}<mj-all />{% endif %}</mj-attributes>",
         3, "MJML: unexpected token"),
        (("<mjml>\n<mj-body>{% comment %}\n{% endcomment %}<mj-text>ÄÖÜ <b>x</b>\n\n</mj-text>"
         "<mj-include path='/etc/passwd' />\n\n\n\n\n</mj-body></mjml>"),
         5, "MJML: unable to load included template"),
    ],
)  # fmt: skip
def test_mjml_that_does_not_compile_is_refused_with_its_line(
    body: str, line: int, reason: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        prepare_template("S", body, BodyFormat.MJML, None)
    error = caught.value
    assert (error.field, error.line, error.reason) == ("body", line, reason)


def test_liquid_that_conversion_would_drop_is_refused_with_its_line() -> None:
    with pytest.raises(TemplateError) as caught:
        html_of("<p>\nx</p {{ now }}>")
    assert (caught.value.line, caught.value.reason) == (2, "Liquid cannot stand here: `{{ now }}`")


def test_a_style_that_is_no_css_is_refused() -> None:
    with pytest.raises(TemplateError, match="Liquid in a `style` attribute"):
        html_of('<style>p{}</style><p style="{{ subscriber.email }}">x</p>')


def test_nothing_is_read_from_files_or_the_network() -> None:
    prepared = html_of('<link rel="stylesheet" href="file:///etc/passwd"><p>x</p>').prepared
    assert "root:" not in prepared.html


def test_the_same_template_is_prepared_the_same_way_each_time() -> None:
    body = '<p>{{ now }}<a href="https://a.example">x</a></p>'
    assert html_of(body).prepared == html_of(body).prepared
