"""The client against servers that others wrote, over plain text and TLS, on both event loops."""

import asyncio
import datetime as dt
import shutil
import ssl
import subprocess
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domain.delivery.transport import TransportUnavailableError, Verdict
from tasks.smtp.account import SmtpAccount, smtp_account
from tasks.smtp.pool import SmtpPool
from tests.tasks.smtp.ledger import BODY, MemoryOutbox, outgoing

SINK = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin:/usr/local/bin")


class Recorder:
    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.bodies[envelope.rcpt_tos[0]] = envelope.content
        return "250 2.0.0 recorded"


@pytest.fixture(params=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as made:
        yield made


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def sign_in(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
) -> AuthResult:
    wanted = LoginPassword(b"anna", b"p@ss word")
    return AuthResult(success=isinstance(data, LoginPassword) and data == wanted, handled=False)


async def exchange(
    options: dict[str, Any], account: dict[str, Any], count: int
) -> tuple[Recorder, MemoryOutbox]:
    """Send `count` messages to an aiosmtpd server with these options."""
    recorder = Recorder()
    controller = UnthreadedController(
        recorder, hostname="127.0.0.1", port=0, loop=asyncio.get_running_loop(), **options
    )
    server = await asyncio.get_running_loop().create_server(
        controller._factory_invoker, "127.0.0.1", 0, ssl=controller.ssl_context
    )
    port = server.sockets[0].getsockname()[1]
    outbox = MemoryOutbox([outgoing(n) for n in range(1, count + 1)])
    pool = SmtpPool(SmtpAccount(**{"host": "localhost", "port": port, **account}))
    try:
        await outbox.send_with(pool)
    finally:
        await pool.close()
        server.close()
        await server.wait_closed()
    return recorder, outbox


def run(runner: asyncio.Runner, task: Coroutine[Any, Any, Any]) -> Any:
    return runner.run(task)


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def check_all_arrived(recorder: Recorder, outbox: MemoryOutbox, count: int) -> None:
    assert {o.verdict for o in outbox.outcomes.values()} == {Verdict.ACCEPTED}
    assert recorder.bodies == {f"r{n}@example.com": BODY for n in range(1, count + 1)}


def test_aiosmtpd_takes_all_messages(runner: asyncio.Runner) -> None:
    recorder, outbox = run(runner, exchange({}, {}, 250))
    check_all_arrived(recorder, outbox, 250)


def test_aiosmtpd_takes_all_messages_over_starttls_after_sign_in(
    runner: asyncio.Runner, certificate: Path
) -> None:
    options = {
        "tls_context": server_tls(certificate),
        "require_starttls": True,
        "authenticator": sign_in,
        "auth_required": True,
    }
    account = {
        "security": "starttls",
        "verify_certificate": False,
        "username": "anna",
        "password": "p@ss word",
    }
    recorder, outbox = run(runner, exchange(options, account, 250))
    check_all_arrived(recorder, outbox, 250)


def test_aiosmtpd_takes_all_messages_over_tls_from_the_start(
    runner: asyncio.Runner, certificate: Path
) -> None:
    account = {"security": "tls", "verify_certificate": False}
    recorder, outbox = run(runner, exchange({"ssl_context": server_tls(certificate)}, account, 250))
    check_all_arrived(recorder, outbox, 250)


def test_a_certificate_nobody_vouches_for_is_refused(
    runner: asyncio.Runner, certificate: Path
) -> None:
    with pytest.raises(TransportUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        run(
            runner,
            exchange({"ssl_context": server_tls(certificate)}, {"security": "tls"}, 1),
        )


def test_a_wrong_password_makes_the_server_unavailable(runner: asyncio.Runner) -> None:
    options = {"authenticator": sign_in, "auth_require_tls": False}
    account = {"username": "anna", "password": "wrong"}
    with pytest.raises(TransportUnavailableError, match="535"):
        run(runner, exchange(options, account, 1))


@pytest.mark.skipif(SINK is None, reason="smtp-sink of Debian's postfix is not installed")
@pytest.mark.parametrize("pipelining", ["auto", "grouped", "off"])
def test_smtp_sink_takes_all_messages(
    runner: asyncio.Runner, pipelining: str, unused_tcp_port: int
) -> None:
    assert SINK is not None
    with subprocess.Popen(
        [SINK, "-c", "-u", "nobody", f"127.0.0.1:{unused_tcp_port}", "100"],
        stdout=subprocess.DEVNULL,
    ) as sink:

        async def send() -> MemoryOutbox:
            outbox = MemoryOutbox([outgoing(n) for n in range(1, 1001)])
            url = f"smtp://127.0.0.1:{unused_tcp_port}?pipelining={pipelining}&connections=4"
            pool = SmtpPool(smtp_account(url))
            for _ in range(100):
                try:
                    (await asyncio.open_connection("127.0.0.1", unused_tcp_port))[1].close()
                    break
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)
            await outbox.send_with(pool)
            await pool.close()
            return outbox

        try:
            outbox = runner.run(send())
        finally:
            sink.terminate()
    assert len(outbox.outcomes) == 1000
    assert {o.verdict for o in outbox.outcomes.values()} == {Verdict.ACCEPTED}
