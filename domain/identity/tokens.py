"""Access tokens (JWT, short-lived) and refresh tokens (opaque, used once, in families)."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.base.database import execute, fetchrow
from domain.base.errors import UnauthenticatedError
from domain.base.ids import new_id
from domain.identity.models import Role
from domain.identity.viewer import ACCESS_BY_ROLE, Viewer

ISSUER = "dripgraph"
AUDIENCE = "dripgraph-api"
ALGORITHM = "HS256"
_CLAIMS = ["exp", "iat", "iss", "aud", "sub", "jti"]
_REFUSED = "The access token is not valid, or no longer."


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """`expires_at` is the access token's."""

    access_token: str
    refresh_token: str
    expires_at: datetime


@lru_cache(maxsize=4)
def _signing_key(secret_key: str) -> tuple[bytes, str]:
    key = HKDF(SHA256(), 32, salt=None, info=b"dripgraph access token").derive(secret_key.encode())
    return key, hashlib.sha256(key).hexdigest()[:16]


def issue_access_token(
    secret_key: str,
    *,
    user_id: UUID,
    workspace_id: UUID,
    role: Role,
    now: datetime,
    lifetime_seconds: int,
) -> tuple[str, datetime]:
    """A signed token and when it ends."""
    key, key_id = _signing_key(secret_key)
    expires_at = now + timedelta(seconds=lifetime_seconds)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        "ws": str(workspace_id),
        "role": role.value,
        "iat": now,
        "exp": expires_at,
        "jti": secrets.token_hex(12),
    }
    headers = {"kid": key_id, "typ": "at+jwt"}
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers=headers), expires_at


def read_access_token(secret_key: str, token: str) -> tuple[Viewer, datetime]:
    """Whom a token speaks for and until when. Raises UnauthenticatedError for anything unsound."""
    key, key_id = _signing_key(secret_key)
    try:
        header = jwt.get_unverified_header(token)
        if header.get("kid") != key_id or header.get("typ") != "at+jwt":
            raise UnauthenticatedError(_REFUSED)
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": _CLAIMS, "enforce_minimum_key_length": True},
        )
        role = Role(claims["role"])
        viewer = Viewer(
            workspace_id=UUID(claims["ws"]),
            access=ACCESS_BY_ROLE[role],
            user_id=UUID(claims["sub"]),
            role=role,
        )
        expires_at = datetime.fromtimestamp(claims["exp"], tz=UTC)
    except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError, OverflowError):
        raise UnauthenticatedError(_REFUSED) from None
    return viewer, expires_at


def _digest(refresh_token: str) -> bytes:
    return hashlib.sha256(refresh_token.encode()).digest()


async def issue_refresh_token(
    *,
    user_id: UUID,
    workspace_id: UUID,
    now: datetime,
    lifetime_seconds: int,
    family_id: UUID | None = None,
) -> str:
    """A new link of a family; the first of a new one when `family_id` is None."""
    token = secrets.token_urlsafe(32)
    identifier = new_id(now)
    await execute(
        "INSERT INTO refresh_token (id, workspace_id, user_id, family_id, token_hash, created_at,"
        " expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        identifier,
        workspace_id,
        user_id,
        family_id or identifier,
        _digest(token),
        now,
        now + timedelta(seconds=lifetime_seconds),
    )
    return token


@dataclass(frozen=True, slots=True)
class UsedRefreshToken:
    user_id: UUID
    workspace_id: UUID
    family_id: UUID


async def use_refresh_token(token: str, now: datetime) -> UsedRefreshToken:
    """Use a refresh token, which works once.

    A second use means that it has been copied: the whole family ends, and with it the session of
    whoever holds the newest link. Raises UnauthenticatedError.
    """
    row = await fetchrow(
        "UPDATE refresh_token SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL"
        " AND revoked_at IS NULL AND expires_at > $2 RETURNING user_id, workspace_id, family_id",
        _digest(token),
        now,
    )
    if row is None:
        await _end_family_of_reused(token, now)
        raise UnauthenticatedError("The refresh token is not valid, or no longer: sign in again.")
    return UsedRefreshToken(row["user_id"], row["workspace_id"], row["family_id"])


async def _end_family_of_reused(token: str, now: datetime) -> None:
    await execute(
        "UPDATE refresh_token SET revoked_at = $2 WHERE revoked_at IS NULL AND family_id ="
        " (SELECT family_id FROM refresh_token WHERE token_hash = $1 AND used_at IS NOT NULL)",
        _digest(token),
        now,
    )


async def end_session(token: str, now: datetime) -> None:
    """End the family of a refresh token; an unknown one is no error."""
    await execute(
        "UPDATE refresh_token SET revoked_at = $2 WHERE revoked_at IS NULL AND family_id ="
        " (SELECT family_id FROM refresh_token WHERE token_hash = $1)",
        _digest(token),
        now,
    )
