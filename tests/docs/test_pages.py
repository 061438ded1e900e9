"""The documentation says what is true: its examples run, in order, on a real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.base.clock import now
from domain.base.settings import Settings
from server.app import create_app
from tests.conftest import Prepared
from tests.docs.pages import DOCS, PAGES, blocks
from tests.docs.reader import Reader
from tests.served import served
from tests.whole.works import open_works


@pytest.fixture
async def reader(settings: Settings, prepared: Prepared, tmp_path: Path) -> AsyncIterator[Reader]:
    """Somebody for whom everything of `beginning.md` is there already."""
    folder = tmp_path / "folder"
    folder.mkdir()
    async with (
        served(create_app(settings)) as address,
        open_works(settings, tmp_path, now()) as works,
    ):
        reader = Reader(
            address=f"http://{address}",
            folder=folder,
            works=works,
            environment={
                "DATABASE_URL": settings.database_url,
                "REDIS_URL": settings.redis_url,
                "SECRET_KEY": settings.secret_key,
                "DATA_DIR": str(settings.data_dir),
                "SMTP_URL": works.mailbox.smtp_url,
            },
            kept={"token": prepared.ada.tokens.access_token},
        )
        await reader.read(Path(__file__).parent / "beginning.md")
        yield reader


def name_of(path: Path) -> str:
    return str(path.relative_to(DOCS))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
async def test_what_a_page_says_works(page: Path, reader: Reader) -> None:
    await reader.read(page)


def test_a_block_is_either_run_or_says_why_not() -> None:
    left = {
        f"{name_of(page)}: {block.marks['not run']}"
        for page in PAGES
        for block in blocks(page)
        if not block.is_run
    }
    assert left == {
        "quick-start.md: it starts everything and does not end",
        "guides/front-end.md: it needs the npm package graphql-ws",
        "operations/processes.md: what it finds depends on a fault",
        "operations/upkeep.md: it needs the client programs of PostgreSQL",
        "operations/upkeep.md: it removes the data",
    }
    # A fence without a word is a drawing; what JSON stands for is said above it.
    unknown = {
        (name_of(page), block.kind)
        for page in PAGES
        for block in blocks(page)
        if block.is_run and block.kind not in {"work", "graphql", "sh", ""}
        if not {"file", "answer", "variables"} & {*block.marks}
    }
    assert unknown == set()
