from tests.api.test_audience import create
from tests.api.test_imports import IMPORT, job_id_of, send, work
from tests.api_client import Api

SUBSCRIBERS = """query ($first: Int!) { subscribers(first: $first) {
  pageInfo { hasNextPage }
  nodes {
    id email attributes tags suppression { reason }
    events(first: 5) { nodes { name } } messages(first: 5) { nodes { status } }
  }
} }"""
JOBS = """query ($first: Int!) { jobs(first: $first) {
  nodes { id status rows percent counts { name } errors(first: 10) { line reason } }
} }"""


async def test_a_list_of_subscribers_sends_as_many_statements_for_many_as_for_one(
    api: Api, statements: list[str]
) -> None:
    for number in range(20):
        await create(api, f"p{number}@b.example")
    statements.clear()
    one = (await api.run(SUBSCRIBERS, first=1))["subscribers"]
    assert len(one["nodes"]) == 1
    assert len(statements) == 4
    statements.clear()
    many = (await api.run(SUBSCRIBERS, first=20))["subscribers"]
    assert len(many["nodes"]) == 20
    assert len(statements) == 4


async def test_a_list_of_jobs_sends_two_statements_for_many_as_for_one(
    api: Api, statements: list[str]
) -> None:
    for _ in range(3):
        await work(job_id_of(await send(api, IMPORT, "email\nnobody\n")))
    for first in (1, 3):
        statements.clear()
        nodes = (await api.run(JOBS, first=first))["jobs"]["nodes"]
        assert [node["errors"][0]["line"] for node in nodes] == [2] * first
        assert len(statements) == 2


UPSERT = """mutation ($input: CreateSubscriberInput!) {
  upsertSubscriber(input: $input) {
    subscriber { email firstName locale tags attributes } errors { field code }
  }
}"""


async def test_an_upsert_adds_what_is_told_to_what_is_known(api: Api) -> None:
    await create(api, "a@b.example", firstName="Anna", tags=["one"], attributes={"age": 41})
    told = {"email": "A@B.example", "locale": "de", "tags": ["two"], "attributes": {"city": "Ulm"}}
    for _ in range(2):
        assert (await api.run(UPSERT, input=told))["upsertSubscriber"] == {
            "errors": [],
            "subscriber": {
                "email": "a@b.example",
                "firstName": "Anna",
                "locale": "de",
                "tags": ["one", "two"],
                "attributes": {"age": 41, "city": "Ulm"},
            },
        }


async def test_a_filter_that_nothing_can_match_is_refused(api: Api) -> None:
    lists = {
        "filter.tag": '{ subscribers(filter: { tag: "a\\u0000" }) { nodes { id } } }',
        "filter.emailPrefix": '{ subscribers(filter: { emailPrefix: "a\\u0000" })'
        " { nodes { id } } }",
        "kind": '{ jobs(kind: "a\\u0000") { nodes { id } } }',
    }
    for field, query in lists.items():
        (error,) = await api.errors(query)
        assert error["extensions"] == {"code": "INVALID", "field": field}
