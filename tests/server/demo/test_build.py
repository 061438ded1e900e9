"""The demo workspace, built on real servers as `dripgraph demo` does."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from domain.base import database as db
from domain.base.settings import Settings
from server.demo.build import build
from server.demo.command import DemoRefusedError, run
from server.demo.play import _chances, _tracked_paths


async def scalar(sql: str) -> object:
    return await db.fetchval(sql)


async def test_the_demo_is_built_once_however_often_it_is_asked_for(
    database: str, settings: Settings
) -> None:
    said: list[str] = []
    first = await build(settings, said.append)
    again = await build(settings, said.append)
    assert again == first
    assert said == ["Imported 2,357 people of a real shop.", "Imported 6,919 of their orders."]
    assert await scalar("SELECT count(*) FROM subscriber") == 2_357
    assert await scalar("SELECT count(*) FROM event WHERE name = 'order'") == 6_919
    assert await scalar("SELECT sum(value) FROM event") == Decimal("244091.9400")
    rows = await db.fetch("SELECT name, status FROM sequence ORDER BY name")
    assert [tuple(row) for row in rows] == [("Welcome", "active"), ("Win back", "active")]


@pytest.mark.parametrize(
    "changed",
    [
        {"SMTP_URL": "smtp://mail.example.com"},
        {
            "DRIPGRAPH_ENV": "production",
            "SMTP_URL": "smtp://mail.example.com",
            "PUBLIC_URL": "https://mail.example.com",
        },
    ],
)
def test_there_is_no_demo_where_mail_leaves_the_machine(
    changed: dict[str, str], settings_with: Callable[..., Settings]
) -> None:
    said: list[str] = []
    with pytest.raises(DemoRefusedError):
        asyncio.run(run(settings_with(**changed), said.append, plays=False))
    assert said == []


def test_a_reader_draws_the_same_chances_for_the_same_mail() -> None:
    assert _chances("a") == _chances("a") != _chances("b")
    assert all(0 <= chance < 1 for chance in _chances("a"))


def test_a_reader_finds_the_pixel_the_links_and_the_unsubscription() -> None:
    source = (
        b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        b'<a href="http://h:1/c/tok_-1/1">x</a><a href="http://h:1/u/tok_-1">y</a>'
        b'<img src="http://h:1/o/tok_-1.gif">'
    )
    assert _tracked_paths(source) == {
        "o": ["/o/tok_-1.gif"],
        "c": ["/c/tok_-1/1"],
        "u": ["/u/tok_-1"],
    }
