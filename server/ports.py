"""TCP ports: whether one is free, and the next that is."""

import socket

from server.embedded.processes import EmbeddedError

TRIES = 50


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: a port whose last connections are still dying counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def next_free(host: str, port: int, *, taken: frozenset[int] = frozenset()) -> int:
    """`port`, or the first free one above it that is not in `taken`. Raises `EmbeddedError`."""
    for candidate in range(port, min(port + TRIES, 65536)):
        if candidate not in taken and is_free(host, candidate):
            return candidate
    raise EmbeddedError(f"no port from {port} up is free on {host}")
