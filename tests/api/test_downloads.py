"""Files that a signed link leads to, without a sign-in."""

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from domain.audience.imports import IMPORT_SUBSCRIBERS, run_import
from domain.audience.rejected_rows import LINK_LIFETIME, rejected_rows_token
from domain.base import jobs
from domain.base.clock import now
from domain.base.ids import new_id
from domain.base.settings import Settings
from domain.identity.accounts import Session
from schema.base.node import decode_id
from tests.api_client import Api
from tests.conftest import Prepared

IMPORT = """mutation ($file: Upload!) {
  importSubscribers(file: $file) { job { id errorsUrl } errors { message } }
}"""
ERRORS_URL = "query ($id: ID!) { job(id: $id) { errorsUrl } }"


async def imported(api: Api, name: str, text: str) -> str:
    """The id of a job that has taken a file with this text."""
    answer = (await api.upload(IMPORT, {"file": (name, text.encode())})).json()
    job = answer["data"]["importSubscribers"]["job"]
    assert job["errorsUrl"] is None
    job_id = decode_id("Job", job["id"])
    assert await jobs.run_job(job_id, {IMPORT_SUBSCRIBERS: run_import}, new_id(now()), now)
    identifier: str = job["id"]
    return identifier


async def download(api: Api, url: str) -> httpx.Response:
    return await api.client.get(urlsplit(url).path)


async def test_the_rows_that_were_not_taken_can_be_had_as_a_file(
    api: Api, settings: Settings
) -> None:
    job_id = await imported(
        api, "people, new.csv", "email,age\nnobody,1\n=cmd()@x,2\nb@example.com,3\n"
    )
    url = (await api.run(ERRORS_URL, id=job_id))["job"]["errorsUrl"]
    assert url.startswith(f"{settings.public_url}/download/")
    answer = await download(api.as_nobody(), url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert (
        answer.headers["content-disposition"]
        == "attachment; filename*=UTF-8''people%2C%20new-rejected.csv"
    )
    assert answer.content.decode("utf-8-sig").splitlines() == [
        '"line","column","reason"',
        '"2","email","The e-mail address has no @."',
        '"3","email","The part of the e-mail address before its @ is malformed."',
    ]


async def test_an_import_without_faults_has_no_such_file(api: Api) -> None:
    job_id = await imported(api, "x.csv", "email\na@example.com\n")
    assert (await api.run(ERRORS_URL, id=job_id))["job"] == {"errorsUrl": None}


async def test_a_link_that_has_ended_or_was_made_up_leads_nowhere(
    api: Api, settings: Settings, session: Session, prepared: Prepared
) -> None:
    job_id = decode_id("Job", await imported(api, "x.csv", "email\nnobody\n"))

    async def status(token: str) -> int:
        return (await api.client.get(f"/download/{token}")).status_code

    def token(
        secret_key: str = settings.secret_key,
        workspace_id: UUID = session.workspace_id,
        age: timedelta = timedelta(0),
    ) -> str:
        return rejected_rows_token(secret_key, workspace_id, job_id, now() - age)

    assert await status(token()) == 200
    assert await status(token(age=2 * LINK_LIFETIME)) == 404
    assert await status(token("another secret, as long as the first one is")) == 404
    assert await status(token(workspace_id=prepared.eve.workspace_id)) == 404
    assert await status(token()[:-1] + "A") == 404
    assert await status("x") == 404
