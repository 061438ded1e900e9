"""Signed tokens that stand for one thing, for one purpose, for a while: whoever has it may get it.

They are for addresses that must work without a sign-in, such as that of a download.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_SIGNATURE_BYTES: Final = 20
_SIGNED_BYTES: Final = 16 + 16 + 8
TOKEN_LENGTH: Final = 80
"""60 bytes make base64 without padding: workspace, subject, end, signature."""


class Grant(NamedTuple):
    """What a token stands for: a thing of a workspace."""

    workspace_id: UUID
    subject_id: UUID


class SignedTokens:
    """Tokens of one purpose; those of another are signed with another key, and so are foreign."""

    def __init__(self, secret_key: str, purpose: str) -> None:
        info = f"dripgraph signed token 1: {purpose}".encode()
        self._key = HKDF(SHA256(), 32, salt=None, info=info).derive(secret_key.encode())

    def issue(self, grant: Grant, until: datetime) -> str:
        """80 characters that need no escaping in a URL; good to the second before `until`."""
        signed = (
            grant.workspace_id.bytes
            + grant.subject_id.bytes
            + int(until.timestamp()).to_bytes(8, "big")
        )
        return urlsafe_b64encode(signed + self._signature(signed)).decode()

    def read(self, token: str, now: datetime) -> Grant | None:
        """What a token stands for; None for one that is not ours, was altered or has ended."""
        if len(token) != TOKEN_LENGTH:
            return None
        try:
            raw = urlsafe_b64decode(token)
        except (Base64Error, ValueError):
            return None
        signed, signature = raw[:_SIGNED_BYTES], raw[_SIGNED_BYTES:]
        # Decoding skips foreign characters, which leaves the signature short, and so not equal.
        if not hmac.compare_digest(self._signature(signed), signature):
            return None
        until = datetime.fromtimestamp(int.from_bytes(signed[32:], "big"), UTC)
        if now >= until:
            return None
        return Grant(UUID(bytes=signed[:16]), UUID(bytes=signed[16:32]))

    def _signature(self, signed: bytes) -> bytes:
        return hmac.digest(self._key, signed, "sha256")[:_SIGNATURE_BYTES]
