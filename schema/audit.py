"""The audit log: who changed what gives power, or let data out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import orjson
import strawberry
from strawberry.scalars import JSON

from domain.base.database import Record
from domain.identity.accounts import read_users
from domain.identity.api_keys import read_api_keys
from domain.identity.audit import AuditAction
from schema.base.batch import batch_field
from schema.base.context import Info
from schema.base.enums import described_enum
from schema.base.node import encode_id
from schema.base.rows import pure
from schema.identity import ApiKey, User

described_enum(
    AuditAction,
    name="AuditAction",
    description="What the audit log holds.",
    values={
        AuditAction.MEMBER_ADDED: "Someone became a member; `details` has their role.",
        AuditAction.ROLE_CHANGED: "A member's role changed; `details` has it before and after.",
        AuditAction.API_KEY_CREATED: "A key was made; `details` has what it may do.",
        AuditAction.API_KEY_REVOKED: "A key was ended.",
        AuditAction.SEQUENCE_PUBLISHED: "People enter another version from now on.",
        AuditAction.DATA_EXPORTED: "A file was downloaded, by whoever had its link.",
    },
)


async def users_of_entries(parents: Sequence[Record], info: Info) -> list[User | None]:
    wanted = {row["actor_user_id"] for row in parents} - {None}
    found = await read_users(info.context.workspace_id, list(wanted)) if wanted else {}
    return [cast("User | None", found.get(row["actor_user_id"])) for row in parents]


async def api_keys_of_entries(parents: Sequence[Record], info: Info) -> list[ApiKey | None]:
    wanted = {row["actor_api_key_id"] for row in parents} - {None}
    found = await read_api_keys(info.context.workspace_id, list(wanted)) if wanted else {}
    return [cast("ApiKey | None", found.get(row["actor_api_key_id"])) for row in parents]


@strawberry.type(
    description="A link of the audit log. Its hash covers the one before, so that a change to what"
    " was written is found by `dripgraph verify-audit`."
)
class AuditEntry:
    number: int = strawberry.field(description="Its place in the workspace's log, from 1.")
    action: AuditAction = strawberry.field(description="What was done.")
    at: datetime = strawberry.field(description="When, UTC.")
    user: User | None = batch_field(
        users_of_entries, description="Who did it; null for an API key, a link, or someone gone."
    )
    api_key: ApiKey | None = batch_field(
        api_keys_of_entries, description="The key that did it; null when it was none."
    )

    @strawberry.field(description="What it was done to; it may be gone by now.")
    @pure
    def target_id(self: Any) -> strawberry.ID:
        return encode_id(self["target_type"], self["target_id"])

    @strawberry.field(description="What else was written down, by the kind of action.")
    @pure
    def details(self: Any) -> JSON:
        text: Any = orjson.Fragment(self["details"])
        return cast("JSON", text)

    @strawberry.field(description="SHA-256 of the entry and of the hash before, in hexadecimal.")
    @pure
    def hash(self: Any) -> str:
        digest: bytes = self["hash"]
        return digest.hex()
