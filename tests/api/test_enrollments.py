from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.base.database import execute
from domain.sequences.definition import Exit, Wait
from domain.sequences.enrollments import enroll
from domain.sequences.sequences import pause
from schema.base.node import encode_id
from tests.api_client import Api
from tests.domain.sequences.garden import NOW, Garden, advance, plant

PEOPLE = """query ($id: ID!) { sequence(id: $id) { enrollments(first: 10) {
  pageInfo { hasNextPage }
  nodes {
    subscriberId status reason stepKey visit dueAt trigger
    explain { code text until }
    timeline { visit stepKey code explain { text until } message { status stepKey } }
    version { number } sequence { name } messages { nodes { stepKey } }
  } } } }"""

ENROLL = """mutation ($input: EnrollInput!) { enroll(input: $input) {
  errors { field message code } alreadyCount unknownIds
  enrollments { subscriberId status visit explain { code } } } }"""


@pytest.fixture
async def garden(api: Api, session: Any) -> Garden:
    return await plant(session.workspace_id)


async def test_timeline_tells_what_happened_and_why(api: Api, garden: Garden) -> None:
    (ana,) = await garden.add_people(1)
    sequence_id = await garden.grow(garden.send("hello", "pause"), Wait("pause", 86_400 * 3650))
    await enroll(garden.workspace_id, sequence_id, [ana], NOW)
    await advance()
    until = (NOW + timedelta(days=3650)).isoformat()
    found = (await api.run(PEOPLE, id=encode_id("Sequence", sequence_id)))["sequence"]
    assert found["enrollments"] == {
        "pageInfo": {"hasNextPage": False},
        "nodes": [
            {
                "subscriberId": encode_id("Subscriber", ana),
                "status": "ACTIVE",
                "reason": None,
                "stepKey": "pause",
                "visit": 2,
                "dueAt": until,
                "trigger": {"kind": "manual", "at": "2026-03-04T12:00:00+00:00"},
                "explain": {
                    "code": "waiting",
                    "text": "It waits in step `pause`.",
                    "until": until,
                },
                "timeline": [
                    {
                        "visit": 1,
                        "stepKey": "hello",
                        "code": "queued",
                        "explain": {"text": "A message was put into the queue.", "until": None},
                        "message": {"status": "QUEUED", "stepKey": "hello"},
                    },
                    {
                        "visit": 2,
                        "stepKey": "pause",
                        "code": "waiting",
                        "explain": {"text": "A wait began.", "until": until},
                        "message": None,
                    },
                ],
                "version": {"number": 1},
                "sequence": {"name": "Welcome"},
                "messages": {"nodes": [{"stepKey": "hello"}]},
            }
        ],
    }


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        (None, "due", "Its wait in step `pause` is over; it is next."),
        ("pause", "paused", "The sequence is paused: everybody keeps their place."),
        ("unsubscribe", "subscriber_unsubscribed", "The subscriber has unsubscribed."),
    ],
)
async def test_people_are_explained(
    api: Api, garden: Garden, change: str | None, code: str, text: str
) -> None:
    people = await garden.add_people(1)
    sequence_id = await garden.grow(Wait("pause", 60, "out"), Exit("out"))
    await enroll(garden.workspace_id, sequence_id, people, NOW)
    await advance()
    if change == "pause":
        await pause(garden.workspace_id, sequence_id, NOW)
    if change == "unsubscribe":
        await execute("UPDATE subscriber SET status = 'unsubscribed'")
        await advance(datetime.now(UTC))
    found = (await api.run(PEOPLE, id=encode_id("Sequence", sequence_id)))["sequence"]
    assert found["enrollments"]["nodes"][0]["explain"] == {
        "code": code,
        "text": text,
        "until": None,
    }


async def test_more_people_than_a_call_may_have_are_refused(api: Api, garden: Garden) -> None:
    sequence_id = await garden.grow(Exit("out"))
    given = {
        "sequenceId": encode_id("Sequence", sequence_id),
        "subscriberIds": [encode_id("Subscriber", UUID(int=n)) for n in range(1001)],
    }
    answer = (await api.run(ENROLL, input=given))["enroll"]
    assert [error["field"] for error in answer["errors"]] == ["subscriberIds"]


async def test_subscriber_knows_their_enrollments(api: Api, garden: Garden) -> None:
    ana, bob = await garden.add_people(2)
    sequence_id = await garden.grow(Wait("pause", 60))
    await enroll(garden.workspace_id, sequence_id, [ana], NOW)
    found = await api.run(
        """query ($ids: [ID!]!) { nodes(ids: $ids) {
             ... on Subscriber { enrollments(status: ACTIVE) { nodes { sequence { name } } } }
           } }""",
        ids=[encode_id("Subscriber", person) for person in (ana, bob)],
    )
    assert found["nodes"] == [
        {"enrollments": {"nodes": [{"sequence": {"name": "Welcome"}}]}},
        {"enrollments": {"nodes": []}},
    ]
