"""Templates that try to reach what is behind them, or never to end."""

import json
from typing import Any

import httpx
import pytest

from domain.base.settings import Settings
from domain.identity.accounts import Session
from tests.attacks.cpu import LIMIT_SECONDS, least_cpu

PREVIEW = """query ($subject: String!, $body: String!, $sample: JSON) {
  previewTemplate(input: { draft: { subject: $subject, body: $body, format: HTML },
                           sample: $sample }) { subject html text problems { message } }
}"""
STOP = '<a href="{{ unsubscribe_url }}">stop</a>'


async def preview(
    target: httpx.AsyncClient, session: Session, subject: str, body: str = STOP, **sample: object
) -> dict[str, Any]:
    answer = await target.post(
        "/graphql",
        json={
            "query": PREVIEW,
            "variables": {"subject": subject, "body": body, "sample": sample or None},
        },
        headers={"Authorization": f"Bearer {session.tokens.access_token}"},
    )
    told = answer.json()
    assert "errors" not in told, told
    found: dict[str, Any] = told["data"]["previewTemplate"]
    return found


REACHING = [
    "{{ subscriber.__class__ }}",
    "{{ subscriber.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ ''['__class__'] }}",
    "{{ subscriber['__init__']['__globals__'] }}",
    "{{ subscriber.keys }}{{ subscriber.items }}{{ subscriber.pop }}",
    "{{ subscriber.email.upper }}{{ subscriber.email.__len__ }}",
    "{{ self }}{{ self._TemplateReference__context }}",
    "{{ settings.secret_key }}{{ settings }}{{ config }}{{ environment }}{{ os }}{{ request }}",
    "{{ forloop.parentloop.__class__ }}",
    "{{ unsubscribe_url.__class__ }}",
    "{% assign x = subscriber.__dict__ %}{{ x }}",
    "{{ subscriber | map: '__class__' }}",
    "{{ subscriber | where: '__class__' }}",
    "{{ subscriber | sum: '__class__' }}",
    "{{ '/etc/passwd' | file }}{{ 'id' | system }}{{ 'x' | eval }}",
    "{% include '/etc/passwd' %}",
    "{% include '../../.env' %}",
    "{% render 'secrets' %}",
    "{% extends 'base' %}",
    "{% import 'os' as os %}{{ os.system('id') }}",
    "{% raw %}{{ settings }}{% endraw %}",
    "${7*7}#{7*7}<%= 7*7 %>*{7*7}@(7*7)",
    "{{ 7*7 }}",
    "{{ [].__class__ }}{{ ().__class__ }}{{ {}.__class__ }}",
    "{%- liquid assign x = settings echo x -%}",
]
LEAKS = (
    "<class",
    "__main__",
    "built-in",
    "<function",
    "<bound",
    "root:",
    "object at 0x",
    "49",
    "uid=",
)


@pytest.mark.parametrize("template", REACHING)
async def test_a_template_reaches_nothing_behind_its_own_values(
    target: httpx.AsyncClient, session: Session, settings: Settings, template: str
) -> None:
    found = await preview(target, session, template, f"<p>{template}</p>{STOP}")
    told = json.dumps([found["subject"], found["html"], found["text"]])
    assert not any(leak in told for leak in (*LEAKS, settings.secret_key))
    assert found["problems"] or found["html"]


BOMBS = {
    "a loop over a long range": "{% for i in (1..100000000) %}x{% endfor %}",
    "loops in loops": "{% for i in (1..999) %}" * 6 + "x" + "{% endfor %}" * 6,
    "a text that doubles": "{% assign a = 'xxxxxxxxxx' %}"
    + "{% assign a = a | append: a %}" * 30
    + "{{ a }}",
    "a capture that doubles": "{% assign a = 'xxxxxxxxxx' %}"
    + "{% capture a %}{{ a }}{{ a }}{% endcapture %}" * 30
    + "{{ a }}",
    "a text that is replaced by itself": "{% assign a = 'aaaaaaaaaaaaaaaa' %}"
    + "{% assign a = a | replace: 'a', a %}" * 8
    + "{{ a }}",
    "a list that grows": "{% assign a = 'a,b,c,d,e,f,g,h' | split: ',' %}"
    + "{% assign a = a | concat: a %}" * 30
    + "{{ a | size }}",
    "a table over a long range": "{% tablerow i in (1..100000000) %}x{% endtablerow %}",
    "a cycle in a loop": "{% for i in (1..9999999) %}{% cycle 'a', 'b' %}{% endfor %}",
    "a very wide number": "{{ 9 | times: 9 }}" + "{{ '9' | times: 1e308 | times: 1e308 }}",
    "a power by repetition": "{% assign a = 9999999999 %}"
    + "{% assign a = a | times: a %}" * 40
    + "{{ a }}",
    "an unknown tag ten thousand times": "{% nothing %}" * 10_000,
    "brackets that never close": "{{ " * 10_000,
    "deep brackets": "{% if true %}" * 3_000 + "x" + "{% endif %}" * 3_000,
    "deep values": "{{ subscriber" + "[subscriber" * 2_000 + "]" * 2_000 + " }}",
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_template_that_would_not_end_is_stopped_cheaply(
    target: httpx.AsyncClient, session: Session, name: str
) -> None:
    spent, found = await least_cpu(
        lambda number: preview(target, session, "Hello", f"<p>{number}{BOMBS[name]}</p>{STOP}")
    )
    assert found["problems"]
    assert spent < LIMIT_SECONDS
