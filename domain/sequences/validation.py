"""A definition checked as a whole; whatever is wrong names its step."""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from domain.audience.conditions.checks import (
    MAX_NAME,
    MAX_SECONDS,
    attributes_of,
    find_faults,
    sequences_of,
)
from domain.sequences.calendar import find_zone
from domain.sequences.definition import (
    RESTS,
    Branch,
    Definition,
    EventHappened,
    Exit,
    Manual,
    SendEmail,
    Step,
    Subscribed,
    TagAdded,
    Trigger,
    Wait,
    WaitUntil,
    parse_local_time,
)

MAX_STEPS = 500
MAX_TRIGGERS = 50
MAX_ARMS = 50
MAX_SPREAD_SECONDS = 86_400
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")


class IssueCode(StrEnum):
    EMPTY = "EMPTY"
    NO_TRIGGER = "NO_TRIGGER"
    NO_START = "NO_START"
    MISSING_TARGET = "MISSING_TARGET"
    UNREACHABLE = "UNREACHABLE"
    ENDLESS_LOOP = "ENDLESS_LOOP"
    MISSING_TEMPLATE = "MISSING_TEMPLATE"
    MISSING_SEQUENCE = "MISSING_SEQUENCE"
    UNKNOWN_ATTRIBUTE = "UNKNOWN_ATTRIBUTE"
    DUPLICATE = "DUPLICATE"
    INVALID = "INVALID"
    TOO_LARGE = "TOO_LARGE"


class Severity(StrEnum):
    """An error keeps a draft from being published; a warning does not."""

    ERROR = "ERROR"
    WARNING = "WARNING"


@dataclass(frozen=True, slots=True)
class DefinitionIssue:
    """`step` is None when no single step is at fault; `field` is spelled as in the API."""

    step: str | None
    field: str
    message: str
    code: IssueCode
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What there is in the workspace for definitions to refer to."""

    templates: AbstractSet[UUID]
    attributes: AbstractSet[str] = frozenset()
    sequences: AbstractSet[UUID] = frozenset()


def validate(definition: Definition, surroundings: Surroundings) -> list[DefinitionIssue]:
    """Everything that is wrong, in the order of triggers, steps, and the graph they make."""
    issues = [*_check_triggers(definition.triggers)]
    if not definition.steps:
        message = "the sequence has no steps"
        return [*issues, DefinitionIssue(None, "steps", message, IssueCode.EMPTY)]
    if len(definition.steps) > MAX_STEPS:
        message = f"{len(definition.steps)} steps, and {MAX_STEPS} are the most there may be"
        return [*issues, DefinitionIssue(None, "steps", message, IssueCode.TOO_LARGE)]
    seen: set[str] = set()
    for step in definition.steps:
        if not _KEY.fullmatch(step.key):
            message = "a key is 1 to 64 letters, digits, `-` or `_`"
            issues.append(DefinitionIssue(step.key, "key", message, IssueCode.INVALID))
        if step.key in seen:
            message = f"there are two steps with the key `{step.key}`"
            issues.append(DefinitionIssue(step.key, "key", message, IssueCode.DUPLICATE))
        seen.add(step.key)
        issues.extend(_check_step(step, surroundings))
    issues.extend(_check_graph(definition))
    return issues


def _check_triggers(triggers: tuple[Trigger, ...]) -> Iterator[DefinitionIssue]:
    def issue(field: str, message: str, code: IssueCode) -> DefinitionIssue:
        return DefinitionIssue(None, field, message, code)

    if not triggers:
        message = "nothing lets anybody in: add a trigger, `manual` for enrolling by hand"
        yield issue("triggers", message, IssueCode.NO_TRIGGER)
    if len(triggers) > MAX_TRIGGERS:
        message = f"{len(triggers)} triggers, and {MAX_TRIGGERS} are the most there may be"
        yield issue("triggers", message, IssueCode.TOO_LARGE)
    for at, trigger in enumerate(triggers):
        if trigger in triggers[:at]:
            yield issue(f"triggers.{at}", "this trigger is there already", IssueCode.DUPLICATE)
        match trigger:
            case TagAdded():
                name = trigger.tag
            case EventHappened():
                name = trigger.name
            case Subscribed() | Manual():
                continue
            case _:
                assert_never(trigger)
        if not 0 < len(name) <= MAX_NAME:
            message = f"a name of 1 to {MAX_NAME} characters is needed"
            yield issue(f"triggers.{at}.{trigger.kind}", message, IssueCode.INVALID)


def _check_step(step: Step, surroundings: Surroundings) -> Iterator[DefinitionIssue]:
    def issue(field: str, message: str, code: IssueCode = IssueCode.INVALID) -> DefinitionIssue:
        return DefinitionIssue(step.key, field, message, code)

    match step:
        case SendEmail():
            if step.template_id not in surroundings.templates:
                message = "this template does not exist"
                yield issue("templateId", message, IssueCode.MISSING_TEMPLATE)
        case Wait():
            if not 1 <= step.duration_seconds <= MAX_SECONDS:
                yield issue("durationSeconds", "a wait takes from one second to ten years")
        case WaitUntil():
            yield from _check_wait_until(step)
        case Branch():
            yield from _check_branch(step, surroundings)
        case Exit():
            pass
        case _:
            assert_never(step)


def _check_wait_until(step: WaitUntil) -> Iterator[DefinitionIssue]:
    def issue(field: str, message: str) -> DefinitionIssue:
        return DefinitionIssue(step.key, field, message, IssueCode.INVALID)

    try:
        parse_local_time(step.local_time)
    except ValueError:
        yield issue("localTime", f"`{step.local_time}` is not a time of day such as 09:00")
    if not step.weekdays:
        yield issue("weekdays", "at least one weekday is needed")
    if not all(1 <= day <= 7 for day in step.weekdays):  # noqa: PLR2004  ISO weekdays
        yield issue("weekdays", "weekdays go from 1 (Monday) to 7 (Sunday)")
    if len(set(step.weekdays)) < len(step.weekdays):
        yield issue("weekdays", "a weekday is there twice")
    if step.timezone is not None and find_zone(step.timezone) is None:
        yield issue("timezone", f"`{step.timezone}` is not an IANA time zone")
    if not 0 <= step.spread_seconds <= MAX_SPREAD_SECONDS:
        yield issue("spreadSeconds", "people can be spread over a day at most")


def _check_branch(step: Branch, surroundings: Surroundings) -> Iterator[DefinitionIssue]:
    if not 1 <= len(step.branches) <= MAX_ARMS:
        message = f"a branch has from 1 to {MAX_ARMS} conditions"
        yield DefinitionIssue(step.key, "branches", message, IssueCode.INVALID)
    for at, arm in enumerate(step.branches):
        field = f"branches.{at}.condition"
        for fault in find_faults(arm.condition):
            yield DefinitionIssue(step.key, field, fault, IssueCode.INVALID)
        if sequences_of(arm.condition) - surroundings.sequences:
            message = "it looks at the mail of a sequence that does not exist"
            yield DefinitionIssue(step.key, field, message, IssueCode.MISSING_SEQUENCE)
        for name in sorted(attributes_of(arm.condition) - surroundings.attributes):
            message = f"no subscriber has the attribute `{name}` yet"
            code = IssueCode.UNKNOWN_ATTRIBUTE
            yield DefinitionIssue(step.key, field, message, code, Severity.WARNING)


def _check_graph(definition: Definition) -> Iterator[DefinitionIssue]:
    steps = definition.step_by_key
    for step in definition.steps:
        for field, target in _named_targets(step):
            if target is not None and target not in steps:
                message = f"there is no step `{target}`"
                yield DefinitionIssue(step.key, field, message, IssueCode.MISSING_TARGET)
    if definition.start not in steps:
        message = (
            "the first step is not set"
            if definition.start is None
            else f"there is no step `{definition.start}`"
        )
        yield DefinitionIssue(None, "start", message, IssueCode.NO_START)
    else:
        reachable = _reachable(definition, definition.start)
        for step in definition.steps:
            if step.key not in reachable:
                message = "nobody can get to this step"
                yield DefinitionIssue(step.key, "key", message, IssueCode.UNREACHABLE)
    for loop in _loops_without_wait(definition):
        message = f"an endless loop without a wait: {' → '.join((*loop, loop[0]))}"
        yield DefinitionIssue(loop[0], "next", message, IssueCode.ENDLESS_LOOP)


def _named_targets(step: Step) -> Iterator[tuple[str, str | None]]:
    match step:
        case Branch():
            for at, arm in enumerate(step.branches):
                yield f"branches.{at}.next", arm.next
            yield "otherwise", step.otherwise
        case Exit():
            pass
        case SendEmail() | Wait() | WaitUntil():
            yield "next", step.next
        case _:
            assert_never(step)


def _reachable(definition: Definition, start: str) -> set[str]:
    steps, found, ahead = definition.step_by_key, {start}, [start]
    while ahead:
        for target in steps[ahead.pop()].targets:
            if target is not None and target in steps and target not in found:
                found.add(target)
                ahead.append(target)
    return found


def _loops_without_wait(definition: Definition) -> Iterator[tuple[str, ...]]:
    """Each way back to a step that no wait lies on, once, by a depth-first walk."""
    steps = {key: s for key, s in definition.step_by_key.items() if not isinstance(s, RESTS)}
    done: set[str] = set()
    for root, first in steps.items():
        if root in done:
            continue
        path, on_path = [root], {root}
        ahead = [iter(first.targets)]
        while ahead:
            target = next(ahead[-1], _END)
            if target is _END:
                ahead.pop()
                finished = path.pop()
                on_path.discard(finished)
                done.add(finished)
            elif isinstance(target, str) and target in on_path:
                yield tuple(path[path.index(target) :])
            elif isinstance(target, str) and target in steps and target not in done:
                path.append(target)
                on_path.add(target)
                ahead.append(iter(steps[target].targets))


_END = object()
