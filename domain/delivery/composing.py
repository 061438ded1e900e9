"""Making the mail of claimed messages: what a batch needs is loaded once, the rest is rendering."""

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from domain.activity.tokens import MessageTokens
from domain.base import clock
from domain.base.database import fetch
from domain.base.shapes import decode
from domain.content.compilation import CompiledTemplate, PreparedTemplate
from domain.content.liquid import TemplateError
from domain.content.mime import Envelope, build_message, message_values
from domain.delivery.claim import Claimed
from domain.delivery.sending import Clock, Compose
from domain.delivery.transport import Outgoing

logger = logging.getLogger(__name__)

_REVISIONS_KEPT: Final = 200


class UnreadableRevisionError(Exception):
    """A revision is not stored as this release writes them; its messages wait for one that can."""


_Revision = CompiledTemplate | TemplateError | UnreadableRevisionError


@dataclass(frozen=True, slots=True)
class _From:
    """Whose name a workspace's mail carries."""

    workspace_name: str
    email: str
    name: str | None


class Composer:
    """Composes for all workspaces of a process and keeps compiled revisions, which never change.

    `mail_from` is the mailbox of workspaces that have none of their own.
    """

    def __init__(
        self,
        tokens: MessageTokens,
        *,
        public_url: str,
        mail_from: str,
        now: Clock = clock.now,
    ) -> None:
        self._tokens = tokens
        self._now = now
        self._public_url = public_url
        name, self._default_email = parseaddr(mail_from)
        self._default_name = name or None
        self._revisions: OrderedDict[UUID, _Revision] = OrderedDict()

    async def prepare(self, batch: Sequence[Claimed]) -> Compose:
        """Load the revisions, workspaces and triggering events of a batch, in three reads at most.

        The function returned raises DomainError for a message whose mail cannot be made.
        """
        await self._load_revisions({(one.revision_id, one.workspace_id) for one in batch})
        senders = await self._senders({one.workspace_id for one in batch})
        events = await _events([one for one in batch if self._wants_event(one.revision_id)])
        revisions = {one.revision_id: self._revisions[one.revision_id] for one in batch}

        def compose(claimed: Claimed) -> Outgoing:
            compiled = revisions[claimed.revision_id]
            if isinstance(compiled, Exception):
                # The same error is raised for each message: it must not gather their tracebacks.
                raise compiled.with_traceback(None)
            return self._compose(
                claimed, compiled, senders[claimed.workspace_id], events.get(claimed.enrollment_id)
            )

        return compose

    def _compose(
        self,
        claimed: Claimed,
        compiled: CompiledTemplate,
        sender: _From,
        event: Mapping[str, object] | None,
    ) -> Outgoing:
        envelope = Envelope(
            message_id=claimed.message_id,
            from_email=sender.email,
            from_name=sender.name,
            to_email=claimed.email,
            to_name=" ".join(filter(None, (claimed.first_name, claimed.last_name))) or None,
            date=self._now().astimezone(_zone(claimed.timezone or "UTC")),
            public_url=self._public_url,
            token=self._tokens.issue(claimed.message_id, claimed.workspace_id),
            feedback_id=f"{claimed.sequence_id.hex}:{claimed.workspace_id.hex}:dripgraph",
        )
        values = message_values(
            email=claimed.email,
            first_name=claimed.first_name,
            last_name=claimed.last_name,
            timezone=claimed.timezone,
            locale=claimed.locale,
            attributes=orjson.loads(claimed.attributes),
            tags=claimed.tags,
            workspace_name=sender.workspace_name,
            event=event,
        )
        body = build_message(compiled, values, envelope)
        return Outgoing(claimed.message_id, sender.email, claimed.email, body, False)

    def _wants_event(self, revision_id: UUID) -> bool:
        compiled = self._revisions[revision_id]
        return isinstance(compiled, CompiledTemplate) and any(
            name == "event" or name.startswith("event.") for name in compiled.prepared.variables
        )

    async def _load_revisions(self, wanted: set[tuple[UUID, UUID]]) -> None:
        missing = [pair for pair in wanted if pair[0] not in self._revisions]
        if missing:
            rows = await fetch(
                """SELECT r.id, r.compiled::text AS compiled
                   FROM unnest($1::uuid[], $2::uuid[]) AS w (id, workspace_id)
                   JOIN template_revision r ON r.id = w.id AND r.workspace_id = w.workspace_id""",
                [revision_id for revision_id, _ in missing],
                [workspace_id for _, workspace_id in missing],
            )
            for row in rows:
                self._revisions[row["id"]] = _compiled(row["id"], row["compiled"])
        for revision_id, _ in wanted:
            self._revisions.move_to_end(revision_id)
        while len(self._revisions) > max(_REVISIONS_KEPT, len(wanted)):
            self._revisions.popitem(last=False)

    async def _senders(self, workspace_ids: set[UUID]) -> dict[UUID, _From]:
        rows = await fetch(
            "SELECT id, name, from_name, from_email FROM workspace WHERE id = ANY($1::uuid[])",
            list(workspace_ids),
        )
        return {
            row["id"]: _From(row["name"], row["from_email"], row["from_name"])
            if row["from_email"]
            else _From(row["name"], self._default_email, row["from_name"] or self._default_name)
            for row in rows
        }


def _compiled(revision_id: UUID, stored: str) -> _Revision:
    # Each of its messages fails by itself; the others of the batch go out.
    try:
        return CompiledTemplate(decode(PreparedTemplate, orjson.loads(stored)))
    except TemplateError as error:
        return error
    except Exception:
        logger.exception("template revision %s cannot be read", revision_id)
        return UnreadableRevisionError(f"template revision {revision_id} cannot be read")


async def _events(batch: Sequence[Claimed]) -> dict[UUID, dict[str, object]]:
    """By enrollment: the properties of the event that began it."""
    if not batch:
        return {}
    rows = await fetch(
        """SELECT e.id, e.trigger -> 'properties' AS properties
           FROM unnest($1::uuid[], $2::uuid[]) AS w (id, workspace_id)
           JOIN enrollment e ON e.id = w.id AND e.workspace_id = w.workspace_id""",
        [one.enrollment_id for one in batch],
        [one.workspace_id for one in batch],
    )
    return {
        row["id"]: orjson.loads(row["properties"]) for row in rows if row["properties"] is not None
    }


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo:
    """An unknown zone cannot be stored with a subscriber."""
    return ZoneInfo(name)
