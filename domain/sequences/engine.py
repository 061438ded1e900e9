"""What happens next to a batch of people. Pure: no database, no clock, no settings.

An enrollment rests only before its first step (`visit` 0) or in a wait. When it is due, it walks
from there over as many steps as it takes to reach the next wait or the end.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple, assert_never
from uuid import UUID

from domain.audience.conditions.tree import Condition
from domain.base.ids import fact_id
from domain.sequences.calendar import find_zone, next_local_time
from domain.sequences.definition import (
    RESTS,
    Branch,
    Definition,
    Exit,
    SendEmail,
    Step,
    Wait,
    WaitUntil,
)

# Work that comes at most this late counts from when it was due, so that "09:00, a day, 09:00" does
# not slip by a day because a batch took a second. Later than that it counts from when it is done,
# so that an outage does not push two mails together.
PUNCTUAL = timedelta(minutes=15)

ACTIVE, COMPLETED, EXITED = "active", "completed", "exited"
MAILABLE = "subscribed"


class State(NamedTuple):
    """Where one due enrollment rests. `step_key` None: not in its first step yet."""

    enrollment_id: UUID
    workspace_id: UUID
    sequence_id: UUID
    version_id: UUID
    subscriber_id: UUID
    step_key: str | None
    visit: int
    due_at: datetime


class Person(NamedTuple):
    """`status` is the subscriber's; `timezone` is an IANA name, perhaps none that exists."""

    status: str
    timezone: str | None
    is_suppressed: bool


ArmKey = tuple[UUID, str, int]
"""Version, branch step, and the number of its arm."""


@dataclass(frozen=True, slots=True)
class Facts:
    """People by subscriber; and for each arm ahead, the subscribers for whom it is true."""

    people: Mapping[UUID, Person]
    truths: Mapping[ArmKey, AbstractSet[UUID]]


class Move(NamedTuple):
    """The enrollment's new state."""

    enrollment_id: UUID
    status: str
    reason: str | None
    step_key: str | None
    visit: int
    due_at: datetime | None
    finished_at: datetime | None


class Visit(NamedTuple):
    """One step visit and why it went as it did; `details` is JSON.

    The id is `fact_id(when the enrollment was due, enrollment, visit)`; the message that a visit
    makes has the same.
    """

    id: UUID
    workspace_id: UUID
    enrollment_id: UUID
    visit: int
    step_key: str
    code: str
    details: str
    decided_at: datetime


class Mail(NamedTuple):
    """A message to make."""

    id: UUID
    workspace_id: UUID
    subscriber_id: UUID
    enrollment_id: UUID
    sequence_id: UUID
    version_id: UUID
    step_key: str
    visit: int
    revision_id: UUID


@dataclass(frozen=True, slots=True)
class Decisions:
    """One move for each state, in their order; visits and mails in the order they happened."""

    moves: list[Move] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)


class _Outcome(NamedTuple):
    """What a step does with somebody: on to `next`, or to rest `until` then, or out."""

    code: str
    details: str
    next: str | None = None
    until: datetime | None = None
    is_exit: bool = False
    mails_revision_id: UUID | None = None


class _Walk(NamedTuple):
    """Whom the rules are asked about, and as of when."""

    state: State
    person: Person
    facts: Facts
    reference: datetime
    rested: Step | None
    random: Random


def decide(
    states: Iterable[State],
    facts: Facts,
    definitions: Mapping[UUID, Definition],
    now: datetime,
    random: Random,
) -> Decisions:
    """Advance each due enrollment to its next rest or its end.

    `definitions` are valid and by version; `facts` cover all states and `arms_ahead` of them.
    """
    decisions = Decisions()
    for state in states:
        person = facts.people[state.subscriber_id]
        barred_by = _barred_by(person)
        if barred_by is None:
            _advance(state, person, facts, definitions[state.version_id], now, random, decisions)
        else:
            decisions.moves.append(
                _finish(state, EXITED, barred_by, state.step_key, state.visit, now)
            )
    return decisions


def _barred_by(person: Person) -> str | None:
    if person.status != MAILABLE:
        return f"subscriber_{person.status}"
    return "suppressed" if person.is_suppressed else None


def _finish(
    state: State, status: str, reason: str, step_key: str | None, visit: int, now: datetime
) -> Move:
    return Move(state.enrollment_id, status, reason, step_key, visit, None, now)


def _advance(
    state: State,
    person: Person,
    facts: Facts,
    definition: Definition,
    now: datetime,
    random: Random,
    decisions: Decisions,
) -> None:
    steps = definition.step_by_key
    rested = steps[state.step_key] if state.step_key is not None else None
    key = rested.targets[0] if rested is not None else definition.start
    reference = state.due_at if now - state.due_at <= PUNCTUAL else now
    walk = _Walk(state, person, facts, reference, rested, random)
    visit, last = state.visit, state.step_key
    # A valid definition meets a wait before it meets a step twice.
    for _ in range(len(steps) + 1):
        if key is None:
            decisions.moves.append(_finish(state, COMPLETED, "end", last, visit, now))
            return
        step = steps[key]
        visit += 1
        last = key
        identity = fact_id(state.due_at, state.enrollment_id, visit)
        outcome = _visit(step, walk)
        decisions.visits.append(
            Visit(
                identity,
                state.workspace_id,
                state.enrollment_id,
                visit,
                key,
                outcome.code,
                outcome.details,
                now,
            )
        )
        if outcome.mails_revision_id is not None:
            decisions.mails.append(
                Mail(
                    identity,
                    state.workspace_id,
                    state.subscriber_id,
                    state.enrollment_id,
                    state.sequence_id,
                    state.version_id,
                    key,
                    visit,
                    outcome.mails_revision_id,
                )
            )
        if outcome.until is not None:
            decisions.moves.append(
                Move(state.enrollment_id, ACTIVE, None, key, visit, outcome.until, None)
            )
            return
        if outcome.is_exit:
            decisions.moves.append(_finish(state, EXITED, "exit_step", key, visit, now))
            return
        key = outcome.next
    decisions.moves.append(_finish(state, EXITED, "endless_loop", last, visit, now))


def _visit(step: Step, walk: _Walk) -> _Outcome:
    match step:
        case SendEmail():
            return _Outcome("queued", "{}", step.next, mails_revision_id=step.revision_id)
        case Wait():
            return _rest(walk.reference + timedelta(seconds=step.duration_seconds))
        case WaitUntil():
            return _wait_until(step, walk)
        case Branch():
            return _branch(step, walk)
        case Exit():
            return _Outcome("exit", "{}", is_exit=True)
        case _:
            assert_never(step)


def _rest(until: datetime) -> _Outcome:
    shown = until.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return _Outcome("waiting", f'{{"until":"{shown}"}}', until=until)


def _wait_until(step: WaitUntil, walk: _Walk) -> _Outcome:
    zone = find_zone(step.timezone or walk.person.timezone) or UTC
    # Somebody who comes straight from such a wait is due at that very time of day, and is to be
    # held until the next; from anywhere else the very time is the right one.
    is_inclusive = not isinstance(walk.rested, WaitUntil)
    until = next_local_time(
        walk.reference, step.time_of_day, step.weekdays, zone, is_inclusive=is_inclusive
    )
    if step.spread_seconds:
        until += timedelta(seconds=walk.random.random() * step.spread_seconds)
    return _rest(until)


def _branch(step: Branch, walk: _Walk) -> _Outcome:
    state, truths = walk.state, walk.facts.truths
    for at, arm in enumerate(step.branches):
        if state.subscriber_id in truths[state.version_id, step.key, at]:
            return _Outcome("branch", f'{{"taken":{at}}}', arm.next)
    return _Outcome("branch", '{"taken":null}', step.otherwise)


Arm = tuple[str, int, Condition]
"""Branch step, number of the arm, and its condition."""


def arms_ahead(definition: Definition, step_key: str | None) -> Sequence[Arm]:
    """The arms that a walk from this rest may come to."""
    steps = definition.step_by_key
    first = steps[step_key].targets if step_key is not None else (definition.start,)
    seen, ahead = set(first), list(first)
    found: list[Arm] = []
    while ahead:
        key = ahead.pop()
        if key is None or isinstance(step := steps[key], RESTS):
            continue
        if isinstance(step, Branch):
            found.extend((step.key, at, arm.condition) for at, arm in enumerate(step.branches))
        ahead.extend({target for target in step.targets if target not in seen})
        seen.update(step.targets)
    return found
