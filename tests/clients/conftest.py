import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.node import CLIENT, install, succeed


@pytest.fixture(scope="session")
async def packages() -> None:
    await install()


@pytest.fixture(scope="session")
async def built(packages: None) -> AsyncIterator[Path]:
    """The client, its examples and tests as JavaScript; strictly type-checked on the way."""
    folder = CLIENT / "build"
    shutil.rmtree(folder, ignore_errors=True)
    await succeed("npx", "--no-install", "tsc")
    yield folder
    shutil.rmtree(folder)
