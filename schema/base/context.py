"""What a resolver may know of the request it serves."""

from dataclasses import dataclass, field
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from domain.activity.hub import LiveHub
from domain.activity.ingest import HitIngest
from domain.base.errors import ForbiddenError, UnauthenticatedError
from domain.base.settings import Settings
from domain.identity.viewer import Access, Viewer

BatchKey = tuple[object, ...]


@dataclass(slots=True)
class Context:
    """One per HTTP request or socket.

    `connection_params` are those of a socket's `connection_init`; `client` is the address that the
    request came from; `services` are the process's own (the live hub and the like).
    """

    settings: Settings
    services: "Services"
    viewer: Viewer | None = None
    client: str = ""
    connection_params: dict[str, object] | None = None
    batches: dict[BatchKey, DataLoader[tuple[object, ...], object]] = field(default_factory=dict)

    def require(self, access: Access) -> Viewer:
        """The viewer, if they may do this.

        Raises UnauthenticatedError or ForbiddenError.
        """
        if self.viewer is None:
            raise UnauthenticatedError("Sign in, or send an API key, as `Authorization: Bearer …`.")
        if access not in self.viewer.access:
            raise ForbiddenError(f"This needs {access.value!r} access.")
        return self.viewer

    @property
    def workspace_id(self) -> UUID:
        """The workspace of the verified claims: never of an argument."""
        if self.viewer is None:
            raise UnauthenticatedError("Sign in, or send an API key, as `Authorization: Bearer …`.")
        return self.viewer.workspace_id


@dataclass(slots=True)
class Services:
    """What lives as long as the API process."""

    live: LiveHub
    ingest: HitIngest


Info = strawberry.Info[Context, None]
