import pytest

from tasks.smtp.account import SmtpAccount, smtp_account


def test_a_url_names_server_and_credentials() -> None:
    assert smtp_account("smtp://anna:p%40ss%20word@mail.example.com:2525") == SmtpAccount(
        host="mail.example.com", port=2525, username="anna", password="p@ss word", security="auto"
    )


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtp://mail.example.com", 587, "auto"),
        ("smtp://mail.example.com?starttls=require", 587, "starttls"),
        ("smtp://mail.example.com?starttls=never", 25, "none"),
        ("smtps://mail.example.com", 465, "tls"),
    ],
)
def test_the_port_follows_from_the_security(url: str, port: int, security: str) -> None:
    account = smtp_account(url)
    assert (account.port, account.security) == (port, security)


def test_options_set_what_is_sent_at_once() -> None:
    account = smtp_account(
        "smtp://h?connections=2&messages_per_connection=7&pipelining=grouped&verify=no&hostname=me"
    )
    assert account.connections == 2
    assert account.messages_per_connection == 7
    assert account.pipelining == "grouped"
    assert account.verify_certificate is False
    assert account.local_hostname == "me"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://h", "must begin with smtp:// or smtps://"),
        ("smtp://", "must name a host, as in smtp://mail.example.com:587"),
        ("smtp://h/inbox", "must not have a path after the host"),
        ("smtp://h?connections=0", "option connections must be a whole number of at least 1"),
        ("smtp://h?pipelining=yes", "option pipelining must be one of auto, grouped, off"),
        ("smtp://h?starttls=maybe", "option starttls must be one of auto, require, never"),
        ("smtp://h?speed=9", "has an unknown option: speed"),
    ],
)
def test_a_wrong_url_says_what_it_must_look_like(url: str, message: str) -> None:
    with pytest.raises(ValueError, match="^" + message.replace("?", r"\?") + "$"):
        smtp_account(url)


def test_the_password_is_in_no_text_form() -> None:
    account = smtp_account("smtp://anna:secret@mail.example.com")
    assert "secret" not in f"{account}{account!r}"
