"""The whole path through the public API: people in, a sequence out, mail read, clicked and left.

Real servers on all sides: the application on a port, Postgres, Valkey, the mailbox's SMTP server.
The clock of the workers is moved on by hand; readers do over HTTP what mail programs do.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx
import pytest

from domain.base.clock import now
from domain.base.settings import Settings
from schema.base.node import decode_id
from server.app import create_app
from tests.api_client import Api
from tests.served import served
from tests.whole.works import Works, open_works, part, screen, tracked

READER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0"
}
MACHINE = {"User-Agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"}

PEOPLE = """E-mail,First name,Time zone,plan
ann@example.com,Ann,Europe/Berlin,gold & more
 BOB@Example.com ,Bob,America/New_York,free
cleo@bücher.example,Cléo,Asia/Tokyo,free
nobody,Nobody,Europe/Berlin,free
dora@example.com,Dora,Asia/Kolkata,free
fay@example.com,,,free
gone@example.com,Gone,Asia/Tokyo,gold
Ann@EXAMPLE.com,Ann,Europe/Berlin,gold & more
"""
CLEO = "cleo@xn--bcher-kva.example"
ZONES = {
    CLEO: "Asia/Tokyo",
    "dora@example.com": "Asia/Kolkata",
    "ann@example.com": "Europe/Berlin",
    "fay@example.com": "UTC",
    "bob@example.com": "America/New_York",
}
WELCOME = {
    "subject": "Welcome, {{ subscriber.first_name | default: 'friend' }} ☂",
    "body": """<mjml><mj-body><mj-section><mj-column>
      <mj-text>Hello {{ subscriber.first_name | default: 'friend' }}, this is {{ workspace.name }}.
      </mj-text>
      <mj-button href="https://shop.example.com/plans?plan={{ subscriber.attributes.plan
        | url_encode }}&amp;from=mail">Your plan</mj-button>
      <mj-text>Or <a href="https://shop.example.com/help">ask us</a>.
        <a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>
    </mj-column></mj-section></mj-body></mjml>""",
}
SHORT = "<p>{text}</p><a href='{{{{ unsubscribe_url }}}}'>Unsubscribe</a>"

SIGN_UP = """mutation { signUp(input: { email: "owner@example.com", password: "a long password",
  name: "Olga", workspaceName: "Rainy Days" }) { errors { message } session { accessToken } } }"""
SETTLE = """mutation {
  updateWorkspace(input: { fromName: "Rainy Days", fromEmail: "post@rainy.example" }) {
    errors { message } }
  suppressAddress(email: "Gone@Example.com") { errors { message } } }"""
TEMPLATE = """mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) {
  errors { message } template { id revision { links } } } }"""
CREATE = """mutation ($draft: SequenceDraftInput!) {
  createSequence(input: { name: "Welcome", draft: $draft }) {
    errors { message } sequence { id revision } } }"""
VALIDATE = """mutation ($id: ID!) { validateSequence(id: $id) {
  errors { message } isPublishable issues { step field code } } }"""
UPDATE = """mutation ($id: ID!, $draft: SequenceDraftInput!) {
  updateSequenceDraft(input: { id: $id, revision: 1, draft: $draft }) {
    errors { message } sequence { revision issues { step } } } }"""
START = """mutation ($id: ID!) {
  publishSequence(id: $id, revision: 2) { errors { message } version { number } }
  activateSequence(id: $id) { errors { message } sequence { status } } }"""
IMPORT = """mutation ($file: Upload!) { importSubscribers(file: $file) {
  errors { field message } job { id status } } }"""
JOB = """query ($id: ID!) { job(id: $id) {
  status rows counts { name count } errors { line column reason } } }"""
NUMBERS = "queued sent opened machineOpened clicked unsubscribed skipped failed unknown bounced"
STATS = f"query ($id: ID!) {{ sendStats(sequenceId: $id) {{ {NUMBERS} }} }}"
WATCH = STATS.replace("query", "subscription")
PERSON = """query ($email: String!) { subscriber(email: $email) {
  status attributes suppression { reason }
  enrollments { nodes {
    status reason stepKey explain { code until }
    timeline { stepKey code explain { until } message { status } } } }
  messages { nodes {
    id stepKey status attempts explain { code text } events { kind actor } } } } }"""
NOTHING = dict.fromkeys(NUMBERS.split(), 0)
READ = {"opened": 2, "machineOpened": 1, "clicked": 1, "unsubscribed": 1}


def coming_friday() -> datetime:
    """Three in the afternoon, UTC, one to seven days from now."""
    today = now().date()
    friday = today + timedelta(days=(4 - today.weekday()) % 7 or 7)
    return datetime.combine(friday, time(15), UTC)


def draft(templates: list[str], sequence_id: str | None) -> dict[str, Any]:
    """Welcome, a day of rest, Monday at nine where the person lives, then one of two mails."""
    welcome, thanks, again = templates
    opened = {"action": "OPENED", "sequenceId": sequence_id or "", "stepKey": "welcome"}
    return {
        "triggers": [{"subscribed": True}],
        "steps": [
            {"sendEmail": {"key": "welcome", "templateId": welcome, "next": "rest"}},
            {"wait": {"key": "rest", "durationSeconds": 86_400, "next": "monday"}},
            {
                "waitUntil": {
                    "key": "monday",
                    "localTime": "09:00",
                    "weekdays": [1, 2, 3, 4, 5],
                    "next": "fork",
                }
            },
            {
                "branch": {
                    "key": "fork",
                    "branches": [{"condition": {"engagement": opened}, "next": "thanks"}],
                    "otherwise": "again" if sequence_id else "nowhere",
                }
            },
            {"sendEmail": {"key": "thanks", "templateId": thanks}},
            {"sendEmail": {"key": "again", "templateId": again}},
        ],
    }


@dataclass(frozen=True)
class World:
    api: Api
    address: str
    token: str
    works: Works
    public_url: str

    async def make_sequence(self) -> str:
        """Drafted, found wrong, edited, published and activated, all by the API."""
        contents = [
            WELCOME,
            {"subject": "Thank you", "format": "HTML", "body": SHORT.format(text="You read it.")},
            {"subject": "Once more", "format": "HTML", "body": SHORT.format(text="Have a look.")},
        ]
        templates = []
        for content in contents:
            given = {"name": content["subject"], "content": content}
            made = (await self.api.run(TEMPLATE, input=given))["createTemplate"]
            assert made["errors"] == []
            templates.append(made["template"]["id"])
        wrong = (await self.api.run(CREATE, draft=draft(templates, None)))["createSequence"]
        sequence_id: str = wrong["sequence"]["id"]
        found = (await self.api.run(VALIDATE, id=sequence_id))["validateSequence"]
        assert found["isPublishable"] is False
        assert {(issue["step"], issue["code"]) for issue in found["issues"]} == {
            ("fork", "MISSING_SEQUENCE"),
            ("fork", "MISSING_TARGET"),
            ("again", "UNREACHABLE"),
        }
        edited = await self.api.run(UPDATE, id=sequence_id, draft=draft(templates, sequence_id))
        assert edited["updateSequenceDraft"] == {
            "errors": [],
            "sequence": {"revision": 2, "issues": []},
        }
        assert await self.api.run(START, id=sequence_id) == {
            "publishSequence": {"errors": [], "version": {"number": 1}},
            "activateSequence": {"errors": [], "sequence": {"status": "ACTIVE"}},
        }
        return sequence_id

    async def import_people(self, at: datetime) -> dict[str, Any]:
        """The file's job, after the workers have done what is due."""
        sent = await self.api.upload(IMPORT, {"file": ("people.csv", PEOPLE.encode())})
        payload = sent.json()["data"]["importSubscribers"]
        assert payload["errors"] == []
        assert payload["job"]["status"] == "QUEUED"
        await self.works.work(at)
        job: dict[str, Any] = (await self.api.run(JOB, id=payload["job"]["id"]))["job"]
        return job

    async def person(self, email: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.api.run(PERSON, email=email))["subscriber"]
        return found

    async def get(self, url: str, headers: dict[str, str] = READER) -> httpx.Response:
        return await self.api.client.get(self.local(url), headers=headers)

    def local(self, url: str) -> str:
        """Where a proxy would lead an address of the mail to."""
        assert url.startswith(f"{self.public_url}/")
        return url.removeprefix(self.public_url)


@pytest.fixture
async def world(settings: Settings, tmp_path: Path) -> AsyncIterator[World]:
    async with (
        served(create_app(settings)) as address,
        httpx.AsyncClient(base_url=f"http://{address}") as client,
        open_works(settings, tmp_path, coming_friday()) as works,
    ):
        nobody = Api(client)
        token = (await nobody.run(SIGN_UP))["signUp"]["session"]["accessToken"]
        yield World(nobody.with_token(token), address, token, works, settings.public_url)


def nine_on(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(9), ZoneInfo(zone)).astimezone(UTC)


async def test_people_come_in_and_are_mailed_tracked_and_let_go_with_exact_numbers(
    world: World,
) -> None:
    friday = world.works.at
    saturday, monday = friday + timedelta(days=1), friday.date() + timedelta(days=3)
    settled = await world.api.run(SETTLE)
    assert [payload["errors"] for payload in settled.values()] == [[], []]
    sequence_id = await world.make_sequence()
    watched = {"id": sequence_id}
    async with screen(world.address, world.token, WATCH, watched) as shown:
        await shown.shows(NOTHING)
        await everybody_is_welcomed(world, friday)
        await shown.shows(NOTHING | {"queued": 5, "sent": 5})
        await world.works.work(saturday - timedelta(hours=1))
        await people_and_machines_read(world)
        await people_leave(world)
        await shown.shows(NOTHING | READ | {"queued": 5, "sent": 5})
        await world.works.work(saturday)
        await they_wait_for_monday(world, monday)
        await each_is_mailed_at_nine_at_home(world, monday)
        await shown.shows(NOTHING | READ | {"queued": 9, "sent": 9})
    await telling_it_again_mails_nobody(world, friday + timedelta(days=10))
    numbers = (await world.api.run(STATS, id=sequence_id))["sendStats"]
    assert numbers == NOTHING | READ | {"queued": 9, "sent": 9}
    await timelines_tell_it_all(world, saturday, monday)


async def everybody_is_welcomed(world: World, friday: datetime) -> None:
    works = world.works
    assert await world.import_people(friday) == {
        "status": "SUCCEEDED",
        "rows": 8,
        "counts": [{"name": "created", "count": 6}, {"name": "updated", "count": 1}],
        "errors": [{"line": 5, "column": "E-mail", "reason": "The e-mail address has no @."}],
    }
    assert works.addressees() == sorted(ZONES)
    gone = await world.person("gone@example.com")
    assert (gone["status"], gone["suppression"]) == ("UNSUBSCRIBED", {"reason": "MANUAL"})
    assert gone["messages"]["nodes"] == []

    mail = works.mail("ann@example.com", "Welcome")
    (message,) = (await world.person("ann@example.com"))["messages"]["nodes"]
    assert message["explain"] == {"code": "sent", "text": "The mail server took it."}
    assert mail["Message-ID"] == f"<{decode_id('Message', message['id'])}@rainy.example>"
    assert mail["Subject"] == "Welcome, Ann ☂"
    assert mail["To"] == "Ann <ann@example.com>"
    assert mail["From"] == "Rainy Days <post@rainy.example>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_content_type() == "multipart/alternative"
    assert [one.get_content_type() for one in mail.iter_parts()] == ["text/plain", "text/html"]
    assert "Hello Ann, this is Rainy Days." in part(mail, "plain")
    assert "Hello Ann, this is Rainy Days." in part(mail, "html")
    assert works.mail("fay@example.com", "Welcome")["Subject"] == "Welcome, friend ☂"


async def people_and_machines_read(world: World) -> None:
    """Ann opens twice and follows both links, Dora opens, a machine fetches Bob's pictures."""
    ann, bob, dora = (
        tracked(world.works.mail(f"{name}@example.com", "Welcome"))
        for name in ("ann", "bob", "dora")
    )
    for pixel, agent in ((ann, READER), (ann, READER), (dora, READER), (bob, MACHINE)):
        answer = await world.get(pixel["o"][0], agent)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    answers = [await world.get(link) for link in ann["c"]]
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [
        (302, "https://shop.example.com/plans?plan=gold+%26+more&from=mail"),
        (302, "https://shop.example.com/help"),
    ]
    token = urlsplit(bob["c"][0]).path.split("/")[2]
    forged = bob["c"][0].replace(token, token[:-1] + ("A" if token[-1] != "A" else "B"))
    assert (await world.get(forged)).status_code == 404


async def people_leave(world: World) -> None:
    """Dora looks at the page and stays; Cleo leaves by what a mail program posts (RFC 8058)."""
    page = await world.get(unsubscribe_address(world, "dora@example.com"))
    assert (page.status_code, "Unsubscribe?" in page.text) == (200, True)
    assert (await world.person("dora@example.com"))["status"] == "SUBSCRIBED"
    await leave_by_one_click(world)


async def leave_by_one_click(world: World) -> None:
    path = world.local(unsubscribe_address(world, CLEO))
    posted = await world.api.client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert posted.status_code == 200
    assert (await world.person("cleo@bücher.example"))["status"] == "UNSUBSCRIBED"


def unsubscribe_address(world: World, email: str) -> str:
    header: str = world.works.mail(email, "Welcome")["List-Unsubscribe"]
    return header[1 : header.index(">")]


async def they_wait_for_monday(world: World, monday: date) -> None:
    for email, zone in ZONES.items():
        (enrollment,) = (await world.person(email))["enrollments"]["nodes"]
        if email == CLEO:
            explained = {"code": "subscriber_unsubscribed", "until": None}
        else:
            explained = {"code": "waiting", "until": nine_on(monday, zone).isoformat()}
        assert (email, enrollment["explain"]) == (email, explained)


async def each_is_mailed_at_nine_at_home(world: World, monday: date) -> None:
    """And not a second before; Cleo not at all."""
    works, mailed = world.works, sorted(ZONES)
    for email, zone in ZONES.items():
        await works.work(nine_on(monday, zone) - timedelta(seconds=1))
        assert works.addressees() == mailed
        await works.work(nine_on(monday, zone))
        mailed = sorted([*mailed, *({email} - {CLEO})])
        assert works.addressees() == mailed
    for name, subject in {
        "Ann": "Thank you",
        "Dora": "Thank you",
        "Bob": "Once more",
        "fay@example.com": "Once more",
    }.items():
        assert works.mail(name.lower(), subject)["To"].startswith(name)


async def telling_it_again_mails_nobody(world: World, later: datetime) -> None:
    before = world.works.addressees()
    await leave_by_one_click(world)
    again = await world.import_people(later)
    assert again["counts"] == [{"name": "created", "count": 0}, {"name": "updated", "count": 7}]
    assert world.works.addressees() == before


async def timelines_tell_it_all(world: World, saturday: datetime, monday: date) -> None:
    ann = await world.person("ANN@example.com")
    assert ann["attributes"] == {"plan": "gold & more"}
    until = nine_on(monday, "Europe/Berlin").isoformat()
    assert ann["enrollments"]["nodes"] == [
        {
            "status": "COMPLETED",
            "reason": "end",
            "stepKey": "thanks",
            "explain": {"code": "end", "until": None},
            "timeline": [
                {
                    "stepKey": "welcome",
                    "code": "queued",
                    "explain": {"until": None},
                    "message": {"status": "SENT"},
                },
                {
                    "stepKey": "rest",
                    "code": "waiting",
                    "explain": {"until": saturday.isoformat()},
                    "message": None,
                },
                {
                    "stepKey": "monday",
                    "code": "waiting",
                    "explain": {"until": until},
                    "message": None,
                },
                {
                    "stepKey": "fork",
                    "code": "branch",
                    "explain": {"until": None},
                    "message": None,
                },
                {
                    "stepKey": "thanks",
                    "code": "queued",
                    "explain": {"until": None},
                    "message": {"status": "SENT"},
                },
            ],
        }
    ]
    thanks, welcome = ann["messages"]["nodes"]
    assert (thanks["stepKey"], thanks["attempts"], thanks["events"]) == ("thanks", 1, [])
    # The two opens are one event if the same minute saw both.
    acts = dict.fromkeys((event["kind"], event["actor"]) for event in welcome["events"])
    assert list(acts) == [("OPENED", "HUMAN"), ("CLICKED", "HUMAN")]
    cleo = await world.person(CLEO)
    assert cleo["suppression"] == {"reason": "UNSUBSCRIBED"}
    (enrollment,) = cleo["enrollments"]["nodes"]
    assert (enrollment["status"], enrollment["stepKey"]) == ("EXITED", "rest")
    assert [one["stepKey"] for one in cleo["messages"]["nodes"]] == ["welcome"]
