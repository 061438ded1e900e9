"""Verbs of identity: sessions, members, keys, the workspace."""

from typing import Annotated, cast

import strawberry

from domain.base.clock import now
from domain.identity import accounts, api_keys, audit, workspaces
from domain.identity.accounts import Session as DomainSession
from domain.identity.audit import Actor
from domain.identity.models import Role
from domain.identity.tokens import end_session
from domain.identity.viewer import Access
from schema.audit import AuditEntry
from schema.base.connections import After, Connection, First, connection, page_request
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

RefreshToken = Annotated[str, strawberry.argument(description="The session's newest.")]

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


async def audit_log(info: Info, first: First = 20, after: After = None) -> Connection[AuditEntry]:
    page = await audit.list_entries(info.context.workspace_id, page_request(first, after))
    return connection(page)


async def sign_up(
    info: Info,
    input: Annotated[  # noqa: A002
        SignUpInput, strawberry.argument(description="Who signs up, and their workspace.")
    ],
) -> SessionPayload:
    context = info.context
    await context.services.tries.begin_sign_up(input.email, context.client, now())
    session = await accounts.sign_up(
        info.context.settings,
        email=input.email,
        password=input.password,
        name=input.name,
        workspace_name=input.workspace_name,
        now=now(),
    )
    return _session(session)


async def sign_in(
    info: Info,
    email: Annotated[str, strawberry.argument(description="Address to sign in with.")],
    password: Annotated[str, strawberry.argument(description="10 to 200 characters.")],
) -> SessionPayload:
    context = info.context
    await context.services.tries.begin_sign_in(email, context.client, now())
    session = await accounts.sign_in(context.settings, email=email, password=password, now=now())
    await context.services.tries.succeed_sign_in(email, context.client, now())
    return _session(session)


async def refresh_session(info: Info, refresh_token: RefreshToken) -> SessionPayload:
    session = await accounts.refresh_session(
        info.context.settings, refresh_token=refresh_token, now=now()
    )
    return _session(session)


async def sign_out(info: Info, refresh_token: RefreshToken) -> SignOutPayload:  # noqa: ARG001
    await end_session(refresh_token, now())
    return SignOutPayload()


async def create_api_key(
    info: Info,
    input: Annotated[CreateApiKeyInput, strawberry.argument(description="What the key is for.")],  # noqa: A002
) -> CreateApiKeyPayload:
    row, secret = await api_keys.create_api_key(
        info.context.workspace_id,
        name=input.name,
        scopes=list(input.scopes),
        expires_at=input.expires_at,
        actor=Actor.of(info.context.viewer),
        now=now(),
    )
    return CreateApiKeyPayload(api_key=cast("ApiKey", row), secret=secret)


async def revoke_api_key(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Which key.")],  # noqa: A002
) -> RevokeApiKeyPayload:
    row = await api_keys.revoke_api_key(
        info.context.workspace_id,
        decode_id("ApiKey", id),
        actor=Actor.of(info.context.viewer),
        now=now(),
    )
    return RevokeApiKeyPayload(api_key=cast("ApiKey", row))


async def add_member(
    info: Info,
    input: Annotated[AddMemberInput, strawberry.argument(description="Who, and what they may do.")],  # noqa: A002
) -> MemberPayload:
    row = await accounts.add_member(
        info.context.workspace_id,
        email=input.email,
        name=input.name,
        password=input.password,
        role=input.role,
        by=info.context.require(Access.MANAGE).role,
        actor=Actor.of(info.context.viewer),
        now=now(),
    )
    return MemberPayload(member=cast("Member", row))


async def change_role(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Which member.")],  # noqa: A002
    role: Annotated[Role, strawberry.argument(description="What they may do from now on.")],
) -> MemberPayload:
    row = await accounts.change_role(
        info.context.workspace_id,
        decode_id("Member", id),
        role,
        by=info.context.require(Access.MANAGE).role,
        actor=Actor.of(info.context.viewer),
        now=now(),
    )
    return MemberPayload(member=cast("Member", row))


async def update_workspace(
    info: Info,
    input: Annotated[UpdateWorkspaceInput, strawberry.argument(description="What is to change.")],  # noqa: A002
) -> WorkspacePayload:
    changes = {name: value for name, value in vars(input).items() if value is not strawberry.UNSET}
    row = await workspaces.update_workspace(info.context.workspace_id, changes)
    return WorkspacePayload(workspace=cast("Workspace", row))
