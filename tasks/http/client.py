"""The one way by which we ask other servers for something on behalf of a workspace.

Whoever names the URL must not be able to look into our own network by it.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import httpx

from tasks.http.addresses import Policy, Resolve, allowed_addresses, is_public, resolve
from tasks.http.errors import (
    InvalidUrlError,
    TooLargeError,
    TooSlowError,
    UnreachableError,
)

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LONGEST_URL: Final = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may take: all of it in `seconds`, an answer's body of `max_bytes`."""

    seconds: float = 10.0
    max_bytes: int = 1 << 20
    schemes: frozenset[str] = frozenset(_DEFAULT_PORTS)
    ports: frozenset[int] = frozenset(_DEFAULT_PORTS.values())


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said, as it came: a redirect is an answer like any other."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class GuardedClient:
    """Asks only public addresses, the very ones that were looked up and judged; follows nothing.

    `async with` it. Proxies of the environment are not used: they would look names up again.
    """

    def __init__(
        self,
        *,
        policy: Policy = is_public,
        resolver: Resolve = resolve,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._limits = limits or Limits()
        self._client = httpx.AsyncClient(
            verify=tls or ssl.create_default_context(),
            follow_redirects=False,
            trust_env=False,
            timeout=self._limits.seconds,
            # A connection is known by its address alone: one that was made for one name's
            # certificate must not be used for another's.
            limits=httpx.Limits(max_keepalive_connections=0, max_connections=100),
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Raises OutgoingError: InvalidUrl-, UnknownHost-, ForbiddenAddress-, Unreachable-,
        TooSlow- or TooLargeError.
        """
        target = self._checked(url)
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await self._ask(method, target, headers or {}, content)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise TooSlowError(f"No answer within {self._limits.seconds:g} s.") from error
        except httpx.HTTPError as error:
            raise UnreachableError(str(error) or type(error).__name__) from error

    def _checked(self, url: str) -> httpx.URL:
        if len(url) > _LONGEST_URL:
            raise InvalidUrlError(f"A URL has at most {_LONGEST_URL:,} characters.")
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise InvalidUrlError(f"Not a URL: {error}.") from error
        if target.scheme not in self._limits.schemes or not target.host:
            schemes = " or ".join(sorted(self._limits.schemes))
            raise InvalidUrlError(f"A URL must begin with {schemes} and name a host.")
        if target.userinfo:
            raise InvalidUrlError("A URL must not carry a name or a password.")
        if self._port(target) not in self._limits.ports:
            ports = ", ".join(map(str, sorted(self._limits.ports)))
            raise InvalidUrlError(f"Only these ports may be asked: {ports}.")
        return target

    @staticmethod
    def _port(target: httpx.URL) -> int:
        return target.port or _DEFAULT_PORTS[target.scheme]

    async def _ask(
        self, method: str, target: httpx.URL, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        # As it is asked for on the wire: resolvers disagree on how to spell other letters.
        host = target.raw_host.decode("ascii")
        addresses = await allowed_addresses(
            host, self._port(target), policy=self._policy, resolver=self._resolver
        )
        sent = httpx.Headers(headers)
        sent["Host"] = target.netloc.decode("ascii")
        # Packed answers could unpack to any size.
        sent["Accept-Encoding"] = "identity"
        failure: Exception | None = None
        for address in addresses:
            request = self._client.build_request(
                method,
                target.copy_with(host=address),
                headers=sent,
                content=content,
                # The certificate must be that of the name.
                extensions={
                    "sni_hostname": host,
                    "timeout": httpx.Timeout(self._limits.seconds).as_dict(),
                },
            )
            try:
                return await self._send(request)
            except httpx.ConnectError as error:
                failure = error
        raise UnreachableError(f"{host} does not answer: {failure}.") from failure

    async def _send(self, request: httpx.Request) -> Answer:
        response = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._limits.max_bytes:
                    raise TooLargeError(f"The answer has over {self._limits.max_bytes:,} bytes.")
            return Answer(response.status_code, dict(response.headers), bytes(body))
        finally:
            await response.aclose()
