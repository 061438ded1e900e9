import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest

from domain.activity.models import EventKind
from domain.activity.signals import listen
from domain.audience.attribute_types import AttributeType
from domain.audience.columns import ColumnMapping, Target
from domain.base.clock import now
from domain.base.database import execute, fetch, fetchval
from domain.base.ids import new_id, time_of
from domain.identity.accounts import Session
from tests.domain.activity.rows import add_sequence
from tests.domain.audience.files import faults_of, import_all, people_of, start


async def suppress(workspace_id: UUID, email: str, reason: str) -> None:
    await execute(
        "INSERT INTO suppression (id, workspace_id, email, reason, created_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        new_id(now()),
        workspace_id,
        email,
        reason,
        datetime(2024, 5, 1, tzinfo=UTC),
    )


async def test_people_land_with_all_that_the_file_tells(session: Session) -> None:
    job = await import_all(
        session.workspace_id,
        "Email,First name,Last name,Timezone,Locale,Tags,Created at,Age,VIP,Note\n"
        'Anna@Bücher.example, Anna ,"O""Hara",europe/berlin,de_de,"new; shop,new",'
        '2019-03-01,41,yes,"two\nlines"\n',
    )
    assert job["status"] == "succeeded"
    assert orjson.loads(job["result"]) == {"rows": 1, "invalid": 0, "created": 1, "updated": 0}
    (anna,) = await people_of(session.workspace_id)
    assert anna["email"] == "anna@xn--bcher-kva.example"
    assert (anna["first_name"], anna["last_name"]) == ("Anna", 'O"Hara')
    assert (anna["timezone"], anna["locale"]) == ("Europe/Berlin", "de-DE")
    assert anna["tags"] == ["new", "shop"]
    assert orjson.loads(anna["attributes"]) == {"age": 41, "vip": True, "note": "two\nlines"}
    assert (anna["status"], anna["unsubscribed_at"]) == ("subscribed", None)
    assert anna["created_at"] == time_of(anna["id"]) == datetime(2019, 3, 1, tzinfo=UTC)


async def test_bad_rows_are_told_with_line_and_reason_and_good_ones_land(
    session: Session,
) -> None:
    tomorrow = (now() + timedelta(days=3)).date().isoformat()
    job = await import_all(
        session.workspace_id,
        b"email,timezone,created_at,n\n"
        b"a@b.example,Europe/Berlin,2020-01-01,1\n"
        b"nobody,,,2\n"
        b',,,"3\n3"\n'
        b"c@d.example,Mars/Olympus,,4\n"
        b"d@d.example,UTC," + tomorrow.encode() + b",4\n"
        b"e@d.example,,,5,6\n"
        b"f\xff@d.example,,,6\n"
        b"g\0@d.example,,,6\n"
        b'"h"@d.example,,,6\n'
        b"z@d.example\n",
    )
    assert job["status"] == "succeeded"
    assert orjson.loads(job["result"]) == {"rows": 10, "invalid": 8, "created": 2, "updated": 0}
    assert faults_of(job) == [
        (3, "email", "The e-mail address has no @."),
        (4, "email", "The e-mail address is missing."),
        (6, "timezone", "'Mars/Olympus' is not an IANA time zone such as Europe/Berlin."),
        (7, "created_at", "The time must lie between 1990 and now."),
        (8, None, "The row has 5 values, and there are 4 columns."),
        (9, None, "Line 9 is not UTF-8: byte 0xff."),
        (10, None, "Line 10 holds a NUL character."),
        (
            11,
            None,
            "A quoted value is followed by other text: double the quotes inside it.",
        ),
    ]
    assert [row["email"] for row in await people_of(session.workspace_id)] == [
        "a@b.example",
        "z@d.example",
    ]


async def test_a_thousand_faults_are_kept_and_all_are_counted(session: Session) -> None:
    job = await import_all(session.workspace_id, "email\n" + "nobody\n" * 12_345 + "a@b.example\n")
    assert orjson.loads(job["result"]) == {
        "rows": 12_346,
        "invalid": 12_345,
        "created": 1,
        "updated": 0,
    }
    assert [line for line, _, _ in faults_of(job)] == list(range(2, 1002))


async def test_a_second_import_brings_up_to_date_what_it_tells_and_leaves_the_rest(
    session: Session,
) -> None:
    await import_all(
        session.workspace_id,
        "email,first_name,locale,tags,plan,age\na@b.example,Anna,de,one,free,40\n",
    )
    (before,) = await people_of(session.workspace_id)
    job = await import_all(
        session.workspace_id,
        "email,first_name,locale,tags,plan,city\nA@B.example,Anne,,two|one,pro,Ulm\n",
    )
    assert orjson.loads(job["result"]) == {"rows": 1, "invalid": 0, "created": 0, "updated": 1}
    (after,) = await people_of(session.workspace_id)
    assert after["id"] == before["id"]
    assert (after["first_name"], after["locale"]) == ("Anne", "de")
    assert after["tags"] == ["one", "two"]
    assert orjson.loads(after["attributes"]) == {"plan": "pro", "age": 40, "city": "Ulm"}
    assert after["updated_at"] > before["updated_at"]


async def test_the_same_file_again_writes_nothing(session: Session) -> None:
    data = "email,first_name,tags,plan\na@b.example,Anna,one,free\n"
    await import_all(session.workspace_id, data)
    before = await fetchval("SELECT xmin::text || ctid::text FROM subscriber")
    await import_all(session.workspace_id, data)
    assert await fetchval("SELECT xmin::text || ctid::text FROM subscriber") == before


async def test_later_rows_on_one_person_are_news_on_the_earlier_ones(session: Session) -> None:
    job = await import_all(
        session.workspace_id,
        "email,first_name,tags,plan,age\n"
        "a@b.example,Anna,one,free,40\n"
        "b@b.example,Bob,,,\n"
        "A@B.example,,two,pro,\n",
    )
    assert orjson.loads(job["result"]) == {"rows": 3, "invalid": 0, "created": 2, "updated": 1}
    anna = (await people_of(session.workspace_id))[0]
    assert anna["first_name"] == "Anna"
    assert anna["tags"] == ["one", "two"]
    assert orjson.loads(anna["attributes"]) == {"plan": "pro", "age": 40}


async def test_nobody_who_left_is_subscribed_again(session: Session) -> None:
    workspace_id = session.workspace_id
    await import_all(workspace_id, "email\nleft@b.example\n")
    await execute("UPDATE subscriber SET status = 'unsubscribed', unsubscribed_at = now()")
    for name, reason in [
        ("asked", "unsubscribed"),
        ("bounced", "hard_bounce"),
        ("complained", "complaint"),
        ("blocked", "manual"),
    ]:
        await suppress(workspace_id, f"{name}@b.example", reason)
    sequence_id = await add_sequence(workspace_id)
    await listen(workspace_id, sequence_id, [(EventKind.SUBSCRIBED, "")])
    await import_all(
        workspace_id,
        "email\nleft@b.example\nasked@b.example\nbounced@b.example\ncomplained@b.example\n"
        "blocked@b.example\nfresh@b.example\n",
    )
    people = {row["email"].partition("@")[0]: row for row in await people_of(workspace_id)}
    assert {name: row["status"] for name, row in people.items()} == {
        "left": "unsubscribed",
        "asked": "unsubscribed",
        "bounced": "bounced",
        "complained": "complained",
        "blocked": "unsubscribed",
        "fresh": "subscribed",
    }
    assert people["asked"]["unsubscribed_at"] == datetime(2024, 5, 1, tzinfo=UTC)
    signals = await fetch("SELECT subscriber_id FROM signal")
    assert [row["subscriber_id"] for row in signals] == [people["fresh"]["id"]]


async def test_sequences_hear_of_new_people_and_of_tags_that_are_new(session: Session) -> None:
    workspace_id = session.workspace_id
    await import_all(workspace_id, "email,tags\nold@b.example,vip\nolder@b.example,\n")
    sequence_id = await add_sequence(workspace_id)
    await listen(
        workspace_id, sequence_id, [(EventKind.SUBSCRIBED, ""), (EventKind.TAG_ADDED, "vip")]
    )
    await import_all(
        workspace_id,
        "email,tags\nold@b.example,vip\nolder@b.example,vip\nnew@b.example,vip;other\n",
    )
    heard = await fetch(
        "SELECT g.kind, g.key, s.email FROM signal g JOIN subscriber s ON s.id = g.subscriber_id"
        " ORDER BY g.kind, s.email"
    )
    assert [tuple(row) for row in heard] == [
        ("subscribed", "", "new@b.example"),
        ("tag_added", "vip", "new@b.example"),
        ("tag_added", "vip", "older@b.example"),
    ]


async def test_a_value_beside_a_detected_type_stays_text_and_beside_a_told_one_is_a_fault(
    session: Session,
) -> None:
    rows = "email,age\n" + "".join(f"p{i}@b.example,{i}\n" for i in range(1, 1500))
    rows += "odd@b.example,old\n"
    job = await import_all(session.workspace_id, rows)
    assert orjson.loads(job["result"])["invalid"] == 0
    odd = await fetchval("SELECT attributes FROM subscriber WHERE email = 'odd@b.example'")
    assert orjson.loads(str(odd)) == {"age": "old"}
    told = ColumnMapping("age", Target.ATTRIBUTE, type=AttributeType.INTEGER)
    job = await import_all(session.workspace_id, rows, told)
    assert faults_of(job) == [(1501, "age", "'old' is not of type integer.")]


async def test_an_unclosed_quote_fails_the_job_after_the_rows_before_it(
    session: Session,
) -> None:
    good = "".join(f"p{i}@b.example,x\n" for i in range(60_000))
    job = await import_all(session.workspace_id, f'email,n\n{good}"q@b.example,1\n{good}')
    assert job["status"] == "failed"
    assert job["error"] == (
        "A value in the row of line 60002 is longer than 131072 characters: is a quote not closed?"
    )
    assert len(await people_of(session.workspace_id)) == 60_000


@pytest.mark.parametrize("workspace", ["eve"])
async def test_another_workspace_keeps_its_own_people(
    session: Session, prepared: object, workspace: str
) -> None:
    other: Session = getattr(prepared, workspace)
    data = "email,plan\na@b.example,free\n"
    await import_all(session.workspace_id, data)
    await import_all(other.workspace_id, data.replace("free", "pro"))
    assert [orjson.loads(row["attributes"]) for row in await people_of(session.workspace_id)] == [
        {"plan": "free"}
    ]
    assert [orjson.loads(row["attributes"]) for row in await people_of(other.workspace_id)] == [
        {"plan": "pro"}
    ]


async def test_a_file_that_is_refused_leaves_neither_job_nor_pieces(session: Session) -> None:
    with pytest.raises(Exception, match="The file is empty"):
        await start(session.workspace_id, "\n\n")
    assert await fetchval("SELECT count(*) FROM job") == 0
    assert await fetchval("SELECT count(*) FROM job_file") == 0


async def test_the_file_is_gone_when_the_job_has_ended(session: Session) -> None:
    job = await import_all(session.workspace_id, "email\na@b.example\n")
    assert orjson.loads(job["input"])["bytes"] == 18
    assert await fetchval("SELECT count(*) FROM job_file") == 0


async def test_two_imports_of_the_same_people_at_once_make_each_person_once(
    session: Session,
) -> None:
    rows = [f"p{number}@b.example,{number % 7}" for number in range(20_000)]
    forward = "email,a\n" + "\n".join(rows)
    backward = "email,b\n" + "\n".join(reversed(rows))
    jobs = await asyncio.gather(
        import_all(session.workspace_id, forward), import_all(session.workspace_id, backward)
    )
    results = [orjson.loads(job["result"]) for job in jobs]
    assert sum(result["created"] for result in results) == 20_000
    assert sum(result["updated"] for result in results) == 20_000
    whole = await fetchval(
        "SELECT count(*) FROM subscriber WHERE attributes->'a' = attributes->'b'"
    )
    assert whole == 20_000
