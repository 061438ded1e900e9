"""Who is asking, in which workspace, and what they may do there."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.identity.models import Role


class Access(StrEnum):
    """What a call needs. Members have what their role gives; an API key has its scopes."""

    READ = "read"
    TRACK = "track"
    WRITE = "write"
    MANAGE = "manage"


_MANAGER = frozenset(Access)
ACCESS_BY_ROLE = {
    Role.OWNER: _MANAGER,
    Role.ADMIN: _MANAGER,
    Role.EDITOR: frozenset({Access.READ, Access.TRACK, Access.WRITE}),
    Role.VIEWER: frozenset({Access.READ}),
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """`user_id` and `role` are None when an API key asks, `api_key_id` when a person does."""

    workspace_id: UUID
    access: frozenset[Access]
    user_id: UUID | None = None
    role: Role | None = None
    api_key_id: UUID | None = None
