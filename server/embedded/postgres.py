"""PostgreSQL from a wheel, on a Unix socket, with its data in a folder of the project."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

from server.embedded.place import Place, choose_place, own_folder, socket_folder
from server.embedded.processes import (
    POLL_SECONDS,
    EmbeddedError,
    RunningServer,
    command_of,
    is_alive,
    start_tied,
)

SUPERUSER: Final = "postgres"
DATABASE: Final = "dripgraph"
SOCKET_NAME: Final = ".s.PGSQL.5432"
START_TIMEOUT_SECONDS: Final = 300.0

_CONFIGURATION: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
}
# Only for data that may be lost with the machine, such as a test run's.
_FORGETFUL: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def start_postgres(
    data_dir: Path, *, durable: bool = True, say: Callable[[str], None] = lambda _: None
) -> RunningServer:
    """Start the server whose cluster is `data_dir`, making both if need be, and wait for it.

    The server ends with the calling thread's process. One that still runs on this data is adopted;
    one that is shutting down is waited for. `say` gets a line when the data must lie elsewhere.

    Raises `EmbeddedError`.
    """
    place = choose_place(data_dir.absolute(), say)
    running = _adopted(place)
    if running is not None:
        return running
    if not (place.data / "PG_VERSION").exists():
        _make_cluster(place, durable=durable)
    _refuse_other_version(place)
    return _start(place, durable=durable)


def _start(place: Place, *, durable: bool) -> RunningServer:
    folder = socket_folder(place.data, SOCKET_NAME, place.account)
    configuration = _CONFIGURATION | {"unix_socket_directories": _quoted(folder)}
    if not durable:
        configuration |= _FORGETFUL
    options = [f"--{name}={value}" for name, value in configuration.items()]
    log_path = place.data / "server.log"
    with log_path.open("wb") as log:
        process = start_tied(
            [str(place.install / "bin" / "postgres"), "-D", str(place.data), *options],
            death_signal=signal.SIGINT,
            output=log,
            account=place.account,
            folder=Path("/"),
        )
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while _status(place.data) != (process.pid, "ready"):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise EmbeddedError(f"PostgreSQL did not start: {_last_line(log_path)}")
        time.sleep(POLL_SECONDS)
    return _server(place, process.pid, process)


def _server(
    place: Place, pid: int, process: "subprocess.Popen[bytes] | None" = None
) -> RunningServer:
    folder = socket_folder(place.data, SOCKET_NAME, place.account)
    return RunningServer(
        name="PostgreSQL",
        url=f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(folder))}",
        pid=pid,
        data_dir=place.data,
        # SIGINT is Postgres's "fast" shutdown: it ends sessions and writes a checkpoint.
        stop_signal=signal.SIGINT,
        process=process,
    )


def _adopted(place: Place) -> RunningServer | None:
    """The server that already runs on this data, once it is ready; None when there is none."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        found = _status(place.data)
        if found is None or not is_alive(found[0]):
            # A stale lock file of a dead server is taken over by the next one itself.
            return None
        pid, status = found
        if "postgres" not in command_of(pid):
            # The machine was reset and the number is another program's now.
            (place.data / "postmaster.pid").unlink()
            return None
        if status == "ready" and _answers(place):
            return _server(place, pid)
        time.sleep(POLL_SECONDS)
    raise EmbeddedError(f"another PostgreSQL on {place.data} neither answers nor ends")


def _status(data: Path) -> tuple[int, str] | None:
    """Pid and state from the server's lock file: starting, ready or stopping."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    if not lines or not lines[0].isdigit():
        return None
    # The eighth line is written once the server is far enough.
    state_line = 7
    return int(lines[0]), lines[state_line].strip() if len(lines) > state_line else "starting"


def _answers(place: Place) -> bool:
    folder = socket_folder(place.data, SOCKET_NAME, place.account)
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(folder / SOCKET_NAME)) == 0


def _make_cluster(place: Place, *, durable: bool) -> None:
    """Make the cluster beside its place and move it there whole, so that no half one is left."""
    draft = place.data.with_name(f"{place.data.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    # The parent may be closed to the account's hand: the folder is made by us and given to it.
    own_folder(draft, place.account)
    bin_folder = place.install / "bin"
    _run(
        place,
        [
            str(bin_folder / "initdb"),
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            # The socket's folder admits its owner alone, and there is no other way in.
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            # Order and case of letters then do not depend on the machine's C library.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            *([] if durable else ["--no-sync"]),
        ],
    )
    _run(
        place,
        [str(bin_folder / "postgres"), "--single", "-D", str(draft), "template1"],
        statement=f"CREATE DATABASE {DATABASE}\n",
    )
    if place.data.exists():
        # Only an empty folder can be in the way; anything else is not ours to remove.
        try:
            place.data.rmdir()
        except OSError:
            shutil.rmtree(draft)
            raise EmbeddedError(
                f"{place.data} holds something else: name another DATA_DIR"
            ) from None
    draft.rename(place.data)


def _run(place: Place, command: list[str], *, statement: str | None = None) -> None:
    account = place.account
    done = subprocess.run(  # noqa: S603  programs of the wheel
        command,
        cwd="/",
        input=statement,
        capture_output=True,
        text=True,
        check=False,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
        env={"PATH": os.defpath, "LC_ALL": "C"},
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise EmbeddedError(f"{Path(command[0]).name} failed: {lines[-1]}")


def _refuse_other_version(place: Place) -> None:
    found = (place.data / "PG_VERSION").read_text(encoding="ascii").strip()
    shown = subprocess.run(  # noqa: S603  program of the wheel
        [str(place.install / "bin" / "postgres"), "--version"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    brought = shown.split()[-1].partition(".")[0]
    if found != brought:
        raise EmbeddedError(
            f"{place.data} was made by PostgreSQL {found}, this release brings {brought}: "
            "dump it with the older release, or run `make clean-data` to begin anew"
        )


def _last_line(log_path: Path) -> str:
    lines = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    telling = [line for line in lines if "FATAL" in line or "ERROR" in line] or lines
    return telling[-1] if telling else f"see {log_path}"


def _quoted(folder: Path) -> str:
    """A folder as a list of one: quoted, as a comma would part it."""
    return '"' + str(folder).replace('"', '""') + '"'
