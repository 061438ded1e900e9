"""`make clean-data`: what goes and what stays."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.base.settings import Settings
from server.embedded import start_postgres
from server.embedded.claim import Claim, InUseError
from server.embedded.clean import remove_data
from server.embedded.place import refuge


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="dripgraph-test-"))
    path.chmod(0o755)
    yield path
    if path.exists():
        shutil.rmtree(path)


def test_data_goes_and_so_does_the_folder(folder: Path) -> None:
    data = folder / "data"
    settings = Settings.from_environment({"DATA_DIR": str(data)})
    start_postgres(settings.data_dir / "postgres", durable=False).stop()
    assert remove_data(data) == [data / "postgres", data / "secret_key"]
    assert not data.exists()
    assert remove_data(data) == []


def test_what_is_not_ours_stays(folder: Path) -> None:
    (folder / "valkey").mkdir()
    (folder / "letter.txt").write_text("mine")
    assert remove_data(folder) == [folder / "valkey"]
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


def test_data_in_use_stays(folder: Path) -> None:
    (folder / "valkey").mkdir()
    claim = Claim(folder, "dripgraph up")
    claim.tell()
    with pytest.raises(InUseError, match=rf"dripgraph up \(pid {os.getpid()}\) already runs on"):
        remove_data(folder)
    assert (folder / "valkey").exists()
    claim.release()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_data_in_the_refuge_goes_as_well(folder: Path) -> None:
    closed = folder / "home"
    closed.mkdir(mode=0o700)
    start_postgres(closed / "postgres", durable=False).stop()
    hidden = refuge(closed / "postgres")
    assert (hidden / "postgres" / "PG_VERSION").exists()
    assert remove_data(closed) == [hidden]
    assert not hidden.exists()
