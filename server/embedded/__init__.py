"""Real PostgreSQL and Valkey servers out of pip packages, for one machine and for tests."""

from server.embedded.postgres import start_postgres
from server.embedded.processes import EmbeddedError, RunningServer
from server.embedded.temporary import StoreUrls, temporary_stores
from server.embedded.valkey import start_valkey

__all__ = [
    "EmbeddedError",
    "RunningServer",
    "StoreUrls",
    "start_postgres",
    "start_valkey",
    "temporary_stores",
]
