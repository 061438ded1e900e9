"""What a process has done with its messages since it last told the database: nine bytes a step.

The file outlives `kill -9`, because written bytes are the kernel's. A lock on it is held as long as
its process lives, so a file that can be locked is one whose process is gone. It does not outlive
the machine: the boot it was written in is its first line, and after another boot nothing that it
lacks counts as not having happened.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from uuid import UUID

logger = logging.getLogger(__name__)

_SUFFIX = ".journal"
_RECORD_BYTES = 9
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Step(IntEnum):
    """How far a message has come."""

    HANDED_OVER = 1
    ACCEPTED = 2
    NOT_TAKEN = 3


_STEP_BYTES = {step: bytes((step,)) for step in Step}
_STEPS = {int(step): step for step in Step}


class Journal:
    """The journal of one owner of messages. Records are in the kernel's hands on return."""

    def __init__(self, folder: Path, owner: UUID) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{owner}{_SUFFIX}"
        # Under its name it is there only with its lock held: nobody may take it for an orphan.
        draft = folder / f"{owner}.new"
        self._file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(self._file, f"{_boot_id()}\n".encode())
        draft.rename(self._path)
        self._is_writable = True

    def write(self, message_id: UUID, step: Step) -> None:
        """Note a step of a message; raises OSError when the disk will not take it, then always."""
        if not self._is_writable:
            raise OSError(f"{self._path} is closed, or ends in a torn record")
        written = os.write(self._file, message_id.bytes[8:] + _STEP_BYTES[step])
        if written != _RECORD_BYTES:
            self._is_writable = False
            raise OSError(f"{self._path} has no room for a whole record")

    def close(self, *, is_settled: bool) -> None:
        """Let go. A settled journal is removed, any other is left to be read."""
        self._is_writable = False
        if is_settled:
            self._path.unlink()
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class Orphan:
    """The journal of a process that is gone, locked by us.

    `is_complete` is false when the machine went down too, so that its end may be missing.
    """

    owner: UUID
    path: Path
    file: int
    is_complete: bool
    last_steps: dict[bytes, Step]

    def last_step(self, message_id: UUID) -> Step | None:
        return self.last_steps.get(message_id.bytes[8:])

    def remove(self) -> None:
        self.path.unlink()


def orphans(folder: Path) -> Iterator[Orphan]:
    """The journals of processes that are gone, each locked while its turn lasts.

    One that cannot be read is logged and passed by: the leases of its messages run out.
    """
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        except OSError:
            logger.exception("the delivery journal %s cannot be opened", path)
            continue
        try:
            orphan = _lock_and_read(path, file)
            if orphan is not None:
                yield orphan
        finally:
            os.close(file)


def _lock_and_read(path: Path, file: int) -> Orphan | None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another reader may have finished with it between our open and our lock.
        return _read(path, file) if path.exists() else None
    except BlockingIOError:
        return None
    except (OSError, ValueError):
        logger.exception("the delivery journal %s cannot be read", path)
        return None


def _read(path: Path, file: int) -> Orphan:
    boot, _, records = path.read_bytes().partition(b"\n")
    steps: dict[bytes, Step] = {}
    read = 0
    # A power cut may leave zeros where the end had not reached the disk yet.
    while read + _RECORD_BYTES <= len(records) and records[read + 8] in _STEPS:
        steps[records[read : read + 8]] = _STEPS[records[read + 8]]
        read += _RECORD_BYTES
    is_complete = boot.decode() == _boot_id() != "" and read == len(records)
    return Orphan(UUID(path.name.removesuffix(_SUFFIX)), path, file, is_complete, steps)


def _boot_id() -> str:
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""
