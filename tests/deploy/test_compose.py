"""The Compose file: valid, complete, and in step with the settings."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from domain.base.settings import Settings, SettingsError
from server.cli import main

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads(Path(__file__).with_name("compose-spec.json").read_text(encoding="utf-8"))
GIVEN = {"SECRET_KEY": "k" * 64, "POSTGRES_PASSWORD": "p" * 32}


def filled(value: Any, given: dict[str, str]) -> Any:
    """The parsed file with `${NAME:-default}` and `${NAME:?message}` put in, as Compose does it."""
    if isinstance(value, dict):
        return {key: filled(part, given) for key, part in value.items()}
    if isinstance(value, list):
        return [filled(part, given) for part in value]
    if not isinstance(value, str):
        return value

    def put(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if name in given:
            return given[name]
        assert kind != ":?", f"{name} {rest}"
        return rest or ""

    return re.sub(r"\$\{(\w+)(:[-?])?([^}]*)\}", put, value)


def compose_with(given: dict[str, str]) -> Any:
    return filled(yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8")), given)


@pytest.fixture(scope="module")
def compose() -> Any:
    return compose_with(GIVEN)


def test_compose_file_is_valid_by_the_specification(compose: Any) -> None:
    problems = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in Draft202012Validator(SCHEMA).iter_errors(compose)
    ]
    assert problems == []


def test_a_misspelt_key_would_be_found(compose: Any) -> None:
    wrong = compose | {"services": {"api": {"imagee": "x"}}}
    assert not Draft202012Validator(SCHEMA).is_valid(wrong)


def test_every_process_of_the_design_is_a_service(compose: Any) -> None:
    assert sorted(compose["services"]) == [
        "api",
        "jobs",
        "mailbox",
        "migrate",
        "postgres",
        "scheduler",
        "valkey",
        "worker",
    ]


def test_every_service_of_ours_runs_a_command_that_exists(compose: Any) -> None:
    commands = {
        name: service["command"][1]
        for name, service in compose["services"].items()
        if service["image"] == "dripgraph:latest"
    }
    assert commands == {
        "migrate": "migrate",
        "api": "serve",
        "worker": "worker",
        "jobs": "worker",
        "scheduler": "scheduler",
        "mailbox": "mailbox",
    }
    assert set(commands.values()) <= set(main.commands)


def test_every_service_of_ours_starts_with_its_settings(compose: Any) -> None:
    for service in compose["services"].values():
        if service["image"] == "dripgraph:latest":
            settings = Settings.from_environment(service["environment"])
            assert settings.is_production
            assert settings.relay_url == "smtp://mailbox:1025"
            assert settings.database_url.endswith("@postgres:5432/dripgraph")


def test_the_stack_refuses_a_short_secret() -> None:
    environment = compose_with(GIVEN | {"SECRET_KEY": "k"})["services"]["api"]["environment"]
    with pytest.raises(SettingsError, match="SECRET_KEY is wrong"):
        Settings.from_environment(environment)


def test_what_is_waited_for_exists(compose: Any) -> None:
    for service in compose["services"].values():
        for name, wait in service.get("depends_on", {}).items():
            awaited = compose["services"][name]
            if wait["condition"] == "service_healthy":
                assert "test" in awaited["healthcheck"]
            else:
                assert (wait["condition"], awaited["restart"]) == (
                    "service_completed_successfully",
                    "no",
                )


def test_image_holds_every_package_and_runs_as_no_one() -> None:
    stages = (ROOT / "Dockerfile").read_text("utf-8")
    copied = set(re.findall(r"^COPY (\w+) \1$", stages, flags=re.MULTILINE))
    assert copied == {"ml", "domain", "schema", "resolvers", "tasks", "server"}
    assert re.findall(r"^USER (.+)$", stages, flags=re.MULTILINE) == ["10001:10001"]
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert {f"!{name}" for name in copied} <= set(ignored)
