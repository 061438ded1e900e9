"""Kept-open connections to one mail server, opened as work arrives and closed when it stops."""

import asyncio
import logging
from collections import deque
from uuid import UUID

from domain.delivery.transport import (
    Outbox,
    Outcome,
    Outgoing,
    TransportUnavailableError,
    Verdict,
)
from tasks.smtp.account import SmtpAccount
from tasks.smtp.connection import greet, take_over
from tasks.smtp.session import Session

logger = logging.getLogger(__name__)

_TRIES_PER_CLAIM = 3
_LONGEST_REST_SECONDS = 60.0
_LEAVE_TAKING_SECONDS = 5.0


class SmtpPool:
    """The Sender of one account in one process and one event loop.

    Connections grow with the messages that wait, up to the account's number. After a connection
    that failed, or ended before the server judged a single message, none is opened for a while,
    twice as long each time, so that a server in trouble is left alone and costs nothing.
    """

    def __init__(self, account: SmtpAccount) -> None:
        self._account = account
        self._outbox: Outbox | None = None
        self._sessions: set[Session] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._returned: deque[Outgoing] = deque()
        self._tries: dict[UUID, int] = {}
        self._rests_until = 0.0
        self._rest_seconds = 0.0
        self._trouble = ""
        self._watch: asyncio.TimerHandle | None = None
        self._is_wake_due = False
        self._all_ended = asyncio.Event()
        self._all_ended.set()
        self._is_closed = False

    async def connect(self) -> None:
        """Have one connection open. Raises TransportUnavailableError, at once while resting."""
        if self._sessions:
            return
        if asyncio.get_running_loop().time() < self._rests_until:
            raise TransportUnavailableError(self._trouble)
        await self._open()

    def serve(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._tries.clear()

    def wake(self) -> None:
        """Let idle sessions begin, and open more while messages wait."""
        if self._outbox is None or self._is_closed:
            return
        for session in [*self._sessions]:
            if session.is_idle and not session.start():
                break
        if asyncio.get_running_loop().time() < self._rests_until:
            if not self._sessions and not self._opening:
                self._stall(self._trouble)
            return
        waiting = len(self._returned) + self._outbox.waiting()
        room = self._account.connections - len(self._sessions) - len(self._opening)
        for _ in range(min(room, waiting - len(self._opening))):
            self._open_in_background()

    async def close(self) -> None:
        """Say QUIT on idle connections and wait a moment for the answers; drop the others."""
        self._is_closed = True
        for task in [*self._opening]:
            task.cancel()
        for session in [*self._sessions]:
            if session.is_idle:
                session.quit()
            else:
                session.drop("closed by us")
        try:
            await asyncio.wait_for(self._all_ended.wait(), _LEAVE_TAKING_SECONDS)
        except TimeoutError:
            for session in [*self._sessions]:
                session.drop("no answer to QUIT")
        if self._watch is not None:
            self._watch.cancel()

    # What the sessions call.

    def take(self) -> Outgoing | None:
        if self._returned:
            return self._returned.popleft()
        return None if self._outbox is None else self._outbox.take()

    def hand_over(self, outgoing: Outgoing) -> bool:
        return self._outbox is not None and self._outbox.hand_over(outgoing)

    def settle(self, outcome: Outcome) -> None:
        if self._outbox is not None:
            self._outbox.settle(outcome)

    def give_back(self, outgoing: Outgoing, reason: str) -> None:
        tries = self._tries.get(outgoing.message_id, 0) + 1
        self._tries[outgoing.message_id] = tries
        if tries >= _TRIES_PER_CLAIM or self._is_closed:
            self.settle(Outcome(outgoing.message_id, Verdict.NOT_HANDED_OVER, 0, reason))
        else:
            self._returned.append(outgoing)

    def session_ended(self, session: Session) -> None:
        self._sessions.discard(session)
        if session.has_verdict:
            self._rest_seconds = 0.0
        elif session.has_begun:
            self._rest(session.end_reason)
        if not self._sessions:
            self._all_ended.set()
        self._wake_soon()

    # Opening and watching.

    def _wake_soon(self) -> None:
        # Sessions report from inside their own handling, where another must not be started.
        if not self._is_wake_due:
            self._is_wake_due = True
            asyncio.get_running_loop().call_soon(self._wake_now)

    def _wake_now(self) -> None:
        self._is_wake_due = False
        self.wake()

    def _open_in_background(self) -> None:
        async def attempt() -> None:
            try:
                await self._open()
            except TransportUnavailableError:
                self._wake_soon()

        task = asyncio.get_running_loop().create_task(attempt())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        try:
            greeted = await greet(self._account)
        except TransportUnavailableError as error:
            self._rest(str(error))
            raise
        session = take_over(greeted, self, message_limit=self._account.messages_per_connection)
        self._sessions.add(session)
        self._all_ended.clear()
        if self._watch is None:
            self._watch = asyncio.get_running_loop().call_later(1.0, self._watch_sessions)
        self._wake_soon()

    def _rest(self, reason: str) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._rests_until:
            self._rest_seconds = min(_LONGEST_REST_SECONDS, max(1.0, self._rest_seconds * 2))
            self._rests_until = now + self._rest_seconds
            self._trouble = reason
            logger.warning("mail server: %s; resting %.0f s", reason, self._rest_seconds)

    def _stall(self, reason: str) -> None:
        while self._returned:
            outgoing = self._returned.popleft()
            self.settle(Outcome(outgoing.message_id, Verdict.NOT_HANDED_OVER, 0, reason))
        if self._outbox is not None:
            self._outbox.stall(reason)

    def _watch_sessions(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for session in [*self._sessions]:
            silence = now - session.awaits_since
            if session.is_idle:
                if silence > self._account.idle_seconds:
                    session.quit()
            elif session.awaits_acceptance:
                if silence > self._account.acceptance_timeout_seconds:
                    session.drop(f"no reply to the final dot within {silence:.0f} s")
            elif silence > self._account.reply_timeout_seconds:
                session.drop(f"no reply within {silence:.0f} s")
        self._watch = loop.call_later(1.0, self._watch_sessions) if self._sessions else None
