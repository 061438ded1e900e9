"""Verbs of identity: sessions, members, keys, the workspace."""

from typing import cast

import strawberry

from domain.base.clock import now
from domain.identity import accounts, api_keys, workspaces
from domain.identity.accounts import Session as DomainSession
from domain.identity.models import Role
from domain.identity.tokens import end_session
from schema.base.context import Info
from schema.base.node import decode_id, readable_by_id
from schema.identity import (
    AddMemberInput,
    ApiKey,
    CreateApiKeyInput,
    CreateApiKeyPayload,
    Member,
    MemberPayload,
    RevokeApiKeyPayload,
    Session,
    SessionPayload,
    SignOutPayload,
    SignUpInput,
    UpdateWorkspaceInput,
    User,
    ViewerInfo,
    Workspace,
    WorkspacePayload,
)

readable_by_id("Member", accounts.read_members)
readable_by_id("ApiKey", api_keys.read_api_keys)
readable_by_id("Workspace", accounts.read_workspaces)
readable_by_id("User", accounts.read_users)


def _session(session: DomainSession) -> SessionPayload:
    return SessionPayload(
        session=Session(
            access_token=session.tokens.access_token,
            refresh_token=session.tokens.refresh_token,
            expires_at=session.tokens.expires_at,
        )
    )


async def viewer(info: Info) -> ViewerInfo | None:
    asking = info.context.viewer
    if asking is None:
        return None
    workspace_id, user_id = asking.workspace_id, asking.user_id
    workspaces_by_id = await accounts.read_workspaces(workspace_id, [workspace_id])
    workspace = workspaces_by_id.get(workspace_id)
    if workspace is None:
        return None
    users = await accounts.read_users(workspace_id, [user_id]) if user_id else {}
    user = users.get(user_id) if user_id else None
    return ViewerInfo(
        workspace=cast("Workspace", workspace),
        user=cast("User | None", user),
        role=asking.role,
        access=sorted(asking.access),
    )


async def members(info: Info) -> list[Member]:
    rows = await accounts.read_members(info.context.workspace_id)
    return cast("list[Member]", list(rows.values()))


async def api_keys_of_workspace(info: Info) -> list[ApiKey]:
    rows = await api_keys.read_api_keys(info.context.workspace_id)
    return cast("list[ApiKey]", list(rows.values()))


async def sign_up(info: Info, input: SignUpInput) -> SessionPayload:  # noqa: A002
    session = await accounts.sign_up(
        info.context.settings,
        email=input.email,
        password=input.password,
        name=input.name,
        workspace_name=input.workspace_name,
        now=now(),
    )
    return _session(session)


async def sign_in(info: Info, email: str, password: str) -> SessionPayload:
    session = await accounts.sign_in(
        info.context.settings, email=email, password=password, now=now()
    )
    return _session(session)


async def refresh_session(info: Info, refresh_token: str) -> SessionPayload:
    session = await accounts.refresh_session(
        info.context.settings, refresh_token=refresh_token, now=now()
    )
    return _session(session)


async def sign_out(info: Info, refresh_token: str) -> SignOutPayload:  # noqa: ARG001
    await end_session(refresh_token, now())
    return SignOutPayload()


async def create_api_key(info: Info, input: CreateApiKeyInput) -> CreateApiKeyPayload:  # noqa: A002
    row, secret = await api_keys.create_api_key(
        info.context.workspace_id,
        name=input.name,
        scopes=list(input.scopes),
        expires_at=input.expires_at,
        now=now(),
    )
    return CreateApiKeyPayload(api_key=cast("ApiKey", row), secret=secret)


async def revoke_api_key(
    info: Info,
    id: strawberry.ID,  # noqa: A002
) -> RevokeApiKeyPayload:
    row = await api_keys.revoke_api_key(info.context.workspace_id, decode_id("ApiKey", id), now())
    return RevokeApiKeyPayload(api_key=cast("ApiKey", row))


async def add_member(info: Info, input: AddMemberInput) -> MemberPayload:  # noqa: A002
    row = await accounts.add_member(
        info.context.workspace_id,
        email=input.email,
        name=input.name,
        password=input.password,
        role=input.role,
        now=now(),
    )
    return MemberPayload(member=cast("Member", row))


async def change_role(
    info: Info,
    id: strawberry.ID,  # noqa: A002
    role: Role,
) -> MemberPayload:
    row = await accounts.change_role(info.context.workspace_id, decode_id("Member", id), role)
    return MemberPayload(member=cast("Member", row))


async def update_workspace(info: Info, input: UpdateWorkspaceInput) -> WorkspacePayload:  # noqa: A002
    changes = {name: value for name, value in vars(input).items() if value is not strawberry.UNSET}
    row = await workspaces.update_workspace(info.context.workspace_id, changes)
    return WorkspacePayload(workspace=cast("Workspace", row))
