"""Whole letters as authors bring them, written and previewed through the API."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.api_client import Api

LETTERS = Path(__file__).parents[1] / "domain" / "content" / "letters"
CREATE = """mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) {
  template { id revision { number body links variables } } errors { message } problems { message }
} }"""
UPDATE = """mutation ($input: UpdateTemplateInput!) { updateTemplate(input: $input) {
  template { revision { number } revisions { nodes { number subject } } } errors { message }
} }"""
PREVIEW = """query ($input: PreviewTemplateInput!) { previewTemplate(input: $input) {
  subject html text warnings problems { message line }
} }"""
SAMPLE = {
    "subscriber": {
        "tags": ["member"],
        "attributes": {"member_since": "2019-05-02", "points": 12, "country": "DE"},
    },
    "event": {
        "orders": [
            {"title": "A & B <live>", "price": "19.90"},
            {"title": "C", "price": "9.00"},
        ],
        "code": "KETTLE-7",
        "until": "2026-05-01",
    },
}


def content(name: str) -> dict[str, str]:
    body = (LETTERS / name).read_bytes().decode()
    return {
        "subject": "For {{ subscriber.first_name }}",
        "body": body,
        "format": "MJML" if name.endswith(".mjml") else "HTML",
    }


@pytest.mark.parametrize(
    ("name", "link_count", "most_kib"),
    [("newsletter.mjml", 17, 38), ("editor.html", 6, 14), ("word-processor.html", 5, 11)],
)
async def test_a_letter_is_written_previewed_and_revised(
    api: Api, name: str, link_count: int, most_kib: int
) -> None:
    letter = content(name)
    answer = await api.run(CREATE, input={"name": name, "content": letter})
    created = answer["createTemplate"]
    assert (created["errors"], created["problems"]) == ([], [])
    template: dict[str, Any] = created["template"]
    assert template["revision"]["body"] == letter["body"]
    assert len(template["revision"]["links"]) == link_count

    preview = (await api.run(PREVIEW, input={"templateId": template["id"], "sample": SAMPLE}))[
        "previewTemplate"
    ]
    assert (preview["problems"], preview["warnings"]) == ([], [])
    assert preview["subject"] == "For Anna"
    expected = (LETTERS / name).with_suffix(".txt").read_text()
    assert preview["text"] + "\n" == expected
    html = preview["html"]
    assert len(html.encode()) < most_kib * 1024
    assert "lqd" not in html
    assert "{{" not in html
    assert loaded_by_a_reader(html) <= loaded_by_a_reader(letter["body"])
    assert "{%" not in html
    for link in template["revision"]["links"]:
        assert link.partition("{{")[0].replace("&", "&amp;") in html

    changed = {**letter, "subject": "Again"}
    answer = await api.run(UPDATE, input={"id": template["id"], "content": changed})
    assert [
        (one["number"], one["subject"])
        for one in answer["updateTemplate"]["template"]["revisions"]["nodes"]
    ] == [(2, "Again"), (1, letter["subject"])]


def loaded_by_a_reader(markup: str) -> set[str]:
    """Hosts of all that is fetched when a mail is shown: pictures, style sheets, fonts."""
    fetched = re.findall(
        r"(?:src=|background-url=|background=|url\(|<link[^>]*href=)[\"'(]?https?://([^/\"')]+)",
        markup,
    )
    return set(fetched)
