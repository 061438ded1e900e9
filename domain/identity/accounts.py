"""Sign-up, sign-in and the session's renewal."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from asyncpg import UniqueViolationError

from domain.base.database import Record, execute, fetch, fetchrow, transaction
from domain.base.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    RequiredError,
    UnauthenticatedError,
)
from domain.base.ids import new_id
from domain.base.settings import Settings
from domain.identity.audit import Actor, AuditAction, Target, record
from domain.identity.models import Role
from domain.identity.passwords import check_strength, hash_password, password_matches
from domain.identity.tokens import (
    SessionTokens,
    issue_access_token,
    issue_refresh_token,
    use_refresh_token,
)

_ADDRESS = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,255}")
_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Session:
    user_id: UUID
    workspace_id: UUID
    role: Role
    tokens: SessionTokens


def account_email(text: str) -> str:
    """An account's address, case-folded. Raises InvalidInputError."""
    email = text.strip().casefold()
    if not _ADDRESS.fullmatch(email):
        raise InvalidInputError("That is not an e-mail address.", field="email")
    return email


def checked_name(text: str, field: str) -> str:
    name = text.strip()
    if not name:
        raise RequiredError("A name is needed.", field=field)
    if len(name) > _NAME_LENGTH or not name.isprintable():
        raise InvalidInputError(
            f"A name has at most {_NAME_LENGTH} printable characters.", field=field
        )
    return name


async def sign_up(
    settings: Settings,
    *,
    email: str,
    password: str,
    name: str,
    workspace_name: str,
    now: datetime,
    is_demo: bool = False,
) -> Session:
    """Make a user, a workspace of theirs, and their first session.

    Raises InvalidInputError, RequiredError, AlreadyExistsError.
    """
    address = account_email(email)
    check_strength(password)
    person, workspace = checked_name(name, "name"), checked_name(workspace_name, "workspaceName")
    password_hash = await hash_password(password)
    user_id, workspace_id = new_id(now), new_id(now)
    try:
        async with transaction():
            await execute(
                "INSERT INTO account (id, email, name, password_hash, created_at)"
                " VALUES ($1, $2, $3, $4, $5)",
                user_id, address, person, password_hash, now,
            )  # fmt: skip
            await execute(
                "INSERT INTO workspace (id, name, on_unknown, is_demo, created_at)"
                " VALUES ($1, $2, 'hold', $3, $4)",
                workspace_id, workspace, is_demo, now,
            )  # fmt: skip
            await _add_member(workspace_id, user_id, Role.OWNER, Actor(user_id), now)
            return await _new_session(settings, user_id, workspace_id, Role.OWNER, now)
    except UniqueViolationError:
        raise AlreadyExistsError(
            "There is an account with this address already.", field="email"
        ) from None


async def sign_in(settings: Settings, *, email: str, password: str, now: datetime) -> Session:
    """A session in the workspace that the user joined first. Raises UnauthenticatedError."""
    row = await fetchrow(
        "SELECT a.id, a.password_hash, m.workspace_id, m.role FROM account a"
        " JOIN membership m ON m.user_id = a.id WHERE a.email = $1 ORDER BY m.id LIMIT 1",
        email.strip().casefold(),
    )
    if not await password_matches(row["password_hash"] if row else None, password) or row is None:
        raise UnauthenticatedError("Address or password is wrong.")
    return await _new_session(settings, row["id"], row["workspace_id"], Role(row["role"]), now)


async def refresh_session(settings: Settings, *, refresh_token: str, now: datetime) -> Session:
    """Trade a refresh token for a new pair. Raises UnauthenticatedError."""
    used = await use_refresh_token(refresh_token, now)
    row = await fetchrow(
        "SELECT role FROM membership WHERE workspace_id = $1 AND user_id = $2",
        used.workspace_id,
        used.user_id,
    )
    if row is None:
        raise UnauthenticatedError("You are no longer a member of this workspace.")
    return await _new_session(
        settings, used.user_id, used.workspace_id, Role(row["role"]), now, family_id=used.family_id
    )


async def add_member(
    workspace_id: UUID,
    *,
    email: str,
    name: str,
    password: str,
    role: Role,
    by: Role | None,
    actor: Actor,
    now: datetime,
) -> Record:
    """Make an account for a colleague in this workspace.

    `by` is the role of who asks, None for an API key. Raises InvalidInputError, RequiredError,
    AlreadyExistsError, and ForbiddenError for an owner made by somebody who is none.
    """
    _refuse_unless_owner(by, role)
    address = account_email(email)
    check_strength(password)
    person = checked_name(name, "name")
    password_hash = await hash_password(password)
    user_id = new_id(now)
    try:
        async with transaction():
            await execute(
                "INSERT INTO account (id, email, name, password_hash, created_at)"
                " VALUES ($1, $2, $3, $4, $5)",
                user_id, address, person, password_hash, now,
            )  # fmt: skip
            membership_id = await _add_member(workspace_id, user_id, role, actor, now)
    except UniqueViolationError:
        raise AlreadyExistsError(
            "There is an account with this address already.", field="email"
        ) from None
    return (await read_members(workspace_id, [membership_id]))[membership_id]


def _refuse_unless_owner(by: Role | None, *roles: Role) -> None:
    """Only an owner makes owners, or takes that from one."""
    if Role.OWNER in roles and by is not Role.OWNER:
        raise ForbiddenError("Only an owner may do that.", field="role")


async def change_role(
    workspace_id: UUID,
    membership_id: UUID,
    role: Role,
    *,
    by: Role | None,
    actor: Actor,
    now: datetime,
) -> Record:
    """Raises NotFoundError, ForbiddenError as `add_member`, ConflictError for the last owner."""
    async with transaction():
        # The workspace's row is the lock: two owners must not step down at once.
        await execute("SELECT 1 FROM workspace WHERE id = $1 FOR UPDATE", workspace_id)
        rows = await fetch("SELECT id, role FROM membership WHERE workspace_id = $1", workspace_id)
        roles = {row["id"]: Role(row["role"]) for row in rows}
        if membership_id not in roles:
            raise NotFoundError("There is no such member.", field="id")
        _refuse_unless_owner(by, role, roles[membership_id])
        owners = [member for member, held in roles.items() if held is Role.OWNER]
        if owners == [membership_id] and role is not Role.OWNER:
            raise ConflictError("A workspace needs an owner.", field="role")
        await execute(
            "UPDATE membership SET role = $3 WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            membership_id,
            role.value,
        )
        if role is not roles[membership_id]:
            await record(
                workspace_id,
                AuditAction.ROLE_CHANGED,
                actor=actor,
                target=Target("Member", membership_id),
                details={"from": roles[membership_id].value, "to": role.value},
                now=now,
            )
    return (await read_members(workspace_id, [membership_id]))[membership_id]


async def read_members(
    workspace_id: UUID, identifiers: list[UUID] | None = None
) -> dict[UUID, Record]:
    """Members by the id of their membership, oldest first; all when `identifiers` is None."""
    rows = await fetch(
        "SELECT m.id, m.role, m.created_at, a.email, a.name FROM membership m"
        " JOIN account a ON a.id = m.user_id WHERE m.workspace_id = $1"
        " AND ($2::uuid[] IS NULL OR m.id = ANY($2)) ORDER BY m.id",
        workspace_id,
        identifiers,
    )
    return {row["id"]: row for row in rows}


async def read_workspaces(workspace_id: UUID, identifiers: list[UUID]) -> dict[UUID, Record]:
    """The workspace itself, if it is asked for: nobody sees another."""
    if workspace_id not in identifiers:
        return {}
    rows = await fetch("SELECT * FROM workspace WHERE id = $1", workspace_id)
    return {row["id"]: row for row in rows}


async def read_users(workspace_id: UUID, identifiers: list[UUID]) -> dict[UUID, Record]:
    """Those of the users who are members of this workspace."""
    rows = await fetch(
        "SELECT a.id, a.email, a.name, a.created_at FROM account a JOIN membership m"
        " ON m.user_id = a.id WHERE m.workspace_id = $1 AND a.id = ANY($2::uuid[])",
        workspace_id,
        identifiers,
    )
    return {row["id"]: row for row in rows}


async def _add_member(
    workspace_id: UUID, user_id: UUID, role: Role, actor: Actor, now: datetime
) -> UUID:
    membership_id = new_id(now)
    await execute(
        "INSERT INTO membership (id, workspace_id, user_id, role, created_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        membership_id, workspace_id, user_id, role.value, now,
    )  # fmt: skip
    await record(
        workspace_id,
        AuditAction.MEMBER_ADDED,
        actor=actor,
        target=Target("Member", membership_id),
        details={"role": role.value},
        now=now,
    )
    return membership_id


async def _new_session(
    settings: Settings,
    user_id: UUID,
    workspace_id: UUID,
    role: Role,
    now: datetime,
    *,
    family_id: UUID | None = None,
) -> Session:
    access_token, expires_at = issue_access_token(
        settings.secret_key,
        user_id=user_id,
        workspace_id=workspace_id,
        role=role,
        now=now,
        lifetime_seconds=settings.access_token_seconds,
    )
    refresh_token = await issue_refresh_token(
        user_id=user_id,
        workspace_id=workspace_id,
        now=now,
        lifetime_seconds=settings.refresh_token_seconds,
        family_id=family_id,
    )
    return Session(
        user_id, workspace_id, role, SessionTokens(access_token, refresh_token, expires_at)
    )
