"""The file a job works on, kept in Postgres in pieces, so that any worker can read it."""

from collections.abc import AsyncIterable
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.base.database import execute, fetchval, transaction
from domain.base.errors import LimitExceededError
from domain.base.ids import new_id

PIECE_BYTES: Final = 1024 * 1024
MAX_FILE_BYTES: Final = 256 * 1024 * 1024


async def append_file(
    workspace_id: UUID, job_id: UUID, chunks: AsyncIterable[bytes], now: datetime
) -> int:
    """Keep a file for a job, in pieces of exactly `PIECE_BYTES` but the last; its bytes in all.

    `chunks` may be of any size; at most a piece and a chunk are held. Call it in the transaction
    that creates the job: then no worker meets half a file, and a broken upload leaves nothing. The
    job's input gets the size as `bytes`.

    Raises `LimitExceededError` past `MAX_FILE_BYTES`.
    """
    total = number = 0
    pending = bytearray()
    async with transaction():
        async for chunk in chunks:
            total += len(chunk)
            if total > MAX_FILE_BYTES:
                raise LimitExceededError(
                    f"The file is larger than {MAX_FILE_BYTES // 1024**2} MiB.", field="file"
                )
            pending += chunk
            while len(pending) >= PIECE_BYTES:
                await _keep(workspace_id, job_id, number, bytes(pending[:PIECE_BYTES]), now)
                del pending[:PIECE_BYTES]
                number += 1
        if pending:
            await _keep(workspace_id, job_id, number, bytes(pending), now)
        await execute(
            """UPDATE job SET input = input || jsonb_build_object('bytes', $3::bigint)
               WHERE id = $1 AND workspace_id = $2""",
            job_id,
            workspace_id,
            total,
        )
    return total


async def _keep(
    workspace_id: UUID, job_id: UUID, number: int, content: bytes, now: datetime
) -> None:
    await execute(
        """INSERT INTO job_file (id, workspace_id, job_id, number, content)
           VALUES ($1, $2, $3, $4, $5)""",
        new_id(now),
        workspace_id,
        job_id,
        number,
        content,
    )


async def read_piece(workspace_id: UUID, job_id: UUID, offset: int) -> bytes:
    """The bytes of the file from `offset` to the end of their piece; empty at the end."""
    number, skipped = divmod(offset, PIECE_BYTES)
    content = await fetchval(
        """SELECT substr(content, $4) FROM job_file
           WHERE workspace_id = $1 AND job_id = $2 AND number = $3""",
        workspace_id,
        job_id,
        number,
        skipped + 1,
    )
    return content if isinstance(content, bytes) else b""
