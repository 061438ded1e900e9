import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from server.mailbox import Mailbox
from tests.server.mailbox.conversation import Talk


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mailbox]:
    mailbox = Mailbox(tmp_path_factory.mktemp("mailbox") / "mails")
    await mailbox.start()
    yield mailbox
    await mailbox.stop()


@pytest.fixture
def mailbox(running: Mailbox) -> Mailbox:
    running.clear()
    return running


@pytest.fixture
async def http(mailbox: Mailbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=mailbox.url) as client:
        yield client


@pytest.fixture
async def talk(mailbox: Mailbox) -> AsyncIterator[Talk]:
    talk = Talk(*await asyncio.open_connection("127.0.0.1", mailbox.smtp_port))
    await talk.reply()
    talk.write(b"EHLO client.test\r\n")
    await talk.reply()
    yield talk
    talk.writer.close()
    await talk.writer.wait_closed()
