"""What a resolver may know of the request it serves."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from domain.activity.hub import LiveHub
from domain.activity.ingest import HitIngest
from domain.base.errors import ForbiddenError, UnauthenticatedError
from domain.base.settings import Settings
from domain.identity.tries import Tries
from domain.identity.viewer import Access, Viewer

BatchKey = tuple[object, ...]


class Shared:
    """What has been asked for in one execution: an operation, or one event of a subscription."""

    __slots__ = ("execution", "reads")

    def __init__(self) -> None:
        self.execution: tuple[object, object] = (None, None)
        self.reads: dict[Hashable, asyncio.Future[Any]] = {}

    def of(self, variables: object, root: object) -> dict[Hashable, asyncio.Future[Any]]:
        """The reads of an execution; those of another one are forgotten.

        Each execution has variables of its own, and each event is a root of its own. They are held
        here, so that neither's place in memory can be another's.
        """
        if self.execution[0] is not variables or self.execution[1] is not root:
            self.execution = (variables, root)
            self.reads = {}
        return self.reads


@dataclass(slots=True)
class Context:
    """One per HTTP request or socket.

    `connection_params` are those of a socket's `connection_init`; `client` is the address that the
    request came from; `services` are the process's own (the live hub and the like). `is_admitted`
    says that what is executed was charged to its senders already.
    """

    settings: Settings
    services: "Services"
    viewer: Viewer | None = None
    client: str = ""
    connection_params: dict[str, object] | None = None
    is_admitted: bool = False
    batches: dict[BatchKey, DataLoader[tuple[object, ...], object]] = field(default_factory=dict)

    shared: Shared = field(default_factory=Shared)

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
    tries: Tries


Info = strawberry.Info[Context, None]
