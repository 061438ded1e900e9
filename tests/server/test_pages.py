"""GraphiQL as browsers get it at `/graphql`."""

import json
import re
from collections.abc import Callable

import httpx
import pytest

from domain.base import database as db
from domain.base.settings import Settings
from server.app import create_app
from tests.conftest import Prepared

SECRET = {
    "DRIPGRAPH_ENV": "production",
    "SMTP_URL": "smtp://mail.example.com",
    "PUBLIC_URL": "https://mail.example.com",
}


async def page_data(settings: Settings, host: str = "localhost:8000") -> dict[str, object]:
    transport = httpx.ASGITransport(app=create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.get("/graphql", headers={"Accept": "text/html", "Host": host})
    assert response.status_code == 200
    found = re.search(r'id="playground">(.*?)</script>', response.text)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


@pytest.fixture
async def demo(database: str, prepared: Prepared) -> None:
    await db.execute("UPDATE workspace SET is_demo = true WHERE id = $1", prepared.ada.workspace_id)


@pytest.mark.parametrize(
    "host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "mail.example.com"]
)
async def test_the_page_is_signed_in_for_the_demo_workspace(
    demo: None, settings: Settings, host: str
) -> None:
    data = await page_data(settings, host)
    assert data["workspace"] == "Ada's shop"
    assert isinstance(data["token"], str)


@pytest.mark.parametrize(
    "host", ["evil.example.org", "localhost.evil.example", "", "127.0.0.1.nip.io"]
)
async def test_a_page_under_a_strange_name_gets_no_token(
    demo: None, settings: Settings, host: str
) -> None:
    data = await page_data(settings, host)
    assert (data["token"], data["workspace"]) == (None, None)


async def test_without_a_demo_workspace_the_page_asks_for_a_sign_in(
    database: str, settings: Settings
) -> None:
    assert (await page_data(settings))["token"] is None


async def test_in_production_the_page_knows_nothing(
    demo: None, settings_with: Callable[..., Settings]
) -> None:
    settings = settings_with(**SECRET, PLAYGROUND="true")
    data = await page_data(settings, "mail.example.com")
    assert (data["token"], data["mailboxUrl"]) == (None, None)
