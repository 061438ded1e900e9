"""Global ids: `Type:uuid` in base64url, opaque to clients."""

import binascii
from collections.abc import Awaitable, Callable
from typing import cast
from uuid import UUID

import strawberry
from graphql import GraphQLResolveInfo
from graphql.type import GraphQLAbstractType

from domain.base.database import Record, parse_uuid
from domain.base.errors import InvalidInputError
from schema.base.context import Context, Info
from schema.base.rows import TypedRow, always_true


def encode_id(typename: str, identifier: UUID) -> strawberry.ID:
    # Names of types and hexadecimal digits never give the two characters that differ in base64url.
    text = binascii.b2a_base64(f"{typename}:{identifier}".encode(), newline=False)
    return strawberry.ID(text.rstrip(b"=").decode())


def _id_of(typename: str) -> Callable[[Record], str]:
    prefix = f"{typename}:"
    encode = binascii.b2a_base64

    def identify(row: Record) -> str:
        return encode(f"{prefix}{row['id']}".encode(), newline=False).rstrip(b"=").decode()

    return identify


def _read_id(self: "Node", info: Info) -> strawberry.ID:
    typename = info.path.typename
    if typename is None:
        message = "a node's id was asked for outside any type"
        raise RuntimeError(message)
    return encode_id(typename, cast("Record", self)["id"])


# What the compiled path calls instead, made once for each type.
_read_id.__for_type__ = _id_of  # type: ignore[attr-defined]


def split_id(global_id: str) -> tuple[str, UUID] | None:
    """The type and id inside, or None when it is no id of ours."""
    try:
        padded = global_id + "=" * (-len(global_id) % 4)
        text = binascii.a2b_base64(padded, strict_mode=True)
        typename, _, identifier = text.decode().partition(":")
        return typename, parse_uuid(identifier)
    except (binascii.Error, ValueError):
        return None


# An id that names nothing: it is looked up and not found like any other stranger's id.
NOTHING = UUID(int=0)


def decode_id(typename: str, global_id: str) -> UUID:
    """The id inside; that of nothing when it is not an id of this type."""
    parts = split_id(global_id)
    return parts[1] if parts is not None and parts[0] == typename else NOTHING


def decode_ids(typename: str, global_ids: list[strawberry.ID], *, most: int) -> list[UUID]:
    """Raises InvalidInputError when there are more than `most`."""
    if len(global_ids) > most:
        raise InvalidInputError(f"At most {most} ids at a time.", field="ids")
    return [decode_id(typename, global_id) for global_id in global_ids]


@strawberry.interface(description="Anything that has an id of its own.")
class Node:
    id: strawberry.ID = strawberry.field(
        resolver=_read_id, description="Opaque and stable; unique over all types."
    )

    @classmethod
    @always_true
    def is_type_of(cls, obj: object, _info: GraphQLResolveInfo[Context]) -> bool:  # noqa: ARG003
        """Rows carry no type; the field that answered them knows."""
        return True

    @classmethod
    def resolve_type(
        cls, obj: object, _info: GraphQLResolveInfo[Context], _type: GraphQLAbstractType
    ) -> str:
        if not isinstance(obj, TypedRow):
            message = f"a {type(obj).__name__} says nothing of its type"
            raise TypeError(message)
        return obj.typename


NodeReader = Callable[[UUID, list[UUID]], Awaitable[dict[UUID, Record]]]
_readers: dict[str, NodeReader] = {}


def readable_by_id(typename: str, read: NodeReader) -> None:
    """Let `node(id)` find this type; `read` takes the workspace and ids, answers rows by id."""
    _readers[typename] = read


async def read_nodes(workspace_id: UUID, global_ids: list[strawberry.ID]) -> list[TypedRow | None]:
    """Rows in the order of `global_ids`, None for what does not exist in this workspace."""
    parts = [split_id(global_id) for global_id in global_ids]
    wanted: dict[str, list[UUID]] = {}
    for part in parts:
        if part is not None and part[0] in _readers:
            wanted.setdefault(part[0], []).append(part[1])
    found = {
        (typename, identifier): row
        for typename, identifiers in wanted.items()
        for identifier, row in (await _readers[typename](workspace_id, identifiers)).items()
    }
    return [
        TypedRow(part[0], found[part]) if part is not None and part in found else None
        for part in parts
    ]


def node_types() -> set[str]:
    return set(_readers)
