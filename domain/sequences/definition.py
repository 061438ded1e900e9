"""What a sequence is: a typed graph of steps with the triggers that let people in.

A kind of step is one dataclass here, one rule in `engine`, and one check in `validation`. `next` is
the key of the step that follows; None ends the run.
"""

import re
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import ClassVar, TypeAlias
from uuid import UUID

from domain.audience.conditions.tree import Condition
from domain.base.shapes import Json, decode, encode

_LOCAL_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class Reentry(StrEnum):
    """Whether somebody who has been in the sequence may enter it again."""

    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Subscribed:
    """Somebody subscribes: created as subscribed, or subscribed again."""

    kind: ClassVar[str] = "subscribed"


@dataclass(frozen=True, slots=True)
class TagAdded:
    kind: ClassVar[str] = "tag_added"
    tag: str


@dataclass(frozen=True, slots=True)
class EventHappened:
    kind: ClassVar[str] = "event"
    name: str


@dataclass(frozen=True, slots=True)
class Manual:
    """By hand or by the API."""

    kind: ClassVar[str] = "manual"


Trigger: TypeAlias = Subscribed | TagAdded | EventHappened | Manual


@dataclass(frozen=True, slots=True)
class SendEmail:
    """`revision_id` is pinned when the sequence is published."""

    kind: ClassVar[str] = "send_email"
    key: str
    template_id: UUID
    next: str | None = None
    revision_id: UUID | None = None

    @property
    def targets(self) -> tuple[str | None, ...]:
        return (self.next,)


@dataclass(frozen=True, slots=True)
class Wait:
    kind: ClassVar[str] = "wait"
    key: str
    duration_seconds: int
    next: str | None = None

    @property
    def targets(self) -> tuple[str | None, ...]:
        return (self.next,)


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Until the clocks show `local_time` ("09:00") on one of the ISO weekdays.

    `timezone` None means the subscriber's own, and UTC where that is unknown. People are let go
    at random over the `spread_seconds` that follow, so that not all mail leaves at once.
    """

    kind: ClassVar[str] = "wait_until"
    key: str
    local_time: str
    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    timezone: str | None = None
    spread_seconds: int = 0
    next: str | None = None

    @property
    def targets(self) -> tuple[str | None, ...]:
        return (self.next,)

    @property
    def time_of_day(self) -> time:
        """Raises ValueError when `local_time` is none; a published definition never does."""
        return parse_local_time(self.local_time)


@dataclass(frozen=True, slots=True)
class BranchArm:
    condition: Condition
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """The first arm whose condition is true is taken."""

    kind: ClassVar[str] = "branch"
    key: str
    branches: tuple[BranchArm, ...]
    otherwise: str | None = None

    @property
    def targets(self) -> tuple[str | None, ...]:
        return (*(arm.next for arm in self.branches), self.otherwise)


@dataclass(frozen=True, slots=True)
class Exit:
    kind: ClassVar[str] = "exit"
    key: str

    @property
    def targets(self) -> tuple[str | None, ...]:
        return ()


Step: TypeAlias = SendEmail | Wait | WaitUntil | Branch | Exit
RESTS = (Wait, WaitUntil)
"""The steps in which people stay for a time."""


@dataclass(frozen=True)
class Definition:
    start: str | None = None
    triggers: tuple[Trigger, ...] = ()
    steps: tuple[Step, ...] = ()
    reentry: Reentry = Reentry.NEVER

    @cached_property
    def step_by_key(self) -> dict[str, Step]:
        return {step.key: step for step in self.steps}

    def to_json(self) -> Json:
        return encode(self)

    @classmethod
    def from_json(cls, value: object) -> "Definition":
        """Raises InvalidInputError with the path of what is wrong."""
        return decode(cls, value)


@lru_cache(maxsize=1440)
def parse_local_time(text: str) -> time:
    """A time of day as "09:00"; raises ValueError for anything else."""
    if not _LOCAL_TIME.fullmatch(text):
        message = f"{text!r} is not a time of day such as 09:00"
        raise ValueError(message)
    return time.fromisoformat(text)
