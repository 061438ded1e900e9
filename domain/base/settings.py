"""Settings: the one place where the environment is read."""

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import SplitResult, parse_qs, urlsplit

SECRET_KEY_MIN_BYTES: Final = 32
METRICS_TOKEN_MIN_CHARACTERS: Final = 16
# Points a minute for each credential, workspace and address.
_DEVELOPMENT_RATES: Final = ("100000000", "100000000", "100000000")
_PRODUCTION_RATES: Final = ("120000", "400000", "600000")
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

T = TypeVar("T")


class SettingsError(Exception):
    """A setting is missing or wrong: one line that names it and says what it must look like."""


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a process is told from outside; `.env.example` says what each means.

    `database_url` and `redis_url` are empty when embedded servers are to be used, and `smtp_url`
    when mail goes to the built-in mailbox (then see `relay_url`): in development only.
    """

    environment: Environment
    data_dir: Path
    database_url: str
    redis_url: str
    secret_key: str
    smtp_url: str
    anthropic_api_key: str | None
    public_url: str
    cors_origins: tuple[str, ...]
    trusted_documents: Path | None
    trusted_documents_only: bool
    metrics_token: str | None
    introspection: bool
    playground: bool
    max_cost: int
    rate_limit_credential: int
    rate_limit_workspace: int
    rate_limit_address: int
    sockets_per_viewer: int
    sockets_per_address: int
    host: str
    port: int
    trusted_proxies: str
    mail_from: str
    mailbox_host: str
    mailbox_smtp_port: int
    mailbox_http_port: int
    database_pool_size: int
    read_pool_size: int
    worker_processes: int
    worker_threads: int
    access_token_seconds: int
    refresh_token_seconds: int
    log_level: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check every setting; an empty value counts as not set.

        In development a missing `SECRET_KEY` is made once and kept in the data folder.

        Raises `SettingsError` for the first wrong one.
        """
        environment = _read(environ, "DRIPGRAPH_ENV", "development", _environment)
        production = environment is Environment.PRODUCTION
        for name in ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "SMTP_URL", "PUBLIC_URL"):
            if production and not _text(environ, name):
                raise SettingsError(f"{name} is not set: production needs {_EXPECTED[name]}")
        data_dir = _read(environ, "DATA_DIR", ".data", _folder)
        port = _read(environ, "PORT", "8000", _port)
        public_url = _read(environ, "PUBLIC_URL", f"http://localhost:{port}", _public_url)
        if production:
            _refuse_plain_http(public_url)
        is_open = "false" if production else "true"
        # A minute's points for one who works alone are no limit; in production others wait.
        credential, workspace, address = _PRODUCTION_RATES if production else _DEVELOPMENT_RATES
        sockets = ("50", "500") if production else ("10000", "10000")
        trusted = _read_optional(environ, "TRUSTED_DOCUMENTS", _file)
        trusted_only = _read(environ, "TRUSTED_DOCUMENTS_ONLY", "false", _switch)
        if trusted_only and trusted is None:
            raise SettingsError("TRUSTED_DOCUMENTS_ONLY is wrong: it needs TRUSTED_DOCUMENTS")
        return cls(
            environment=environment,
            data_dir=data_dir,
            database_url=_read_optional(environ, "DATABASE_URL", _database_url) or "",
            redis_url=_read_optional(environ, "REDIS_URL", _redis_url) or "",
            secret_key=_read_optional(environ, "SECRET_KEY", _secret_key) or _kept_key(data_dir),
            smtp_url=_read_optional(environ, "SMTP_URL", _smtp_url) or "",
            anthropic_api_key=_read_optional(environ, "ANTHROPIC_API_KEY", str),
            public_url=public_url,
            cors_origins=_read(environ, "CORS_ORIGINS", ",", _origins),
            trusted_documents=trusted,
            trusted_documents_only=trusted_only,
            metrics_token=_read_optional(environ, "METRICS_TOKEN", _metrics_token),
            introspection=_read(environ, "INTROSPECTION", is_open, _switch),
            playground=_read(environ, "PLAYGROUND", is_open, _switch),
            max_cost=_read(environ, "MAX_COST", "10000", _between(100, 1_000_000)),
            rate_limit_credential=_read(environ, "RATE_LIMIT_CREDENTIAL", credential, _points),
            rate_limit_workspace=_read(environ, "RATE_LIMIT_WORKSPACE", workspace, _points),
            rate_limit_address=_read(environ, "RATE_LIMIT_ADDRESS", address, _points),
            sockets_per_viewer=_read(
                environ, "SOCKETS_PER_VIEWER", sockets[0], _between(1, 1_000_000)
            ),
            sockets_per_address=_read(
                environ, "SOCKETS_PER_ADDRESS", sockets[1], _between(1, 1_000_000)
            ),
            host=_text(environ, "HOST") or "127.0.0.1",
            port=port,
            trusted_proxies=_text(environ, "TRUSTED_PROXIES") or "",
            mail_from=_read(environ, "MAIL_FROM", "Dripgraph <hello@example.com>", _mail_from),
            mailbox_host=_text(environ, "MAILBOX_HOST") or "127.0.0.1",
            mailbox_smtp_port=_read(environ, "MAILBOX_SMTP_PORT", "1025", _port),
            mailbox_http_port=_read(environ, "MAILBOX_HTTP_PORT", "8025", _port),
            database_pool_size=_read(environ, "DATABASE_POOL_SIZE", "10", _between(1, 500)),
            read_pool_size=_read(environ, "READ_POOL_SIZE", "10", _between(1, 500)),
            worker_processes=_read(environ, "WORKER_PROCESSES", "1", _between(1, 64)),
            worker_threads=_read(environ, "WORKER_THREADS", "8", _between(1, 128)),
            access_token_seconds=_read(
                environ, "ACCESS_TOKEN_SECONDS", "900", _between(30, 24 * 3600)
            ),
            refresh_token_seconds=_read(
                environ, "REFRESH_TOKEN_SECONDS", str(30 * 86400), _between(60, 400 * 86400)
            ),
            log_level=_read(environ, "LOG_LEVEL", "INFO", _log_level),
        )

    @property
    def relay_url(self) -> str:
        """Where mail is handed over: the named relay, else the built-in mailbox."""
        return self.smtp_url or f"smtp://{self.mailbox_host}:{self.mailbox_smtp_port}"

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION


def read_env_file(path: Path) -> dict[str, str]:
    """The settings of an `.env` file: `NAME=value` lines, `#` comments, optional quotes.

    A missing file holds none. Raises `SettingsError` for a line that is neither.
    """
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        if not equals or not name.strip().isidentifier():
            raise SettingsError(f"{path}, line {number}: must look like NAME=value")
        value = value.strip()
        quoted = value[:1] in {'"', "'"} and value[-1:] == value[:1] and len(value) > 1
        found[name.strip()] = value[1:-1] if quoted else value
    return found


_EXPECTED: Final = {
    "DRIPGRAPH_ENV": "development or production",
    "DATA_DIR": "the path of a folder",
    "DATABASE_URL": "a URL like postgresql://user:password@host:5432/dripgraph",
    "REDIS_URL": "a URL like redis://:password@host:6379/0, rediss://... or unix:///path?db=0",
    "SECRET_KEY": f"at least {SECRET_KEY_MIN_BYTES} bytes, such as `openssl rand -hex 32` prints",
    "SMTP_URL": "a URL like smtp://user:password@host:587 or smtps://host:465",
    "PUBLIC_URL": "the address people reach, like https://mail.example.com, without a path",
    "CORS_ORIGINS": "origins like https://app.example.com, separated by commas",
    "TRUSTED_DOCUMENTS": "the path of a file, a manifest of documents",
    "TRUSTED_DOCUMENTS_ONLY": "true or false",
    "METRICS_TOKEN": f"at least {METRICS_TOKEN_MIN_CHARACTERS} characters of ASCII without blanks",
    "INTROSPECTION": "true or false",
    "PLAYGROUND": "true or false",
    "MAIL_FROM": "a mailbox like Anna <anna@example.com>",
    "LOG_LEVEL": "one of " + ", ".join(LOG_LEVELS),
}


def _text(environ: Mapping[str, str], name: str) -> str | None:
    return environ.get(name, "").strip() or None


def _read(environ: Mapping[str, str], name: str, default: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(_text(environ, name) or default)
    except ValueError as error:
        # A parser may say more than the table; the value itself may be a secret.
        expected = str(error) or _EXPECTED[name]
        raise SettingsError(f"{name} is wrong: it must be {expected}") from None


def _read_optional(environ: Mapping[str, str], name: str, parse: Callable[[str], T]) -> T | None:
    text = _text(environ, name)
    return None if text is None else _read(environ, name, text, parse)


def _environment(text: str) -> Environment:
    if text not in set(Environment):
        raise ValueError
    return Environment(text)


def _folder(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError
    return path


def _file(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise ValueError
    return path


def _switch(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError
    return text.lower() == "true"


def _metrics_token(text: str) -> str:
    # It travels in a header.
    if len(text) < METRICS_TOKEN_MIN_CHARACTERS or not re.fullmatch("[!-~]+", text):
        raise ValueError
    return text


def _between(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and lowest <= int(text) <= highest):
            raise ValueError(f"a whole number from {lowest} to {highest}")
        return int(text)

    return parse


_port = _between(1, 65535)
_points = _between(100, 1_000_000_000)


def _checked(text: str, *, valid: Callable[[SplitResult], bool]) -> str:
    try:
        parts = urlsplit(text)
        # Reading the port is what makes urlsplit check it.
        accepted = parts.port != 0 and valid(parts)
    except ValueError:
        accepted = False
    if not accepted:
        raise ValueError
    return text


def _database_url(text: str) -> str:
    def valid(parts: SplitResult) -> bool:
        has_host = bool(parts.hostname) or "host" in parse_qs(parts.query)
        return parts.scheme in {"postgres", "postgresql"} and has_host and len(parts.path) > 1

    return _checked(text, valid=valid)


def _redis_url(text: str) -> str:
    def valid(parts: SplitResult) -> bool:
        if parts.scheme == "unix":
            return len(parts.path) > 1
        return parts.scheme in {"redis", "rediss"} and bool(parts.hostname)

    return _checked(text, valid=valid)


def _smtp_url(text: str) -> str:
    return _checked(text, valid=lambda p: p.scheme in {"smtp", "smtps"} and bool(p.hostname))


def _public_url(text: str) -> str:
    def valid(parts: SplitResult) -> bool:
        bare = parts.path in {"", "/"} and not parts.query and not parts.fragment
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and bare

    return _checked(text, valid=valid).rstrip("/")


def _origins(text: str) -> tuple[str, ...]:
    # A star would let every page of the world in; and a browser sends an origin in lower case.
    return tuple(_public_url(part.strip()).lower() for part in text.split(",") if part.strip())


def _refuse_plain_http(public_url: str) -> None:
    # RFC 8058 wants one-click unsubscribe over https; the loopback is for trying a stack out.
    parts = urlsplit(public_url)
    if parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise SettingsError("PUBLIC_URL is wrong: in production it must begin with https://")


def _secret_key(text: str) -> str:
    if len(text.encode()) < SECRET_KEY_MIN_BYTES:
        raise ValueError
    return text


def _mail_from(text: str) -> str:
    address = parseaddr(text)[1]
    local, at, domain = address.rpartition("@")
    if not (at and local and domain) or "\n" in text or "\r" in text:
        raise ValueError
    return text


def _log_level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError
    return text.upper()


def _kept_key(data_dir: Path) -> str:
    """The key of this data folder, made on first use and readable by its owner alone."""
    path = data_dir / "secret_key"
    if not path.exists():
        data_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = data_dir / f".secret_key.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(SECRET_KEY_MIN_BYTES))
        # Of several processes that start together the first link wins, and all read its key.
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = path.read_text(encoding="ascii").strip()
    if len(key) < SECRET_KEY_MIN_BYTES:
        raise SettingsError(f"{path} is damaged: it must hold {_EXPECTED['SECRET_KEY']}")
    return key
