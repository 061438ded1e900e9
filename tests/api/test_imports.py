import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport

from domain.activity import live
from domain.audience.event_imports import IMPORT_EVENTS, run_event_import
from domain.audience.imports import IMPORT_SUBSCRIBERS, run_import
from domain.base import jobs
from domain.base.clock import now
from domain.base.database import fetchval
from domain.base.ids import new_id
from domain.base.settings import Settings
from schema.base.node import decode_id
from server.app import create_app
from tests.api_client import Api
from tests.conftest import Prepared
from tests.served import served

JOB = """id kind status filename rows invalidRows counts { name count } percent error
  errors { line column reason }"""
IMPORT = f"""mutation ($file: Upload!, $mapping: [ColumnMappingInput!]) {{
  importSubscribers(file: $file, mapping: $mapping) {{
    job {{ {JOB} }} errors {{ field message code }}
  }}
}}"""
IMPORT_ORDERS = f"""mutation ($file: Upload!, $name: String, $create: Boolean! = false) {{
  importEvents(file: $file, name: $name, createSubscribers: $create) {{
    job {{ {JOB} }} errors {{ field message code }}
  }}
}}"""
JOB_BY_ID = f"query ($id: ID!) {{ job(id: $id) {{ {JOB} rowsPerSecond result }} }}"
JOBS = """query ($kind: String, $status: JobStatus) {
  jobs(kind: $kind, status: $status) { nodes { kind status } }
}"""
PROGRESS = """subscription ($id: ID!) {
  jobProgress(jobId: $id) { status rows percent errors(first: 1) { line reason } }
}"""
RUNNERS = {IMPORT_SUBSCRIBERS: run_import, IMPORT_EVENTS: run_event_import}


async def send(api: Api, query: str, data: bytes | str, **variables: Any) -> dict[str, Any]:
    content = data.encode() if isinstance(data, str) else data
    response = await api.upload(query, {"file": ("people.csv", content)}, **variables)
    answer: dict[str, Any] = response.json()
    assert "errors" not in answer, answer["errors"]
    (found,) = answer["data"].values()
    return dict(found)


def job_id_of(answer: dict[str, Any]) -> UUID:
    return decode_id("Job", answer["job"]["id"])


async def work(job_id: UUID) -> None:
    assert await jobs.run_job(job_id, RUNNERS, new_id(now()), now)


async def test_an_upload_becomes_a_job_that_tells_its_progress_and_faults(api: Api) -> None:
    answer = await send(api, IMPORT, "email,age\na@b.example,1\nnobody,2\nc@b.example,3\n")
    queued = {
        "id": answer["job"]["id"],
        "kind": "import_subscribers",
        "status": "QUEUED",
        "filename": "people.csv",
        "rows": 0,
        "invalidRows": 0,
        "counts": [],
        "percent": 0.0,
        "error": None,
        "errors": [],
    }
    assert answer == {"job": queued, "errors": []}
    await work(job_id_of(answer))
    done = (await api.run(JOB_BY_ID, id=queued["id"]))["job"]
    assert done.pop("rowsPerSecond") > 0
    assert done == queued | {
        "status": "SUCCEEDED",
        "rows": 3,
        "invalidRows": 1,
        "counts": [{"name": "created", "count": 2}, {"name": "updated", "count": 0}],
        "percent": 100.0,
        "errors": [{"line": 3, "column": "email", "reason": "The e-mail address has no @."}],
        "result": {"rows": 3, "invalid": 1, "created": 2, "updated": 0},
    }


async def test_a_mapping_goes_before_what_headers_suggest(api: Api) -> None:
    answer = await send(
        api,
        IMPORT,
        "email,work,zip\nprivate@b.example,work@b.example,10115\n",
        mapping=[
            {"column": "work", "target": "EMAIL"},
            {"column": "zip", "target": "ATTRIBUTE", "key": "postcode", "type": "TEXT"},
            {"column": "email", "target": "IGNORE"},
        ],
    )
    await work(job_id_of(answer))
    found = await fetchval("SELECT email || attributes::text FROM subscriber")
    assert found == 'work@b.example{"postcode": "10115"}'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The file is empty."),
        (b"email\n", "The file has a header and no rows."),
        ("email\na@b.example\n".encode("utf-16"), "The file is UTF-16: save it as CSV in UTF-8."),
        (b"e\0mail\na\n", "The header cannot be read. Line 1 holds a NUL character."),
        (b"name\nAnna\n", None),
        (b'email\n"a@b.example\n', "A quote opened in the row of line 2 is never closed."),
        (b"x" * 100_000_000, "The row that reaches line 1 is longer than 1024 KiB."),
        (b"column," * 1_000_000, "The row that reaches line 1 is longer than 1024 KiB."),
        (b"a," * 500_000, "The header cannot be read. The row has more than 500 columns."),
    ],
    ids=["empty", "header", "utf16", "nul", "no email", "quote", "line", "columns", "narrow"],
)
async def test_a_bad_file_is_refused_at_once_and_leaves_nothing(
    api: Api, data: bytes, message: str | None
) -> None:
    answer = await send(api, IMPORT, data)
    assert answer["job"] is None
    (error,) = answer["errors"]
    assert error["field"] == "file"
    assert message is None or error["message"] == message
    assert await fetchval("SELECT count(*) FROM job") == 0
    assert await fetchval("SELECT count(*) FROM job_file") == 0


async def test_a_file_that_is_no_upload_is_refused(api: Api) -> None:
    (error,) = await api.errors(IMPORT, file=None)
    assert error["message"].startswith("Variable '$file' has invalid value")
    answer = (await api.run(IMPORT, file="email\na@b.example\n"))["importSubscribers"]
    assert answer["errors"] == [
        {
            "field": "file",
            "message": "Send the file as multipart/form-data.",
            "code": "REQUIRED",
        }
    ]
    assert await fetchval("SELECT count(*) FROM job") == 0


async def test_nobody_uploads_without_signing_in(api: Api) -> None:
    response = await api.as_nobody().upload(IMPORT, {"file": ("people.csv", b"email\n")})
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_orders_are_imported_once_however_often_the_file_comes(api: Api) -> None:
    data = (
        "Customer email,Order date,Total,Currency,Order ID,items\n"
        "a@b.example,1997-01-18,29.33,usd,17,2\n"
        "a@b.example,1997-01-18,29.33,usd,18,2\n"
        "b@b.example,1997-02-30,1,usd,19,1\n"
        "b@b.example,1997-02-20,one,usd,20,1\n"
        "b@b.example,1997-02-20,1.123456,usd,21,1\n"
        "a@b.example,1997-01-18,29.33,usd,17,2\n"
    )
    for recorded, duplicates in [(2, 1), (0, 3)]:
        answer = await send(api, IMPORT_ORDERS, data, name="order", create=True)
        await work(job_id_of(answer))
        done = (await api.run(JOB_BY_ID, id=answer["job"]["id"]))["job"]
        assert done["result"] == {
            "rows": 6,
            "invalid": 3,
            "recorded": recorded,
            "duplicates": duplicates,
        }
        assert done["errors"] == [
            {
                "line": 4,
                "column": "Order date",
                "reason": "'1997-02-30' is not a time in ISO 8601.",
            },
            {"line": 5, "column": "Total", "reason": "'one' is not a number."},
            {"line": 6, "column": "Total", "reason": "A value has at most 4 decimals."},
        ]
    found = await fetchval(
        "SELECT string_agg(concat_ws(' ', name, value, currency, properties, occurred_at), ';')"
        " FROM event"
    )
    assert found == ";".join(['order 29.3300 USD {"items": 2} 1997-01-18 00:00:00+00'] * 2)


async def test_orders_of_nobody_known_are_faults_unless_people_are_made(api: Api) -> None:
    data = "email,name,date\na@b.example,order,2020-01-01\n"
    answer = await send(api, IMPORT_ORDERS, data)
    await work(job_id_of(answer))
    done = (await api.run(JOB_BY_ID, id=answer["job"]["id"]))["job"]
    assert done["errors"] == [
        {"line": 2, "column": "email", "reason": "There is no such subscriber."}
    ]
    answer = await send(api, IMPORT_ORDERS, data, create=True)
    await work(job_id_of(answer))
    assert await fetchval("SELECT count(*) FROM event") == 1
    assert await fetchval("SELECT string_agg(email, ',') FROM subscriber") == "a@b.example"


async def test_events_need_a_name_of_their_own_or_for_all(api: Api) -> None:
    answer = await send(api, IMPORT_ORDERS, "email,date\na@b.example,2020-01-01\n")
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [("file", "REQUIRED")]


@pytest.mark.parametrize("name", ["", "x" * 101, "a\0b"])
async def test_a_name_that_no_event_may_have_is_refused_before_any_row(api: Api, name: str) -> None:
    answer = await send(api, IMPORT_ORDERS, "email,date\na@b.example,2020-01-01\n", name=name)
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [("name", "INVALID")]
    assert await fetchval("SELECT count(*) FROM job") == 0


@pytest.mark.parametrize(
    ("mapping", "field"),
    [
        ({"column": "x", "target": "ATTRIBUTE", "key": "a\0b"}, "mapping.0.key"),
        ({"column": "x", "target": "ATTRIBUTE", "key": " "}, "mapping"),
        ({"column": "x", "target": "CURRENCY"}, "mapping"),
        ({"column": "y", "target": "TAGS"}, "mapping"),
    ],
)
async def test_a_mapping_that_does_not_fit_is_refused(
    api: Api, mapping: dict[str, str], field: str
) -> None:
    answer = await send(api, IMPORT, "email,x\na@b.example,1\n", mapping=[mapping])
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [(field, "INVALID")]


async def test_jobs_are_listed_newest_first_and_by_kind_and_status(api: Api) -> None:
    first = await send(api, IMPORT, "email\na@b.example\n")
    await work(job_id_of(first))
    await send(api, IMPORT_ORDERS, "email,date\na@b.example,2020-01-01\n", name="order")

    async def listed(**wanted: str) -> list[tuple[str, str]]:
        nodes = (await api.run(JOBS, **wanted))["jobs"]["nodes"]
        return [(node["kind"], node["status"]) for node in nodes]

    people, orders = ("import_subscribers", "SUCCEEDED"), ("import_events", "QUEUED")
    assert await listed() == [orders, people]
    assert await listed(kind="import_events") == [orders]
    assert await listed(status="SUCCEEDED") == [people]


async def test_another_workspace_sees_no_job_here(api: Api, stranger: Api) -> None:
    answer = await send(api, IMPORT, "email\na@b.example\n")
    assert (await stranger.run(JOB_BY_ID, id=answer["job"]["id"]))["job"] is None
    assert (await stranger.run(JOBS))["jobs"]["nodes"] == []


@pytest.fixture
async def address(settings: Settings, redis_url: str) -> AsyncIterator[str]:
    """The API on a port, in a process whose jobs tell their watchers as a worker's do."""
    async with served(create_app(settings)) as found:
        live.connect(redis_url)
        jobs.watch(live.notify_job)
        yield found
        jobs.watch(None)
        await live.disconnect()


async def test_progress_is_seen_live_until_the_end(address: str, prepared: Prepared) -> None:
    token = prepared.ada.tokens.access_token
    data = b"email\n" + b"".join(b"p%d@b.example\n" % number for number in range(12_000)) + b"x\n"
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        answer = await send(Api(client, token), IMPORT, data)
    transport = WebsocketsTransport(
        url=f"ws://{address}/graphql",
        subprotocols=["graphql-transport-ws"],
        init_payload={"authorization": f"Bearer {token}"},
    )
    request = gql(PROGRESS)
    request.variable_values = {"id": answer["job"]["id"]}
    seen: list[dict[str, Any]] = []
    running: list[asyncio.Task[None]] = []
    async with Client(transport=transport) as session:
        async for result in session.subscribe(request):
            if not seen:
                running.append(asyncio.create_task(work(job_id_of(answer))))
            seen.append(result["jobProgress"])
    await asyncio.gather(*running)
    assert seen[0] == {"status": "QUEUED", "rows": 0, "percent": 0.0, "errors": []}
    assert [one["rows"] for one in seen] == sorted(one["rows"] for one in seen)
    assert seen[-1] == {
        "status": "SUCCEEDED",
        "rows": 12_001,
        "percent": 100.0,
        "errors": [{"line": 12_002, "reason": "The e-mail address has no @."}],
    }
