"""`dripgraph verify-audit` as a person runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.base import database as db
from domain.base.clock import now
from domain.identity.accounts import Session
from domain.identity.audit import Actor, AuditAction, Target, record

ROOT = Path(__file__).parents[2]


@pytest.fixture
def variables(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "k" * 32,
        "DATA_DIR": str(tmp_path / "data"),
    }


def verify(variables: dict[str, str]) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-m", "server.cli", "verify-audit"],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout


async def test_it_prints_the_head_of_a_sound_log_and_names_the_first_broken_entry(
    session: Session, variables: dict[str, str]
) -> None:
    assert verify(variables) == (0, "there is no audit log yet\n")
    for _ in range(3):
        await record(
            session.workspace_id,
            AuditAction.ROLE_CHANGED,
            actor=Actor(session.user_id),
            target=Target("Member", session.user_id),
            now=now(),
        )
    head = await db.fetchval("SELECT encode(hash, 'hex') FROM audit_chain")
    name = f"workspace {session.workspace_id}"
    assert verify(variables) == (0, f"{name}: 3 entries, head {head}\n")
    second = await db.fetchval("SELECT id FROM audit_entry WHERE number = 2")
    await db.execute("UPDATE audit_entry SET action = 'member_added' WHERE number > 1")
    assert verify(variables) == (
        1,
        f"{name}: BROKEN: entry 2 ({second}) is not what was written\n",
    )
