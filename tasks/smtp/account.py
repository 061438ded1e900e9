"""The mail server to hand messages to, as its URL states it."""

from dataclasses import dataclass, field
from typing import Literal, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

_Value = TypeVar("_Value")

Security = Literal["auto", "none", "starttls", "tls"]
Pipelining = Literal["auto", "grouped", "off"]

_SECURITY_OF_OPTION: dict[str, Security] = {
    "auto": "auto",
    "require": "starttls",
    "never": "none",
}
_PORT_OF_SECURITY: dict[Security, int] = {"auto": 587, "none": 25, "starttls": 587, "tls": 465}
_PIPELINING: dict[str, Pipelining] = {"auto": "auto", "grouped": "grouped", "off": "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpAccount:
    """One server and how to speak with it. Times are seconds.

    `security`: `auto` upgrades when the server offers STARTTLS, the others insist.
    `pipelining`: `auto` sends the next envelope in the write of a body where the server offers
    PIPELINING, `grouped` sends only an envelope's three commands together, `off` waits for each
    reply. Servers that do not offer PIPELINING always get the last.
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    security: Security = "auto"
    verify_certificate: bool = True
    pipelining: Pipelining = "auto"
    connections: int = 8
    messages_per_connection: int = 100
    connect_timeout_seconds: float = 15.0
    reply_timeout_seconds: float = 60.0
    acceptance_timeout_seconds: float = 120.0
    idle_seconds: float = 30.0
    local_hostname: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def smtp_account(url: str) -> SmtpAccount:
    """Read `smtp[s]://[user:password@]host[:port][?option=value&...]`.

    Options: starttls (auto, require, never), connections, messages_per_connection, pipelining
    (auto, grouped, off), verify (yes, no), hostname. Raises ValueError that says what the URL must
    look like.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"}:
        raise ValueError("must begin with smtp:// or smtps://")
    if not parts.hostname:
        raise ValueError("must name a host, as in smtp://mail.example.com:587")
    if parts.path not in {"", "/"}:
        raise ValueError("must not have a path after the host")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    security: Security = "tls"
    if parts.scheme == "smtp":
        security = _one_of(_SECURITY_OF_OPTION, "starttls", options.pop("starttls", "auto"))
    account = SmtpAccount(
        host=parts.hostname,
        port=parts.port or _PORT_OF_SECURITY[security],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        security=security,
        verify_certificate=_yes_or_no("verify", options.pop("verify", "yes")),
        pipelining=_one_of(_PIPELINING, "pipelining", options.pop("pipelining", "auto")),
        connections=_count("connections", options.pop("connections", "8")),
        messages_per_connection=_count(
            "messages_per_connection", options.pop("messages_per_connection", "100")
        ),
        local_hostname=options.pop("hostname", None),
    )
    if options:
        raise ValueError(f"has an unknown option: {', '.join(sorted(options))}")
    return account


def _count(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"option {name} must be a whole number of at least 1")
    return int(text)


def _yes_or_no(name: str, text: str) -> bool:
    return _one_of({"yes": True, "no": False}, name, text)


def _one_of(known: dict[str, _Value], name: str, text: str) -> _Value:
    if text not in known:
        raise ValueError(f"option {name} must be one of {', '.join(known)}")
    return known[text]
