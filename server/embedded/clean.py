"""`make clean-data`: removes what embedded servers keep, in the data folder and in the refuge."""

import shutil
import sys
from pathlib import Path
from typing import Final

from domain.base.settings import Settings, SettingsError
from server.cli.settings import environment
from server.embedded.claim import Claim
from server.embedded.place import refuge
from server.embedded.postgres import start_postgres
from server.embedded.processes import EmbeddedError

# Whatever else lies in the folder is not ours to remove.
OURS: Final = ("postgres", "postgres.new", "valkey", "mailbox", "journal", "secret_key")


def remove_data(data_dir: Path) -> list[Path]:
    """Remove the data; what was removed. Raises `EmbeddedError` while something runs on it."""
    if not data_dir.exists():
        return []
    claim = Claim(data_dir, "make clean-data")
    claim.end_leftovers()
    hidden = refuge(data_dir / "postgres")
    if any((place / "postmaster.pid").exists() for place in _clusters(data_dir, hidden)):
        # A killed run may have left a server behind.
        start_postgres(data_dir / "postgres").stop()
    removed = [path for path in (*(data_dir / name for name in OURS), hidden) if path.exists()]
    for path in removed:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    claim.release()
    (data_dir / "lock").unlink()
    if not any(data_dir.iterdir()):
        data_dir.rmdir()
    return removed


def _clusters(data_dir: Path, hidden: Path) -> tuple[Path, Path]:
    return data_dir / "postgres", hidden / "postgres"


def main() -> None:
    try:
        for path in remove_data(Settings.from_environment(environment()).data_dir):
            sys.stdout.write(f"removed {path}\n")
    except (SettingsError, EmbeddedError) as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
