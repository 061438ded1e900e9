from collections.abc import AsyncIterator

import httpx
import pytest

from domain.base.settings import Settings
from server.app import create_app


@pytest.fixture
async def target(database: str, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The application by itself: what it spends is its own."""
    transport = httpx.ASGITransport(app=create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
