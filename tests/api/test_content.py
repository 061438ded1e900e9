"""Templates through the API: written, revised, listed, previewed, and refused with the place."""

import re
from typing import Any
from uuid import UUID

import pytest

from domain.base.clock import now
from domain.base.database import execute, fetchval
from domain.base.ids import new_id
from domain.content.compilation import prepare_template
from domain.content.models import BodyFormat
from domain.content.templates import read_compiled
from domain.identity.accounts import Session
from schema.base.node import encode_id, split_id
from tests.api_client import Api

FIELDS = """id name archivedAt revision {
  id number subject body format text links variables
}"""
CREATE = f"""mutation ($input: CreateTemplateInput!) {{ createTemplate(input: $input) {{
  template {{ {FIELDS} }} errors {{ field message code }} problems {{ message field line variable }}
}} }}"""
UPDATE = f"""mutation ($input: UpdateTemplateInput!) {{ updateTemplate(input: $input) {{
  template {{ {FIELDS} }} errors {{ field message code }}
}} }}"""
ARCHIVE = """mutation ($id: ID!) { archiveTemplate(id: $id) {
  template { name archivedAt } errors { field code }
} }"""
LIST = """query ($first: Int!, $after: String) { templates(first: $first, after: $after) {
  totalCount pageInfo { hasNextPage endCursor } nodes { name revision { number } }
} }"""
REVISIONS = """query ($first: Int!, $after: String) { templates { nodes {
  revisions(first: $first, after: $after) {
    pageInfo { hasNextPage endCursor } nodes { id number subject body text }
  }
} } }"""
ONE = f"query ($id: ID!) {{ template(id: $id) {{ {FIELDS} }} }}"
PREVIEW = """query ($input: PreviewTemplateInput!) { previewTemplate(input: $input) {
  subject html text warnings problems { message field line variable }
} }"""

HELLO = {
    "subject": "Hello {{ subscriber.first_name }}",
    "body": '<p>Hi {{ subscriber.first_name }}, <a href="https://shop.example/?m='
    '{{ subscriber.email | url_encode }}">see</a></p>\n<a href="{{ unsubscribe_url }}">Leave</a>',
    "format": "HTML",
}


async def created(api: Api, name: str = "Welcome", **content: Any) -> dict[str, Any]:
    answer = await api.run(CREATE, input={"name": name, "content": {**HELLO, **content}})
    payload = answer["createTemplate"]
    assert payload["errors"] == []
    template: dict[str, Any] = payload["template"]
    return template


async def refused(api: Api, **content: Any) -> dict[str, Any]:
    """The payload of a template that must be refused; nothing may have been stored."""
    answer = await api.run(CREATE, input={"name": "Bad", "content": {**HELLO, **content}})
    payload: dict[str, Any] = answer["createTemplate"]
    assert payload["template"] is None
    assert await fetchval("SELECT count(*) FROM template") == 0
    return payload


def key(global_id: str) -> UUID:
    parts = split_id(global_id)
    assert parts is not None
    return parts[1]


async def subscriber(session: Session, **columns: object) -> str:
    identifier = new_id(now())
    names = ["id", "workspace_id", "email", "status", "created_at", "updated_at", *columns]
    values = [identifier, session.workspace_id, "zoe@example.com", "subscribed", now(), now()]
    await execute(
        f"INSERT INTO subscriber ({', '.join(names)}) VALUES"
        f" ({', '.join(f'${at + 1}' for at in range(len(names)))})",
        *values,
        *columns.values(),
    )
    return encode_id("Subscriber", identifier)


async def test_a_new_template_has_a_first_revision_with_its_links_and_variables(api: Api) -> None:
    template = await created(api)
    assert template["name"] == "Welcome"
    assert template["archivedAt"] is None
    revision = template["revision"]
    assert {
        name: revision[name] for name in ("number", "format", "text", "links", "variables")
    } == {
        "number": 1,
        "format": "HTML",
        "text": None,
        "links": ["https://shop.example/?m={{ subscriber.email | url_encode }}"],
        "variables": ["subscriber.email", "subscriber.first_name", "unsubscribe_url"],
    }
    assert (await api.run(ONE, id=template["id"]))["template"] == template


async def test_an_update_adds_a_revision_and_keeps_the_earlier_one(api: Api) -> None:
    template = await created(api)
    first = key(template["revision"]["id"])
    changed = {**HELLO, "subject": "Second"}
    answer = await api.run(UPDATE, input={"id": template["id"], "content": changed})
    revision = answer["updateTemplate"]["template"]["revision"]
    assert (revision["number"], revision["subject"]) == (2, "Second")
    kept = await fetchval("SELECT subject FROM template_revision WHERE id = $1", first)
    assert kept == HELLO["subject"]


async def test_the_same_content_again_adds_no_revision(api: Api) -> None:
    template = await created(api)
    update = {"id": template["id"], "name": " Re  named ", "content": HELLO}
    answer = await api.run(UPDATE, input=update)
    assert answer["updateTemplate"]["template"] == {**template, "name": "Re named"}


async def test_an_archived_template_leaves_the_list_and_stays_readable(api: Api) -> None:
    template = await created(api)
    answer = await api.run(ARCHIVE, id=template["id"])
    assert answer["archiveTemplate"]["template"]["archivedAt"] is not None
    assert (await api.run(LIST, first=5))["templates"]["nodes"] == []
    assert (await api.run(ONE, id=template["id"]))["template"]["name"] == "Welcome"


async def test_templates_are_listed_newest_first_by_pages(api: Api) -> None:
    for name in ("a", "b", "c"):
        await created(api, name)
    page = (await api.run(LIST, first=2))["templates"]
    assert [one["name"] for one in page["nodes"]] == ["c", "b"]
    assert page["totalCount"] == 3
    assert page["pageInfo"]["hasNextPage"] is True
    rest = (await api.run(LIST, first=2, after=page["pageInfo"]["endCursor"]))["templates"]
    assert [one["name"] for one in rest["nodes"]] == ["a"]
    assert rest["pageInfo"]["hasNextPage"] is False


async def test_a_list_with_revisions_sends_as_many_statements_for_many_as_for_one(
    api: Api, statements: list[str]
) -> None:
    query = LIST.replace("totalCount", "")
    await created(api, "a")
    statements.clear()
    await api.run(query, first=50)
    for_one = len(statements)
    for name in "bcdefg":
        await created(api, name)
    statements.clear()
    await api.run(query, first=50)
    assert len(statements) == for_one


async def test_revisions_are_listed_newest_first_by_pages(api: Api) -> None:
    template = await created(api)
    await created(api, "Other")
    for subject in ("Second", "Third"):
        content = {**HELLO, "subject": subject}
        await api.run(UPDATE, input={"id": template["id"], "content": content})
    (_, listed) = (await api.run(REVISIONS, first=2))["templates"]["nodes"]
    page = listed["revisions"]
    assert [(one["number"], one["subject"]) for one in page["nodes"]] == [
        (3, "Third"),
        (2, "Second"),
    ]
    assert page["pageInfo"]["hasNextPage"] is True
    answer = await api.run(REVISIONS, first=2, after=page["pageInfo"]["endCursor"])
    (rest_of_other, rest) = answer["templates"]["nodes"]
    assert rest["revisions"] == {
        "pageInfo": {"hasNextPage": False, "endCursor": rest["revisions"]["pageInfo"]["endCursor"]},
        "nodes": [
            {
                "id": template["revision"]["id"],
                "number": 1,
                "subject": HELLO["subject"],
                "body": HELLO["body"],
                "text": None,
            }
        ],
    }
    assert [one["number"] for one in rest_of_other["revisions"]["nodes"]] == [1]


async def test_revisions_with_their_bodies_send_as_many_statements_for_many_as_for_one(
    api: Api, statements: list[str]
) -> None:
    await created(api, "a")
    statements.clear()
    await api.run(REVISIONS, first=50)
    for_one = len(statements)
    for name in "bcd":
        template = await created(api, name, text=name)
        content = {**HELLO, "subject": "Second"}
        await api.run(UPDATE, input={"id": template["id"], "content": content})
    statements.clear()
    await api.run(REVISIONS, first=50)
    assert len(statements) == for_one


async def test_a_list_that_asks_for_no_bodies_reads_none(api: Api, statements: list[str]) -> None:
    await created(api)
    statements.clear()
    await api.run("{ templates { nodes { name revision { id number subject } } } }")
    read = [one for one in statements if "template_revision" in one]
    assert len(read) == 1
    assert not {"body", "text", "compiled", "*"} & set(re.findall(r"[a-z_]+|\*", read[0]))


async def test_a_syntax_error_names_field_and_line(api: Api) -> None:
    payload = await refused(api, body="<p>\nHi {% if subscriber.email %}\n</p>")
    assert payload["problems"] == [
        {
            "message": "expected tag endif, found end of expression",
            "field": "body",
            "line": 3,
            "variable": None,
        }
    ]
    assert payload["errors"] == [
        {
            "field": "body",
            "message": "line 3: expected tag endif, found end of expression",
            "code": "INVALID",
        }
    ]


async def test_an_unknown_variable_is_named_with_its_line(api: Api) -> None:
    payload = await refused(api, body="<p>\n\n{{ subscriber.frist_name | default: 'you' }}</p>")
    assert payload["problems"] == [
        {
            "message": "there is no `subscriber.frist_name`",
            "field": "body",
            "line": 3,
            "variable": "subscriber.frist_name",
        }
    ]


@pytest.mark.parametrize(
    ("content", "field", "code"),
    [
        ({"body": "x" * (512 * 1024 + 1)}, "body", "LIMIT_EXCEEDED"),
        ({"text": "x" * (512 * 1024 + 1)}, "text", "LIMIT_EXCEEDED"),
        ({"subject": "x" * 999}, "subject", "LIMIT_EXCEEDED"),
        ({"body": "<b>" * 20_001}, "body", "LIMIT_EXCEEDED"),
        ({"body": "{{ now }}" * 5_001}, "body", "LIMIT_EXCEEDED"),
        ({"body": "{% raw %}" * 4_000 + "x" * 400_000}, "body", "INVALID"),
        ({"body": "{{" + " " * 400_000 + "}}"}, "body", "LIMIT_EXCEEDED"),
        ({"body": f"<style>{'*{color:red}' * 900}</style>{'<p>x' * 1200}"}, "body",
         "LIMIT_EXCEEDED"),
        ({"body": f"<mjml><mj-body>{'<mj-wrapper></mj-wrapper>' * 2000}</mj-body></mjml>",
          "format": "MJML"}, "body", "LIMIT_EXCEEDED"),
        ({"body": " \n"}, "body", "INVALID"),
        ({"body": "a\0b"}, "content.body", "INVALID"),
        ({"body": "<mjml>", "format": "MJML"}, "body", "INVALID"),
        ({"subject": "{{ 'a' | shout }}"}, "subject", "INVALID"),
        ({"text": "{{ _link }}"}, "text", "INVALID"),
    ],
)  # fmt: skip
async def test_bad_content_is_refused_with_field_and_code(
    api: Api, content: dict[str, str], field: str, code: str
) -> None:
    (error,) = (await refused(api, **content))["errors"]
    assert (error["field"], error["code"]) == (field, code)


async def test_elements_nested_as_deep_as_the_limit_allows_end_no_process(api: Api) -> None:
    nested = "<b>" * 9_000 + "x" + "</b>" * 9_000
    mjml = (
        f"<mjml><mj-body><mj-section><mj-column><mj-text>{nested}</mj-text></mj-column>"
        "</mj-section></mj-body></mjml>"
    )
    assert (await created(api, body=mjml, format="MJML"))["revision"]["number"] == 1


@pytest.mark.parametrize(("name", "code"), [(" ", "REQUIRED"), ("x" * 201, "INVALID")])
async def test_a_bad_name_is_refused(api: Api, name: str, code: str) -> None:
    answer = await api.run(CREATE, input={"name": name, "content": HELLO})
    payload = answer["createTemplate"]
    assert [(one["field"], one["code"]) for one in payload["errors"]] == [("name", code)]
    assert payload["template"] is None


async def test_another_workspace_finds_changes_and_previews_nothing(
    api: Api, stranger: Api
) -> None:
    template = await created(api)
    identifier = template["id"]
    assert (await stranger.run(ONE, id=identifier))["template"] is None
    update = await stranger.run(UPDATE, input={"id": identifier, "name": "Mine"})
    assert [one["code"] for one in update["updateTemplate"]["errors"]] == ["NOT_FOUND"]
    archive = await stranger.run(ARCHIVE, id=identifier)
    assert [one["code"] for one in archive["archiveTemplate"]["errors"]] == ["NOT_FOUND"]
    preview = await stranger.errors(PREVIEW, input={"templateId": identifier})
    assert [one["extensions"]["code"] for one in preview] == ["NOT_FOUND"]
    assert (await api.run(ONE, id=identifier))["template"] == template


async def test_a_preview_shows_a_real_subscriber_and_leads_to_real_destinations(
    api: Api, session: Session
) -> None:
    template = await created(api)
    zoe = await subscriber(session, first_name="Zoë <3")
    answer = await api.run(PREVIEW, input={"templateId": template["id"], "subscriberId": zoe})
    preview = answer["previewTemplate"]
    assert preview["subject"] == "Hello Zoë <3"
    assert (
        'Hi Zoë &lt;3, <a href="https://shop.example/?m=zoe%40example.com">see</a>'
        in (preview["html"])
    )
    assert preview["text"] == (
        "Hi Zoë <3, see (https://shop.example/?m=zoe%40example.com)\n\n"
        "Leave (http://mail.example.com/u/preview)"
    )
    assert (preview["warnings"], preview["problems"]) == ([], [])


async def test_a_preview_of_a_draft_tells_problems_and_warnings_and_stores_nothing(
    api: Api,
) -> None:
    draft = {
        "subject": "{{ event.total }}",
        "body": "<p>\n{{ subscriber.attributes.plan }}"
        "{{ subscriber.attributes.x | default: 1 }}</p>",
        "text": "{{ subscriber.first_name }}",
        "format": "HTML",
    }
    sample = {"subscriber": {"first_name": "Bo"}, "event": {"total": 9.5}}
    preview = (await api.run(PREVIEW, input={"draft": draft, "sample": sample}))["previewTemplate"]
    assert preview == {
        "subject": "9.5",
        "html": None,
        "text": "Bo",
        "warnings": [
            "there is no link to unsubscribe: use {{ unsubscribe_url }}",
            "`subscriber.attributes.x` has no value for this subscriber",
        ],
        "problems": [
            {
                "message": "`subscriber.attributes.plan` has no value",
                "field": "body",
                "line": 2,
                "variable": "subscriber.attributes.plan",
            }
        ],
    }
    assert await fetchval("SELECT count(*) FROM template") == 0


async def test_a_preview_warns_of_clipping(api: Api) -> None:
    draft = {**HELLO, "body": HELLO["body"] + "<p>" + "long " * 21_000 + "</p>"}
    preview = (await api.run(PREVIEW, input={"draft": draft}))["previewTemplate"]
    assert preview["warnings"] == ["over 102 KB of HTML: Gmail will clip it"]


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        ({}, "templateId", "REQUIRED"),
        ({"draft": HELLO, "sample": [1]}, "sample", "INVALID"),
        ({"draft": HELLO, "subscriberId": "nobody"}, "subscriberId", "NOT_FOUND"),
        ({"templateId": "nothing"}, "templateId", "NOT_FOUND"),
    ],
)
async def test_a_preview_of_nothing_is_refused(
    api: Api, wrong: dict[str, object], field: str, code: str
) -> None:
    (error,) = await api.errors(PREVIEW, input=wrong)
    assert error["extensions"] == {"code": code, "field": field}


async def test_what_is_stored_is_what_was_compiled(api: Api, session: Session) -> None:
    revision = key((await created(api))["revision"]["id"])
    compiled = await read_compiled(session.workspace_id, revision)
    content = (HELLO["subject"], HELLO["body"], BodyFormat.HTML, None)
    assert compiled.prepared == prepare_template(*content)
