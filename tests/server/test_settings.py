"""Settings: what is accepted, what stops the start, and what it says."""

import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from domain.base.settings import Environment, Settings, SettingsError, read_env_file

EXAMPLE = Path(__file__).parents[2] / ".env.example"
PRODUCTION = {
    "DRIPGRAPH_ENV": "production",
    "SECRET_KEY": "k" * 32,
    "DATABASE_URL": "postgresql://u:p@db:5432/dripgraph",
    "REDIS_URL": "redis://cache:6379/0",
    "SMTP_URL": "smtp://relay:587",
    "PUBLIC_URL": "https://mail.example.com/",
}


class Recorder(Mapping[str, str]):
    """An environment that remembers which names were asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values_ = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self.values_[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


def test_example_file_lists_exactly_the_settings_that_are_read(tmp_path: Path) -> None:
    environ = Recorder({"DATA_DIR": str(tmp_path)})
    Settings.from_environment(environ)
    listed = re.findall(r"^([A-Z_]+)=", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(listed) == sorted(environ.asked)


def test_example_file_shows_the_defaults(tmp_path: Path) -> None:
    key = {"SECRET_KEY": "k" * 32}
    shown = read_env_file(EXAMPLE) | key | {"DATA_DIR": str(tmp_path)}
    assert Settings.from_environment(shown) == Settings.from_environment(
        key | {"DATA_DIR": str(tmp_path)}
    )


def test_production_settings_are_read_as_written() -> None:
    settings = Settings.from_environment(PRODUCTION)
    assert settings.environment is Environment.PRODUCTION
    assert settings.database_url == "postgresql://u:p@db:5432/dripgraph"
    assert settings.redis_url == "redis://cache:6379/0"
    assert settings.public_url == "https://mail.example.com"
    assert settings.secret_key == "k" * 32
    assert settings.port == 8000


@pytest.mark.parametrize(
    "missing", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL", "SMTP_URL", "PUBLIC_URL"]
)
def test_production_refuses_to_start_without(missing: str) -> None:
    with pytest.raises(SettingsError, match=f"^{missing} is not set: production needs .+$"):
        Settings.from_environment(PRODUCTION | {missing: " "})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SECRET_KEY", "k" * 31, "at least 32 bytes, such as `openssl rand -hex 32` prints"),
        ("DRIPGRAPH_ENV", "staging", "development or production"),
        ("PORT", "eighty", "a whole number from 1 to 65535"),
        ("PORT", "0", "a whole number from 1 to 65535"),
        ("WORKER_PROCESSES", "-1", "a whole number from 1 to 64"),
        ("LOG_LEVEL", "loud", "one of DEBUG, INFO, WARNING, ERROR"),
        ("CORS_ORIGINS", "*", "origins like https://app.example.com, separated by commas"),
        ("CORS_ORIGINS", "null", "origins like https://app.example.com, separated by commas"),
        ("MAIL_FROM", "Anna", "a mailbox like Anna <anna@example.com>"),
        (
            "DATABASE_URL",
            "mysql://u@h/d",
            "a URL like postgresql://user:password@host:5432/dripgraph",
        ),
        (
            "DATABASE_URL",
            "postgresql://u@h:port/d",
            "a URL like postgresql://user:password@host:5432/dripgraph",
        ),
        (
            "REDIS_URL",
            "localhost:6379",
            "a URL like redis://:password@host:6379/0, rediss://... or unix:///path?db=0",
        ),
        (
            "SMTP_URL",
            "http://relay",
            "a URL like smtp://user:password@host:587 or smtps://host:465",
        ),
        (
            "PUBLIC_URL",
            "https://mail.example.com/app",
            "the address people reach, like https://mail.example.com, without a path",
        ),
    ],
)
def test_wrong_value_is_named_with_what_it_must_be(name: str, value: str, expected: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment(PRODUCTION | {name: value})
    assert str(raised.value) == f"{name} is wrong: it must be {expected}"


def test_wrong_value_is_never_repeated_as_it_may_be_a_secret() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment(PRODUCTION | {"SMTP_URL": "smtp//user:hunter2@relay"})
    assert "hunter2" not in str(raised.value)


def test_production_wants_https_except_on_this_machine() -> None:
    with pytest.raises(SettingsError, match="PUBLIC_URL is wrong: in production it must begin"):
        Settings.from_environment(PRODUCTION | {"PUBLIC_URL": "http://mail.example.com"})
    local = Settings.from_environment(PRODUCTION | {"PUBLIC_URL": "http://localhost:8000"})
    assert local.public_url == "http://localhost:8000"


def test_development_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    environ = {"DATA_DIR": str(tmp_path / "data")}
    first = Settings.from_environment(environ).secret_key
    assert len(first) == 64
    assert Settings.from_environment(environ).secret_key == first
    kept = tmp_path / "data" / "secret_key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["secret_key"]


def test_damaged_development_key_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("short", encoding="ascii")
    with pytest.raises(SettingsError, match=r"secret_key is damaged: it must hold at least 32"):
        Settings.from_environment({"DATA_DIR": str(tmp_path)})


def test_env_file_knows_comments_quotes_and_export(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text('# note\n\nexport PORT=9000\nMAIL_FROM="A <a@b.c>"\nHOST=\n', encoding="utf-8")
    assert read_env_file(path) == {"PORT": "9000", "MAIL_FROM": "A <a@b.c>", "HOST": ""}
    assert read_env_file(tmp_path / "none") == {}


def test_env_file_with_another_line_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("PORT=9000\nnonsense\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"\.env, line 2: must look like NAME=value"):
        read_env_file(path)
