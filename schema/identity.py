"""People, workspaces, keys: who may do what."""

from datetime import datetime

import strawberry

from domain.identity.models import Role, UnknownPolicy
from domain.identity.viewer import Access
from schema.base.enums import described_enum
from schema.base.errors import Payload
from schema.base.node import Node

described_enum(
    Role,
    name="Role",
    description="What a member may do; each includes those below it.",
    values={
        Role.OWNER: "May do everything, and was here first or was made one.",
        Role.ADMIN: "May do everything.",
        Role.EDITOR: "Reads, tracks and writes, but manages no members, keys or settings.",
        Role.VIEWER: "Reads.",
    },
)
described_enum(
    Access,
    name="Access",
    description="What a call needs, and what an API key may hold.",
    values={
        Access.READ: "Look at everything but keys.",
        Access.TRACK: "Tell events.",
        Access.WRITE: "Change subscribers, templates and sequences.",
        Access.MANAGE: "Change members, keys and the workspace's settings.",
    },
)
described_enum(
    UnknownPolicy,
    name="UnknownPolicy",
    description="What becomes of a message whose acceptance nobody can know.",
    values={
        UnknownPolicy.HOLD: "It stays `UNKNOWN`: nobody gets it twice, somebody may never get it.",
        UnknownPolicy.RESEND: "It is sent again: everybody gets it, somebody may get it twice.",
    },
)


@strawberry.type(description="One tenant: every other thing belongs to exactly one.")
class Workspace(Node):
    name: str = strawberry.field(description="Shown to members and available to templates.")
    from_name: str | None = strawberry.field(description="Name in the From line of its mail.")
    from_email: str | None = strawberry.field(description="Address in the From line of its mail.")
    on_unknown: UnknownPolicy = strawberry.field(description="Policy for unknown outcomes.")
    is_demo: bool = strawberry.field(description="Whether it was made by `dripgraph demo`.")
    created_at: datetime = strawberry.field(description="When it was made, UTC.")


@strawberry.type(description="A person who can sign in.")
class User(Node):
    email: str = strawberry.field(description="Address to sign in with, case-folded.")
    name: str = strawberry.field(description="As they gave it.")
    created_at: datetime = strawberry.field(description="When they signed up, UTC.")


@strawberry.type(description="A person's place in this workspace.")
class Member(Node):
    email: str = strawberry.field(description="Address to sign in with.")
    name: str = strawberry.field(description="As they gave it.")
    role: Role = strawberry.field(description="What they may do here.")
    created_at: datetime = strawberry.field(description="When they joined, UTC.")


@strawberry.type(description="A key for machines; the secret itself is shown once, when made.")
class ApiKey(Node):
    name: str = strawberry.field(description="What it is for.")
    prefix: str = strawberry.field(description="The key's first characters, to tell keys apart.")
    scopes: list[Access] = strawberry.field(description="What it may do.")
    created_at: datetime = strawberry.field(description="When it was made, UTC.")
    expires_at: datetime | None = strawberry.field(description="When it ends; null for never.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked.")


@strawberry.type(description="Who is asking.")
class ViewerInfo:
    workspace: Workspace = strawberry.field(description="The workspace that this request is in.")
    user: User | None = strawberry.field(description="Null when an API key asks.")
    role: Role | None = strawberry.field(description="Null when an API key asks.")
    access: list[Access] = strawberry.field(description="What this request may do.")


@strawberry.type(description="A signed-in session's tokens.")
class Session:
    access_token: str = strawberry.field(description="Send as `Authorization: Bearer …`.")
    refresh_token: str = strawberry.field(
        description="Works once: `refreshSession` trades it for a new pair. Using it a second"
        " time ends the session."
    )
    expires_at: datetime = strawberry.field(description="When the access token ends, UTC.")


@strawberry.input(description="A new user with a new workspace.")
class SignUpInput:
    email: str = strawberry.field(description="Address to sign in with.")
    password: str = strawberry.field(description="10 to 200 characters.")
    name: str = strawberry.field(description="1 to 200 characters.")
    workspace_name: str = strawberry.field(description="1 to 200 characters.")


@strawberry.type(description="Answer of `signUp`, `signIn` and `refreshSession`.")
class SessionPayload(Payload):
    session: Session | None = strawberry.field(default=None, description="Null on errors.")


@strawberry.type(description="Answer of `signOut`.")
class SignOutPayload(Payload):
    pass


@strawberry.input(description="A new key for machines.")
class CreateApiKeyInput:
    name: str = strawberry.field(description="What it is for; 1 to 200 characters.")
    scopes: list[Access] = strawberry.field(description="What it may do: at least 1 of the 4.")
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it ends; null for never."
    )


@strawberry.type(description="Answer of `createApiKey`.")
class CreateApiKeyPayload(Payload):
    api_key: ApiKey | None = strawberry.field(default=None, description="Null on errors.")
    secret: str | None = strawberry.field(
        default=None, description="The key itself: shown now and never again."
    )


@strawberry.type(description="Answer of `revokeApiKey`.")
class RevokeApiKeyPayload(Payload):
    api_key: ApiKey | None = strawberry.field(default=None, description="Null on errors.")


@strawberry.input(description="A colleague's account in this workspace.")
class AddMemberInput:
    email: str = strawberry.field(description="Address to sign in with.")
    name: str = strawberry.field(description="1 to 200 characters.")
    password: str = strawberry.field(description="Their first password, 10 to 200 characters.")
    role: Role = strawberry.field(description="What they may do.")


@strawberry.type(description="Answer of `addMember` and `changeRole`.")
class MemberPayload(Payload):
    member: Member | None = strawberry.field(default=None, description="Null on errors.")


@strawberry.input(description="What is to change; what is left out stays.")
class UpdateWorkspaceInput:
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 200 characters."
    )
    from_name: str | None = strawberry.field(
        default=strawberry.UNSET, description="Null for the installation's default."
    )
    from_email: str | None = strawberry.field(
        default=strawberry.UNSET, description="Null for the installation's default."
    )
    on_unknown: UnknownPolicy | None = strawberry.field(
        default=strawberry.UNSET, description="Policy for unknown outcomes."
    )


@strawberry.type(description="Answer of `updateWorkspace`.")
class WorkspacePayload(Payload):
    workspace: Workspace | None = strawberry.field(default=None, description="Null on errors.")
