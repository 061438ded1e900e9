"""Documents that clients name instead of sending: automatic ones, and those of a trusted list.

Automatic ones follow Apollo's protocol: a client sends the SHA-256 of a text; when the server does
not know it, it says `PersistedQueryNotFound`, and the client sends both once. What is registered
must be valid, is kept in the process's memory, and, when somebody signed in sent it, in Redis for
the other processes; without Redis each process learns by itself.

A trusted list is a manifest that the front end's build writes. Its names are whatever that build
made (Relay's are MD5), so they are taken as they are.
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any, Final, cast

import orjson
from graphql import GraphQLError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.base.redis import PAUSE_SECONDS, redis_client
from domain.base.settings import Settings, SettingsError
from schema.base.context import Context

logger = logging.getLogger(__name__)

MAX_TEXT_BYTES: Final = 64 << 10
MAX_MEMORY_BYTES: Final = 16 << 20
KEPT_SECONDS: Final = 7 * 86_400
# Of all that one process writes to Redis in the time that Redis keeps it.
MAX_SHARED_BYTES: Final = 64 << 20
_PREFIX: Final = "dripgraph:document:"
_HEX: Final = frozenset("0123456789abcdef")
_APOLLO_FORMAT: Final = "apollo-persisted-query-manifest"


IsValid = Callable[[str, Context | None], bool]


class PersistedError(GraphQLError):
    """A document that is not run. `status` is the one Apollo Server answers with."""

    def __init__(self, message: str, code: str, status: int = 400) -> None:
        super().__init__(message, extensions={"code": code})
        self.code = code
        self.status = status


def read_manifest(path: Path) -> dict[str, str]:
    """Texts by name, of a file as Apollo, Relay or GraphQL Code Generator write it.

    Raises SettingsError.
    """
    try:
        read = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        raise _no_manifest(path) from None
    pairs: list[tuple[object, object]]
    if isinstance(read, dict) and read.get("format") == _APOLLO_FORMAT:
        operations = read.get("operations")
        if not isinstance(operations, list):
            raise _no_manifest(path)
        pairs = [
            (one.get("id"), one.get("body")) if isinstance(one, dict) else (None, None)
            for one in operations
        ]
    elif isinstance(read, dict):
        pairs = list(read.items())
    else:
        raise _no_manifest(path)
    found: dict[str, str] = {}
    for name, text in pairs:
        if not isinstance(name, str) or not isinstance(text, str):
            raise _no_manifest(path)
        found[_bare(name)] = text
    return found


def _no_manifest(path: Path) -> SettingsError:
    return SettingsError(
        f"TRUSTED_DOCUMENTS is wrong: {path} must be a manifest as Apollo, Relay or GraphQL Code"
        " Generator write it"
    )


class PersistedDocuments:
    """`start` it with the process, for Redis; before that it lives by its memory alone.

    `is_valid` says whether a text is a document that would be run; asked by a client, it charges
    that client for the reading.
    """

    def __init__(self, settings: Settings, is_valid: IsValid) -> None:
        self._is_valid = is_valid
        path = settings.trusted_documents
        self._trusted = {} if path is None else read_manifest(path)
        self._trusted_texts = frozenset(self._trusted.values())
        self._is_strict = settings.trusted_documents_only
        self._known: OrderedDict[str, str] = OrderedDict()
        self._known_bytes = 0
        self._redis: Redis | None = None
        self._silent_until = 0.0
        self._shared_bytes = 0
        self._shared_since = monotonic()
        # By outcome: memory, redis, trusted, registered, unknown, refused.
        self.counts: Counter[str] = Counter()
        for name, text in self._trusted.items():
            if not is_valid(text, None):
                logger.warning("the trusted document %s is not valid here, and will not run", name)

    async def start(self, redis_url: str) -> None:
        self._redis = redis_client(redis_url)

    async def stop(self) -> None:
        if self._redis is not None:
            redis, self._redis = self._redis, None
            await redis.aclose()

    def concerns(self, given: Mapping[str, Any]) -> bool:
        """Whether a request's text is not simply the one it sends."""
        return self._is_strict or bool(given.get("extensions")) or "documentId" in given

    async def text(self, given: Mapping[str, Any], context: Context) -> str:
        """The text to run for a request's `query`, `extensions` and `documentId`.

        Raises PersistedError.
        """
        query = given.get("query") or None
        name = _name_in(given)
        if name is None:
            if not isinstance(query, str):
                raise PersistedError("No GraphQL query found in the request", "BAD_REQUEST")
            return self._allowed(query)
        trusted = self._trusted.get(name)
        if trusted is not None:
            self.counts["trusted"] += 1
            return trusted
        if isinstance(query, str):
            if not self._is_strict:
                await self._register(name, query, context)
            return self._allowed(query)
        found = None if self._is_strict else await self._find(name)
        if found is None:
            self.counts["unknown"] += 1
            raise PersistedError("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND", 200)
        return found

    def _allowed(self, query: str) -> str:
        if self._is_strict and query not in self._trusted_texts:
            self.counts["refused"] += 1
            raise PersistedError(
                "This server runs documents of its trusted list only.", "QUERY_NOT_IN_SAFELIST"
            )
        return query

    async def _find(self, name: str) -> str | None:
        found = self._known.get(name)
        if found is not None:
            self._known.move_to_end(name)
            self.counts["memory"] += 1
            return found
        if not _is_sha256(name):
            return None
        read = await self._ask(lambda redis: redis.getex(_PREFIX + name, ex=KEPT_SECONDS))
        # What came over the network is what the client named, or it is nothing.
        if not isinstance(read, bytes) or sha256(read).hexdigest() != name:
            return None
        found = read.decode()
        self._keep(name, found)
        self.counts["redis"] += 1
        return found

    async def _register(self, name: str, query: str, context: Context) -> None:
        if name in self._known and self._known[name] == query:
            return
        written = query.encode()
        if sha256(written).hexdigest() != name:
            raise PersistedError("provided sha does not match query", "BAD_REQUEST")
        if len(written) > MAX_TEXT_BYTES or not self._is_valid(query, context):
            return
        self._keep(name, query)
        self.counts["registered"] += 1
        # Whoever is not signed in could fill Redis, and so could a broken client.
        if context.viewer is not None and self._may_share(len(written)):
            await self._ask(lambda redis: redis.set(_PREFIX + name, written, ex=KEPT_SECONDS))

    def _keep(self, name: str, text: str) -> None:
        if name in self._known:
            return
        self._known[name] = text
        self._known_bytes += len(text)
        while self._known_bytes > MAX_MEMORY_BYTES:
            _, forgotten = self._known.popitem(last=False)
            self._known_bytes -= len(forgotten)

    def _may_share(self, size: int) -> bool:
        at = monotonic()
        if at > self._shared_since + KEPT_SECONDS:
            self._shared_since, self._shared_bytes = at, 0
        self._shared_bytes += size
        return self._shared_bytes <= MAX_SHARED_BYTES

    async def _ask(self, command: Callable[[Redis], Any]) -> object:
        """Redis's answer; None when it is away."""
        if self._redis is None or monotonic() < self._silent_until:
            return None
        try:
            return cast("object", await command(self._redis))
        except (RedisError, OSError) as error:
            self._silent_until = monotonic() + PAUSE_SECONDS
            logger.warning("Redis did not keep or tell a document: %s", error)
            return None


def _name_in(given: Mapping[str, Any]) -> str | None:
    extensions = given.get("extensions")
    if not isinstance(extensions, dict):
        extensions = {}
    persisted = extensions.get("persistedQuery")
    if persisted is not None:
        if not isinstance(persisted, dict) or persisted.get("version") != 1:
            raise PersistedError("Unsupported persisted query version", "BAD_REQUEST")
        name = persisted.get("sha256Hash")
    else:
        # The draft of GraphQL over HTTP names documents so.
        name = given.get("documentId", extensions.get("documentId"))
        if name is None:
            return None
    if not isinstance(name, str) or not name:
        raise PersistedError("A persisted document's name must be a text.", "BAD_REQUEST")
    return _bare(name)


def _bare(name: str) -> str:
    return name.removeprefix("sha256:")


def _is_sha256(name: str) -> bool:
    return len(name) == 64 and _HEX.issuperset(name)  # noqa: PLR2004  256 bits in hex
