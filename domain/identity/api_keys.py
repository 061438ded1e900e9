"""Keys for machines: shown once, kept as a hash, with the access they were given."""

import hashlib
import secrets
from datetime import datetime
from uuid import UUID

from domain.base.database import Record, fetch, fetchrow, transaction
from domain.base.errors import InvalidInputError, NotFoundError
from domain.base.ids import new_id
from domain.identity.accounts import checked_name
from domain.identity.audit import Actor, AuditAction, Target, record
from domain.identity.viewer import Access, Viewer

PREFIX = "dg_"
_COLUMNS = "id, name, prefix, scopes, created_at, expires_at, revoked_at"


def _digest(key: str) -> bytes:
    # The key has 256 random bits: a plain hash cannot be searched, and costs nothing per request.
    return hashlib.sha256(key.encode()).digest()


async def create_api_key(
    workspace_id: UUID,
    *,
    name: str,
    scopes: list[Access],
    expires_at: datetime | None,
    actor: Actor,
    now: datetime,
) -> tuple[Record, str]:
    """The key's row and the key itself, which is never shown again.

    Raises InvalidInputError, RequiredError.
    """
    if not scopes:
        raise InvalidInputError("A key needs at least one scope.", field="scopes")
    if expires_at is not None and expires_at <= now:
        raise InvalidInputError("This time has passed.", field="expiresAt")
    key = PREFIX + secrets.token_urlsafe(32)
    granted = sorted({scope.value for scope in scopes})
    async with transaction():
        (row,) = await fetch(
            "INSERT INTO api_key (id, workspace_id, name, prefix, secret_hash, scopes, created_at,"
            f" expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {_COLUMNS}",
            new_id(now),
            workspace_id,
            checked_name(name, "name"),
            key[:11],
            _digest(key),
            granted,
            now,
            expires_at,
        )
        await record(
            workspace_id,
            AuditAction.API_KEY_CREATED,
            actor=actor,
            target=Target("ApiKey", row["id"]),
            details={
                "name": row["name"],
                "prefix": row["prefix"],
                "scopes": granted,
                "expires_at": None if expires_at is None else expires_at.isoformat(),
            },
            now=now,
        )
    return row, key


async def revoke_api_key(
    workspace_id: UUID, api_key_id: UUID, *, actor: Actor, now: datetime
) -> Record:
    """Raises NotFoundError; revoking twice is no error."""
    async with transaction():
        revoked = await fetchrow(
            "UPDATE api_key SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2"
            f" AND revoked_at IS NULL RETURNING {_COLUMNS}",
            workspace_id,
            api_key_id,
            now,
        )
        if revoked is not None:
            await record(
                workspace_id,
                AuditAction.API_KEY_REVOKED,
                actor=actor,
                target=Target("ApiKey", api_key_id),
                details={"name": revoked["name"], "prefix": revoked["prefix"]},
                now=now,
            )
            return revoked
    found = await read_api_keys(workspace_id, [api_key_id])
    if api_key_id not in found:
        raise NotFoundError("There is no such API key.", field="id")
    return found[api_key_id]


async def read_api_keys(
    workspace_id: UUID, identifiers: list[UUID] | None = None
) -> dict[UUID, Record]:
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM api_key WHERE workspace_id = $1"
        " AND ($2::uuid[] IS NULL OR id = ANY($2)) ORDER BY id DESC",
        workspace_id,
        identifiers,
    )
    return {row["id"]: row for row in rows}


async def find_by_api_key(key: str, now: datetime) -> Viewer | None:
    """Whom a key speaks for; None for one that is unknown, revoked or expired."""
    row = await fetchrow(
        "SELECT id, workspace_id, scopes FROM api_key WHERE secret_hash = $1"
        " AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
        _digest(key),
        now,
    )
    if row is None:
        return None
    return Viewer(
        workspace_id=row["workspace_id"],
        access=frozenset(Access(scope) for scope in row["scopes"]),
        api_key_id=row["id"],
    )
