"""Identifiers whose first 48 bits are the time of the fact they name (UUIDv7, RFC 9562)."""

import os
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_VERSION_7 = 0x7 << 76
_VARIANT = 0x2 << 62
_KEEP_RANDOM = ~((0xF << 76) | (0x3 << 62)) & ((1 << 80) - 1)


def milliseconds(at: datetime) -> int:
    """Whole milliseconds since 1970; raises ValueError before that."""
    value = (at - _EPOCH) // _MILLISECOND
    if not 0 <= value < 1 << 48:
        message = f"{at.isoformat()} cannot be held by a UUIDv7"
        raise ValueError(message)
    return value


def _compose(at: datetime, low: int) -> UUID:
    return UUID(int=milliseconds(at) << 80 | _VERSION_7 | _VARIANT | (low & _KEEP_RANDOM))


def new_id(at: datetime) -> UUID:
    """A fresh id for a fact that happens once, at `at`."""
    return _compose(at, int.from_bytes(os.urandom(10), "big"))


def fact_id(at: datetime, *natural_key: object) -> UUID:
    """The one id of a fact that may be told twice.

    The same time (to the millisecond) and natural key give the same id, so that a repeat meets the
    primary key. The key's parts are told apart by their type and length.
    """
    digest = blake2b(digest_size=10)
    for part in natural_key:
        data = part.bytes if isinstance(part, UUID) else str(part).encode()
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return _compose(at, int.from_bytes(digest.digest(), "big"))


def first_id_at(at: datetime) -> UUID:
    """The smallest bound of ids at `at`; every id from then on compares greater or equal."""
    return UUID(int=milliseconds(at) << 80)


def time_of(identifier: UUID) -> datetime:
    """The time, to the millisecond, that an id of ours carries."""
    return _EPOCH + (identifier.int >> 80) * _MILLISECOND
