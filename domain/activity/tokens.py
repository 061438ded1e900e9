"""The one signed token of a message, which all its tracked links, its pixel and its unsubscribe
link carry.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PURPOSE = b"dripgraph message token 1"
_SIGNATURE_BYTES = 12
_PAYLOAD_BYTES = 1 + 16 + 16
TOKEN_LENGTH = 60
"""45 bytes make base64 without padding: key id, message id, workspace id, signature."""


class MessageReference(NamedTuple):
    message_id: UUID
    workspace_id: UUID


class MessageTokens:
    """Issues with the first secret, reads what any of them signed, so a secret can be replaced."""

    def __init__(self, secret: str, earlier: Sequence[str] = ()) -> None:
        keys = [_derive(one) for one in (secret, *earlier)]
        self._key = keys[0]
        self._key_id = _key_id(keys[0])
        self._keys_by_id: dict[int, list[bytes]] = {}
        for key in keys:
            self._keys_by_id.setdefault(_key_id(key)[0], []).append(key)

    def issue(self, message_id: UUID, workspace_id: UUID) -> str:
        """The token of a message: 60 characters that need no escaping in a URL."""
        payload = self._key_id + message_id.bytes + workspace_id.bytes
        signature = hmac.digest(self._key, payload, "sha256")[:_SIGNATURE_BYTES]
        return urlsafe_b64encode(payload + signature).decode()

    def read(self, token: str) -> MessageReference | None:
        """Whom the token names, or None when it was not issued here."""
        if len(token) != TOKEN_LENGTH:
            return None
        try:
            raw = urlsafe_b64decode(token)
        except (Base64Error, ValueError):
            return None
        payload, signature = raw[:_PAYLOAD_BYTES], raw[_PAYLOAD_BYTES:]
        # Base64 decoding skips foreign characters, which would give one message many spellings.
        if len(signature) != _SIGNATURE_BYTES:
            return None
        for key in self._keys_by_id.get(payload[0], ()):
            expected = hmac.digest(key, payload, "sha256")[:_SIGNATURE_BYTES]
            if hmac.compare_digest(expected, signature):
                return MessageReference(UUID(bytes=payload[1:17]), UUID(bytes=payload[17:33]))
        return None


def _derive(secret: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()[:1]
