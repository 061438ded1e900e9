"""How commands get their settings, and how an expected failure ends them: in one line."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec

import click

from domain.base.errors import DomainError
from domain.base.settings import Settings, SettingsError, read_env_file
from server.embedded.processes import EmbeddedError

P = ParamSpec("P")


def environment() -> dict[str, str]:
    """The `.env` file of the current folder under the process's own variables."""
    return read_env_file(Path(".env")) | dict(os.environ)


def with_settings(command: Callable[Concatenate[Settings, P], None]) -> Callable[P, None]:
    """Hand the command its settings, and turn failures that a person can mend into one line."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(Settings.from_environment(environment()), *args, **kwargs)
        except (SettingsError, EmbeddedError, DomainError) as error:
            raise click.ClickException(str(error)) from error

    return run
