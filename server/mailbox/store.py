"""Accepted mail in files, one a mail, with an index in memory that is rebuilt at the start."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import orjson

from server.mailbox.reading import summary

log = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUFFIX = ".mail"


@dataclass(frozen=True, slots=True)
class Mail:
    """What the index knows of a mail. `sender` and `recipients` are the envelope's."""

    id: str
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    author: str
    size_bytes: int

    def sent_to(self, part: str) -> bool:
        return any(part in recipient.casefold() for recipient in self.recipients)


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. `before` of the next page is the last id, when there is one."""

    mails: list[Mail]
    total: int
    next_before: str | None


class Store:
    """Keeps the newest `keep` mails in `folder`.

    A file holds one line of JSON (the envelope and the summary) and then the mail as it came.
    Its name is the mail's id: microseconds of the epoch in 16 digits, always increasing, so that
    names sort by acceptance. A file appears whole or not at all.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder = folder
        self._keep = keep
        self._mails: dict[str, Mail] = {}
        self._changed = asyncio.Event()
        self._last_id = 0
        self.accepted_count = 0

    @classmethod
    def open(cls, folder: Path, *, keep: int = 20_000) -> Self:
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("*.tmp"):
            unfinished.unlink()
        store = cls(folder, keep)
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            mail = _read_index_line(path)
            if mail is not None:
                store._mails[mail.id] = mail
                store._last_id = int(mail.id)
        store._drop_oldest()
        return store

    def add(self, sender: str, recipients: Sequence[str], content: bytes, at: datetime) -> Mail:
        """Store a mail, return its entry. Raises OSError when the disk refuses it."""
        number = max((at - _EPOCH) // timedelta(microseconds=1), self._last_id + 1)
        subject, author = summary(content)
        mail = Mail(
            id=f"{number:016d}",
            received_at=_EPOCH + timedelta(microseconds=number),
            sender=sender,
            recipients=tuple(recipients),
            subject=subject,
            author=author,
            size_bytes=len(content),
        )
        temporary = self._folder / f"{mail.id}.tmp"
        try:
            temporary.write_bytes(_index_line(mail) + content)
            temporary.rename(self._path(mail.id))
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        self._last_id = number
        self._mails[mail.id] = mail
        self.accepted_count += 1
        self._drop_oldest()
        self._announce()
        return mail

    def all(self) -> list[Mail]:
        """Every kept mail in the order of acceptance."""
        return list(self._mails.values())

    def find(
        self,
        *,
        text: str = "",
        to: str = "",
        subject: str = "",
        before: str = "",
        limit: int = 50,
    ) -> Page:
        """Newest first. Each given part must occur, in any case; `text` in either of the two."""
        text, to, subject = text.casefold(), to.casefold(), subject.casefold()
        matching = [
            mail
            for mail in reversed(self._mails.values())
            if mail.sent_to(to)
            and subject in mail.subject.casefold()
            and (not text or mail.sent_to(text) or text in mail.subject.casefold())
        ]
        older = [mail for mail in matching if not before or mail.id < before]
        page = older[:limit]
        return Page(
            mails=page,
            total=len(matching),
            next_before=page[-1].id if len(older) > limit else None,
        )

    def get(self, mail_id: str) -> Mail | None:
        return self._mails.get(mail_id)

    def content(self, mail_id: str) -> bytes | None:
        """Return the bytes of the mail as they came over SMTP, dots unstuffed."""
        if mail_id not in self._mails:
            return None
        _, _, content = self._path(mail_id).read_bytes().partition(b"\n")
        return content

    def clear(self) -> int:
        """Delete every mail, return how many there were."""
        count = len(self._mails)
        while self._mails:
            self._drop(next(iter(self._mails)))
        self._announce()
        return count

    async def changed(self) -> None:
        """Return at the next change."""
        await self._changed.wait()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _drop_oldest(self) -> None:
        while len(self._mails) > self._keep:
            self._drop(next(iter(self._mails)))

    def _drop(self, mail_id: str) -> None:
        del self._mails[mail_id]
        self._path(mail_id).unlink(missing_ok=True)

    def _path(self, mail_id: str) -> Path:
        return self._folder / f"{mail_id}{_SUFFIX}"


def _index_line(mail: Mail) -> bytes:
    known = {
        "sender": mail.sender,
        "recipients": mail.recipients,
        "subject": mail.subject,
        "author": mail.author,
        "size_bytes": mail.size_bytes,
    }
    return orjson.dumps(known) + b"\n"


def _read_index_line(path: Path) -> Mail | None:
    with path.open("rb") as file:
        line = file.readline()
    try:
        known = orjson.loads(line)
        return Mail(
            id=path.stem,
            received_at=_EPOCH + timedelta(microseconds=int(path.stem)),
            sender=known["sender"],
            recipients=tuple(known["recipients"]),
            subject=known["subject"],
            author=known["author"],
            size_bytes=known["size_bytes"],
        )
    except (ValueError, KeyError, TypeError):
        log.warning("%s is not a mail of the mailbox and is left alone", path)
        return None
