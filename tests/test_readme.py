"""What the README says to type and to ask works, on a database that holds what the demo holds."""

import re
from pathlib import Path

from domain.base import database as db
from domain.base.clock import now
from domain.base.settings import Settings
from domain.identity.models import Role
from domain.identity.tokens import issue_access_token
from domain.sequences.enrollments import enroll
from server.demo.build import build
from tests.api_client import Api

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


async def test_the_first_three_queries_answer_from_the_demo_workspace(
    api: Api, settings: Settings
) -> None:
    demo = await build(settings, lambda _: None)
    person = await db.fetchval(
        "SELECT id FROM subscriber WHERE email = 'customer-00004@example.com'"
    )
    await enroll(demo.workspace_id, demo.welcome_id, [person], now())  # type: ignore[list-item]
    owner = await db.fetchval(
        "SELECT user_id FROM membership WHERE workspace_id = $1", demo.workspace_id
    )
    token, _ = issue_access_token(
        settings.secret_key,
        user_id=owner,  # type: ignore[arg-type]
        workspace_id=demo.workspace_id,
        role=Role.OWNER,
        now=now(),
        lifetime_seconds=60,
    )
    queries = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)
    assert len(queries) == 3
    people, sequences, why = [await api.with_token(token).run(query) for query in queries]
    assert people["subscribers"]["totalCount"] == 2_357
    assert {node["name"] for node in sequences["sequences"]["nodes"]} == {"Welcome", "Win back"}
    (enrollment,) = why["subscriber"]["enrollments"]["nodes"]
    assert enrollment["sequence"]["name"] == "Welcome"
    assert enrollment["explain"]["text"]


def test_every_file_that_it_points_to_exists() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    missing = [name for name in targets if "://" not in name and not (ROOT / name).exists()]
    assert missing == []


def test_every_make_target_and_benchmark_that_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z-]+)", README):
        assert f"\n{target}:" in makefile, target
    named = re.search(r"make bench NAME=(\w+)`((?:, `\w+`)*)", README)
    assert named is not None
    for name in [named[1], *re.findall(r"`(\w+)`", named[2])]:
        assert (ROOT / "bench" / f"{name}.py").exists(), name


def test_every_command_that_it_names_exists() -> None:
    from server.cli import main

    for name in re.findall(r"dripgraph ([a-z]+)", README):
        assert name in main.commands, name
