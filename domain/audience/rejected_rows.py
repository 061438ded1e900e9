"""The rows of an import that could not be taken, as a file that a short-lived link leads to."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from domain.audience.import_runs import MAX_KEPT_FAULTS
from domain.base.csv_text import csv_text
from domain.base.job_reads import read_errors, read_jobs
from domain.base.jobs import json_column
from domain.base.signing import Grant, SignedTokens
from domain.identity.audit import Actor, AuditAction, Target, record

LINK_LIFETIME: Final = timedelta(minutes=15)
_NAME_CHARACTERS: Final = 100


class RejectedRows(NamedTuple):
    filename: str
    csv: str


@lru_cache(maxsize=4)
def _tokens(secret_key: str) -> SignedTokens:
    return SignedTokens(secret_key, "rejected rows of an import")


def rejected_rows_token(secret_key: str, workspace_id: UUID, job_id: UUID, now: datetime) -> str:
    """A token for `read_rejected_rows`, good for `LINK_LIFETIME` to twice as long.

    It stays the same for a while, so that a client that looks again sees no change.
    """
    until = now + 2 * LINK_LIFETIME - timedelta(seconds=now.timestamp()) % LINK_LIFETIME
    return _tokens(secret_key).issue(Grant(workspace_id, job_id), until)


async def read_rejected_rows(secret_key: str, token: str, now: datetime) -> RejectedRows | None:
    """The file that a token stands for: line, column and reason; None when it stands for none.

    That it was handed out goes into the audit log.
    """
    grant = _tokens(secret_key).read(token, now)
    if grant is None:
        return None
    job = (await read_jobs(grant.workspace_id, [grant.subject_id])).get(grant.subject_id)
    if job is None:
        return None
    found = await read_errors(grant.workspace_id, [grant.subject_id], MAX_KEPT_FAULTS)
    rows = [
        [str(fault["line"]), str(fault["column"] or ""), str(fault["reason"])]
        for fault in found[grant.subject_id]
    ]
    name = str(json_column(job, "input").get("filename") or "import").removesuffix(".csv")
    await record(
        grant.workspace_id,
        AuditAction.DATA_EXPORTED,
        actor=Actor(),
        target=Target("Job", grant.subject_id),
        details={"rows": len(rows)},
        now=now,
    )
    return RejectedRows(
        f"{name[:_NAME_CHARACTERS]}-rejected.csv", csv_text(["line", "column", "reason"], rows)
    )
