"""Requests to the outside against a real server on the loopback, which the policy here allows."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tasks.http.addresses import within
from tasks.http.client import Answer, GuardedClient, Limits
from tasks.http.errors import (
    ForbiddenAddressError,
    InvalidUrlError,
    TooLargeError,
    TooSlowError,
    UnreachableError,
)

LOOPBACK = within("127.0.0.0/8")


class Resolver:
    """Tells the addresses of any name in turn, and remembers which names were asked for."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers or ("127.0.0.1",))
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


class Server:
    """Answers each connection with `reply`, and keeps what it was sent."""

    def __init__(self, reply: bytes, *, closes: bool = True) -> None:
        self.reply = reply
        self.closes = closes
        self.heard: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heard.append(head)
        writer.write(self.reply)
        if not self.closes:
            await reader.read()
        writer.close()

    @asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["Server"]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self


def reply(body: bytes = b"hello", *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def ask(
    server: Server,
    path: str = "/",
    *,
    resolver: Resolver | None = None,
    host: str = "shop.test",
    tls: ssl.SSLContext | None = None,
    seconds: float = 20,
) -> Answer:
    limits = Limits(ports=frozenset({server.port}), max_bytes=1_000, seconds=seconds)
    async with GuardedClient(
        policy=LOOPBACK, resolver=resolver or Resolver(), limits=limits, tls=tls
    ) as client:
        scheme = "http" if tls is None else "https"
        return await client.request("GET", f"{scheme}://{host}:{server.port}{path}")


async def test_the_name_goes_into_the_request_and_the_judged_address_is_asked() -> None:
    async with Server(reply(b"hello", "X-Note: a")).running() as server:
        resolver = Resolver()
        answer = await ask(server, "/in?x=1", resolver=resolver)
    assert (answer.status, answer.headers["x-note"], answer.body) == (200, "a", b"hello")
    assert resolver.asked == ["shop.test"]
    head = server.heard[0].decode()
    assert head.startswith("GET /in?x=1 HTTP/1.1\r\n")
    assert f"Host: shop.test:{server.port}\r\n" in head
    assert "Accept-Encoding: identity\r\n" in head


async def test_a_name_that_changes_its_mind_is_judged_each_time_and_never_looked_up_twice() -> None:
    """DNS rebinding: the answer that was judged is the one that is connected to."""
    resolver = Resolver("127.0.0.1", "10.0.0.1")
    async with Server(reply()).running() as server:
        assert (await ask(server, resolver=resolver)).status == 200
        with pytest.raises(ForbiddenAddressError):
            await ask(server, resolver=resolver)
    assert len(resolver.asked) == len(server.heard) + 1 == 2


async def test_a_connection_is_never_used_for_another_name() -> None:
    async with Server(reply()).running() as server:
        limits = Limits(ports=frozenset({server.port}))
        async with GuardedClient(policy=LOOPBACK, resolver=Resolver(), limits=limits) as client:
            for name in ("one.test", "two.test"):
                await client.request("POST", f"http://{name}:{server.port}/", content=b"{}")
    assert len(server.heard) == 2


async def test_a_closed_address_is_not_even_connected_to() -> None:
    async with Server(reply()).running() as server:
        limits = Limits(ports=frozenset({server.port}))
        async with GuardedClient(limits=limits) as client:
            with pytest.raises(ForbiddenAddressError):
                await client.request("GET", f"http://127.0.0.1:{server.port}/")
    assert server.heard == []


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    moved = reply(b"", "Location: http://169.254.169.254/", status="302 Found")
    async with Server(moved).running() as server:
        answer = await ask(server)
    assert (answer.status, answer.headers["location"]) == (302, "http://169.254.169.254/")
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.test/",
        "file:///etc/passwd",
        "gopher://shop.test:80/",
        "javascript:alert(1)",
        "//shop.test/",
        "/",
        "",
        "http://",
        "http:///path",
        "http://user:password@shop.test/",
        "http://user@shop.test/",
        "http://shop.test:22/",
        "http://shop.test:25/",
        "https://shop.test:6379/",
        "http://shop.test:99999/",
        "http://sh\r\nop.test/",
        "http://shop.test/\r\nHost: evil",
        "http://[::1/",
        "http://shop.test/" + "x" * 2_048,
    ],
)
async def test_urls_that_we_do_not_ask_are_refused_before_any_look_up(url: str) -> None:
    resolver = Resolver("8.8.8.8")
    async with GuardedClient(resolver=resolver) as client:
        with pytest.raises(InvalidUrlError):
            await client.request("GET", url)
    assert resolver.asked == []


async def test_headers_cannot_carry_others_inside() -> None:
    async with Server(reply()).running() as server:
        limits = Limits(ports=frozenset({server.port}))
        async with GuardedClient(policy=LOOPBACK, resolver=Resolver(), limits=limits) as client:
            url = f"http://shop.test:{server.port}/"
            with pytest.raises(UnreachableError):
                await client.request("GET", url, headers={"X-A": "a\r\nX-B: b"})
            await client.request("GET", url, headers={"host": "other.test"})
    assert [head.count(b"ost: ") for head in server.heard] == [1]
    assert b"other.test" not in server.heard[0]


async def test_an_answer_past_the_limit_is_left() -> None:
    async with Server(reply(b"x" * 1_000)).running() as server:
        assert len((await ask(server)).body) == 1_000
    async with Server(reply(b"x" * 1_001)).running() as server:
        with pytest.raises(TooLargeError):
            await ask(server)


async def test_a_packed_answer_is_not_unpacked() -> None:
    async with Server(reply(b"\x1f\x8bbomb", "Content-Encoding: gzip")).running() as server:
        assert (await ask(server)).body == b"\x1f\x8bbomb"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", reply(b"hel")[:-1]])
async def test_a_server_that_stalls_is_left_when_the_time_is_up(said: bytes) -> None:
    async with Server(said, closes=False).running() as server:
        with pytest.raises(TooSlowError):
            await ask(server, seconds=0.2)


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH\r\n", reply(b"hello")[:-1]])
async def test_a_server_that_speaks_otherwise_or_breaks_off_is_unreachable(said: bytes) -> None:
    async with Server(said).running() as server:
        with pytest.raises(UnreachableError):
            await ask(server)


async def test_nobody_listening_is_unreachable() -> None:
    async with Server(reply()).running() as server:
        pass
    with pytest.raises(UnreachableError):
        await ask(server)


def certificate(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for `name`, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + pem
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_the_certificate_must_be_that_of_the_name(tmp_path: Path) -> None:
    at_server, at_client = certificate("shop.test", tmp_path)
    async with Server(reply()).running(at_server) as server:
        assert (await ask(server, tls=at_client)).body == b"hello"
        with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            await ask(server, host="other.test", tls=at_client)
    assert len(server.heard) == 1
