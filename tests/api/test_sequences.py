from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.base.clock import now
from domain.base.database import fetch, fetchval
from domain.sequences.advancing import has_due_enrollments
from domain.sequences.definition import Wait
from domain.sequences.enrollments import enroll
from schema.base.node import encode_id
from tests.api_client import Api
from tests.domain.sequences.garden import NOW, Garden, advance, plant

CREATE = """mutation ($input: CreateSequenceInput!) { createSequence(input: $input) {
  errors { field message code } sequence { id name status revision } } }"""
UPDATE = """mutation ($input: UpdateSequenceDraftInput!) { updateSequenceDraft(input: $input) {
  errors { field message code } sequence { name revision draft { start steps { key } } } } }"""
VALIDATE = """mutation ($id: ID!, $draft: SequenceDraftInput) {
  validateSequence(id: $id, draft: $draft) {
    errors { field code } isPublishable issues { step field message code severity } } }"""
PUBLISH = """mutation ($id: ID!, $revision: Int!) { publishSequence(id: $id, revision: $revision) {
  errors { field message code } version { id number } } }"""
RUN = """mutation ($id: ID!) { %sSequence(id: $id) {
  errors { field message code } sequence { status } } }"""
ENROLL = """mutation ($input: EnrollInput!) { enroll(input: $input) {
  errors { field message code } alreadyCount unknownIds
  enrollments { subscriberId status visit explain { code } } } }"""
EDITOR = """query ($id: ID!) { sequence(id: $id) {
  name status revision
  issues { step code severity }
  draft {
    start
    triggers { kind ... on TagAddedTrigger { tag } ... on EventTrigger { name } }
    steps {
      __typename kind key
      ... on SendEmailStep { templateId next }
      ... on WaitStep { durationSeconds next }
      ... on WaitUntilStep { localTime weekdays timezone spreadSeconds next }
      ... on BranchStep { branches { condition next } otherwise }
    }
  }
  activeVersion { number definition { steps { key restingCount } } }
  versions { number }
  enrollmentCounts { active completed exited }
} }"""
CONDITION: dict[str, Any] = {
    "all": [
        {"any": [{"hasTag": "vip"}, {"not": {"hasTag": "staff"}}]},
        {
            "profile": {
                "field": "EMAIL",
                "test": {"text": {"operator": "ENDS_WITH", "values": ["@example.com"]}},
            }
        },
        {"profile": {"field": "LAST_NAME", "test": {"isSet": True}}},
        {"created": {"since": "2026-01-01T00:00:00Z", "withinSeconds": 3600}},
        {
            "attribute": {
                "name": "orders",
                "test": {"number": {"operator": "AT_LEAST", "value": 2.5}},
            }
        },
        {"attribute": {"name": "beta", "test": {"truth": False}}},
        {"attribute": {"name": "since", "test": {"time": {"until": "2026-01-01T00:00:00Z"}}}},
        {"eventCount": {"name": "order", "operator": "MORE_THAN", "count": 3}},
        {
            "engagement": {
                "action": "CLICKED",
                "sequenceId": encode_id("Sequence", UUID(int=7)),
                "stepKey": "hello",
            }
        },
    ]
}


@pytest.fixture
async def garden(api: Api, session: Any) -> Garden:
    return await plant(session.workspace_id)


def draft_with(template_id: UUID) -> dict[str, Any]:
    template = encode_id("Template", template_id)
    return {
        "start": "hello",
        "triggers": [
            {"subscribed": True},
            {"tagAdded": {"tag": "vip"}},
            {"event": {"name": "order"}},
            {"manual": True},
        ],
        "steps": [
            {"sendEmail": {"key": "hello", "templateId": template, "next": "pause"}},
            {"wait": {"key": "pause", "durationSeconds": 60, "next": "fork"}},
            {
                "branch": {
                    "key": "fork",
                    "branches": [{"condition": CONDITION, "next": "out"}],
                    "otherwise": "until",
                }
            },
            {
                "waitUntil": {
                    "key": "until",
                    "localTime": "09:00",
                    "weekdays": [1, 2],
                    "timezone": "Europe/Berlin",
                    "spreadSeconds": 60,
                    "next": "out",
                }
            },
            {"exit": {"key": "out"}},
        ],
    }


async def make(api: Api, draft: dict[str, Any]) -> str:
    answer = (await api.run(CREATE, input={"name": "Welcome", "draft": draft}))["createSequence"]
    assert answer["errors"] == []
    identifier: str = answer["sequence"]["id"]
    return identifier


async def test_draft_comes_back_as_it_was_given(api: Api, garden: Garden) -> None:
    draft = draft_with(garden.template_id)
    sequence_id = await make(api, draft)
    found = (await api.run(EDITOR, id=sequence_id))["sequence"]
    assert (found["name"], found["status"], found["revision"]) == ("Welcome", "DRAFT", 1)
    assert found["activeVersion"] is None
    assert found["versions"] == []
    assert found["issues"] == [
        {"step": "fork", "code": "MISSING_SEQUENCE", "severity": "ERROR"},
        {"step": "fork", "code": "UNKNOWN_ATTRIBUTE", "severity": "WARNING"},
        {"step": "fork", "code": "UNKNOWN_ATTRIBUTE", "severity": "WARNING"},
        {"step": "fork", "code": "UNKNOWN_ATTRIBUTE", "severity": "WARNING"},
    ]
    assert found["draft"]["start"] == "hello"
    assert found["draft"]["triggers"] == [
        {"kind": "SUBSCRIBED"},
        {"kind": "TAG_ADDED", "tag": "vip"},
        {"kind": "EVENT", "name": "order"},
        {"kind": "MANUAL"},
    ]
    types = [step.pop("__typename") for step in found["draft"]["steps"]]
    assert types == ["SendEmailStep", "WaitStep", "BranchStep", "WaitUntilStep", "ExitStep"]
    kinds = [step.pop("kind") for step in found["draft"]["steps"]]
    assert kinds == ["SEND_EMAIL", "WAIT", "BRANCH", "WAIT_UNTIL", "EXIT"]
    assert found["draft"]["steps"] == [value for step in draft["steps"] for value in step.values()]


async def test_whole_life_of_a_sequence(api: Api, garden: Garden) -> None:
    ana, bob = await garden.add_people(2)
    template = encode_id("Template", garden.template_id)
    sequence_id = await make(
        api,
        {
            "triggers": [{"manual": True}],
            "steps": [
                {"sendEmail": {"key": "hello", "templateId": template, "next": "pause"}},
                {"wait": {"key": "pause", "durationSeconds": 86400}},
            ],
        },
    )
    published = (await api.run(PUBLISH, id=sequence_id, revision=1))["publishSequence"]
    assert (published["errors"], published["version"]["number"]) == ([], 1)
    answer = (await api.run(RUN % "activate", id=sequence_id))["activateSequence"]
    assert answer == {"errors": [], "sequence": {"status": "ACTIVE"}}

    people = [encode_id("Subscriber", person) for person in (ana, bob)]
    given = {"sequenceId": sequence_id, "subscriberIds": [people[0], "nonsense"]}
    answer = (await api.run(ENROLL, input=given))["enroll"]
    assert answer == {
        "errors": [],
        "alreadyCount": 0,
        "unknownIds": ["nonsense"],
        "enrollments": [
            {
                "subscriberId": people[0],
                "status": "ACTIVE",
                "visit": 0,
                "explain": {"code": "entering"},
            }
        ],
    }
    at = now()
    await advance(at)
    found = (await api.run(EDITOR, id=sequence_id))["sequence"]
    assert found["activeVersion"]["definition"]["steps"] == [
        {"key": "hello", "restingCount": 0},
        {"key": "pause", "restingCount": 1},
    ]
    assert found["enrollmentCounts"] == {"active": 1, "completed": 0, "exited": 0}

    for verb, status in (("pause", "PAUSED"), ("archive", "ARCHIVED")):
        answer = (await api.run(RUN % verb, id=sequence_id))[f"{verb}Sequence"]
        assert answer == {"errors": [], "sequence": {"status": status}}
    assert not await has_due_enrollments(at + timedelta(days=9))


async def test_wrong_draft_is_told_step_by_step_and_not_published(api: Api, garden: Garden) -> None:
    draft: dict[str, Any] = {
        "triggers": [{"manual": True}],
        "steps": [{"wait": {"key": "pause", "durationSeconds": 0, "next": "nowhere"}}],
    }
    sequence_id = await make(api, draft)
    answer = (await api.run(VALIDATE, id=sequence_id))["validateSequence"]
    assert answer["isPublishable"] is False
    assert [(issue["step"], issue["field"], issue["code"]) for issue in answer["issues"]] == [
        ("pause", "durationSeconds", "INVALID"),
        ("pause", "next", "MISSING_TARGET"),
    ]
    published = (await api.run(PUBLISH, id=sequence_id, revision=1))["publishSequence"]
    assert published["version"] is None
    assert published["errors"] == [
        {
            "field": "steps.pause.durationSeconds",
            "message": "Step `pause`: a wait takes from one second to ten years.",
            "code": "INVALID",
        },
        {
            "field": "steps.pause.next",
            "message": "Step `pause`: there is no step `nowhere`.",
            "code": "INVALID",
        },
    ]
    assert await fetchval("SELECT count(*) FROM sequence_version") == 0

    draft["steps"][0]["wait"] = {"key": "pause", "durationSeconds": 1}
    answer = (await api.run(VALIDATE, id=sequence_id, draft=draft))["validateSequence"]
    assert answer == {"errors": [], "isPublishable": True, "issues": []}


async def test_edit_of_an_old_revision_is_refused(api: Api, garden: Garden) -> None:
    sequence_id = await make(api, draft_with(garden.template_id))
    edit = {"id": sequence_id, "revision": 1, "name": "New", "draft": {"steps": []}}
    answer = (await api.run(UPDATE, input=edit))["updateSequenceDraft"]
    assert answer["sequence"] == {
        "name": "New",
        "revision": 2,
        "draft": {"start": None, "steps": []},
    }
    answer = (await api.run(UPDATE, input={**edit, "name": "Newer"}))["updateSequenceDraft"]
    assert answer["sequence"] is None
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [
        ("revision", "CONFLICT")
    ]
    assert await fetchval("SELECT name FROM sequence") == "New"


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        ({"triggers": [{"manual": False}]}, "draft.triggers.0.manual"),
        ({"triggers": [{"event": {"name": "a\0"}}]}, "draft.triggers.0.event.name"),
        (
            {
                "steps": [
                    {
                        "branch": {
                            "key": "fork",
                            "branches": [
                                {"condition": {"created": {"since": "2026-01-01T00:00:00"}}}
                            ],
                        }
                    }
                ]
            },
            "draft.steps.0.branch.branches.0.condition.created.since",
        ),
        (
            {
                "steps": [
                    {
                        "branch": {
                            "key": "fork",
                            "branches": [
                                {
                                    "condition": {
                                        "not": {"not": {"not": {"not": {"not": {"not": {"not": {
                                            "not": {"not": {"not": {"hasTag": "a"}}}}}}}}}}
                                    }
                                }
                            ],
                        }
                    }
                ]
            },
            "draft.steps.0.branch.branches.0.condition" + ".not" * 10,
        ),
    ],
)  # fmt: skip
async def test_wrong_input_names_its_place_and_makes_nothing(
    api: Api, garden: Garden, draft: dict[str, Any], field: str
) -> None:
    answer = (await api.run(CREATE, input={"name": "Welcome", "draft": draft}))["createSequence"]
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [(field, "INVALID")]
    assert await fetchval("SELECT count(*) FROM sequence") == 0


async def test_conditions_nested_as_deep_as_allowed_are_kept(api: Api, garden: Garden) -> None:
    condition: dict[str, Any] = {"attribute": {"name": "a", "test": {"time": {"withinSeconds": 1}}}}
    for _ in range(9):
        condition = {"all": [condition]}
    step = {"branch": {"key": "fork", "branches": [{"condition": condition}]}}
    sequence_id = await make(api, {"triggers": [{"manual": True}], "steps": [step]})
    found = (await api.run(EDITOR, id=sequence_id))["sequence"]
    assert found["draft"]["steps"][0]["branches"][0]["condition"] == condition


async def test_two_kinds_in_one_step_are_refused_by_the_schema(api: Api, garden: Garden) -> None:
    step = {"exit": {"key": "a"}, "wait": {"key": "a", "durationSeconds": 1}}
    given = {"name": "Welcome", "draft": {"steps": [step]}}
    (error,) = await api.errors(CREATE, input=given)
    assert "StepInput" in error["message"]


async def test_stranger_finds_no_sequence(api: Api, stranger: Api, garden: Garden) -> None:
    people = await garden.add_people(1)
    sequence_id = await garden.grow(Wait("pause", 60))
    await enroll(garden.workspace_id, sequence_id, people, NOW)
    mine, nothing = encode_id("Sequence", sequence_id), encode_id("Sequence", UUID(int=5))
    before = [tuple(row) for row in await fetch("SELECT * FROM sequence")]
    for identifier in (mine, nothing):
        assert (await stranger.run(EDITOR, id=identifier))["sequence"] is None
        edit = {"id": identifier, "revision": 1, "name": "Mine"}
        given = {
            "sequenceId": identifier,
            "subscriberIds": [encode_id("Subscriber", people[0])],
        }
        answers = [
            (await stranger.run(UPDATE, input=edit))["updateSequenceDraft"],
            (await stranger.run(PUBLISH, id=identifier, revision=1))["publishSequence"],
            (await stranger.run(VALIDATE, id=identifier))["validateSequence"],
            (await stranger.run(VALIDATE, id=identifier, draft={}))["validateSequence"],
            (await stranger.run(ENROLL, input=given))["enroll"],
        ]
        for verb in ("activate", "pause", "archive"):
            answer = await stranger.run(RUN % verb, id=identifier)
            answers.append(answer[f"{verb}Sequence"])
        assert [[e["code"] for e in answer["errors"]] for answer in answers] == [["NOT_FOUND"]] * 8
    listed = await stranger.run("{ sequences { nodes { id } totalCount } }")
    assert listed == {"sequences": {"nodes": [], "totalCount": 0}}
    assert [tuple(row) for row in await fetch("SELECT * FROM sequence")] == before


async def test_sequences_enrollments_and_versions_are_nodes(
    api: Api, stranger: Api, garden: Garden
) -> None:
    people = await garden.add_people(1)
    sequence_id = await garden.grow(Wait("pause", 60))
    await enroll(garden.workspace_id, sequence_id, people, NOW)
    ids = [
        encode_id("Sequence", sequence_id),
        encode_id("SequenceVersion", await only("SELECT id FROM sequence_version")),
        encode_id("Enrollment", await only("SELECT id FROM enrollment")),
    ]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }"
    found = (await api.run(query, ids=ids))["nodes"]
    assert [(node["id"], node["__typename"]) for node in found] == list(
        zip(ids, ("Sequence", "SequenceVersion", "Enrollment"), strict=True)
    )
    assert (await stranger.run(query, ids=ids))["nodes"] == [None, None, None]


async def only(sql: str) -> UUID:
    found = await fetchval(sql)
    assert isinstance(found, UUID)
    return found


LIST = """{ sequences(first: 20) { nodes {
  id name status revision issues { code }
  draft { steps { key restingCount ... on SendEmailStep { template { name } } } }
  activeVersion { number definition { steps { restingCount } } sequence { name } }
  versions { number } enrollmentCounts { active } stats { queued }
  messages(first: 5) { nodes { id explain { code } } }
  enrollments(first: 5) { nodes { subscriber { email } explain { code }
    timeline { code message { id } } version { number } sequence { id }
    messages { nodes { id } } } } } } }"""


async def test_list_takes_as_many_statements_for_many_as_for_one(
    api: Api, garden: Garden, statements: list[str]
) -> None:
    people = await garden.add_people(3)
    counts = []
    for more in (1, 4):
        for _ in range(more):
            sequence_id = await garden.grow(garden.send("hello", "pause"), Wait("pause", 60))
            await enroll(garden.workspace_id, sequence_id, people, NOW)
        await advance()
        statements.clear()
        found = await api.run(LIST)
        counts.append(len(statements))
    assert len(found["sequences"]["nodes"]) == 5
    assert counts[0] == counts[1]
    assert found["sequences"]["nodes"][0]["draft"]["steps"] == [
        {"key": "hello", "restingCount": 0, "template": {"name": "Hello"}},
        {"key": "pause", "restingCount": 3},
    ]
    (first, *_) = found["sequences"]["nodes"][0]["enrollments"]["nodes"]
    assert first["subscriber"]["email"].endswith("@example.com")
