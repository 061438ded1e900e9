"""A pair of embedded servers for the length of a block, such as a test session."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from server.embedded.postgres import start_postgres
from server.embedded.valkey import start_valkey


@dataclass(frozen=True, slots=True)
class StoreUrls:
    database_url: str
    redis_url: str


@contextmanager
def temporary_stores(*, durable: bool = False) -> Iterator[StoreUrls]:
    """Start Postgres (fsync off unless durable) and Valkey in a new folder; remove it all after."""
    folder = Path(tempfile.mkdtemp(prefix="dripgraph-"))
    # Ours alone, and everything in it is closed by itself: Postgres's user has to walk through.
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    try:
        postgres = start_postgres(folder / "postgres", durable=durable)
        try:
            valkey = start_valkey(folder / "valkey")
            try:
                yield StoreUrls(postgres.url, valkey.url)
            finally:
                valkey.stop()
        finally:
            postgres.stop()
    finally:
        shutil.rmtree(folder)
