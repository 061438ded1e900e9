"""Conditions as SQL over one row of `subscriber s`; whatever they say is a bound parameter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from operator import eq, ge, gt, le, lt
from typing import assert_never
from uuid import UUID

from domain.audience.conditions.tree import (
    All,
    AnyOf,
    Attribute,
    AttributeTest,
    Condition,
    Created,
    Engagement,
    EngagementAction,
    EventCount,
    HasTag,
    IsSet,
    Not,
    NumberOperator,
    NumberTest,
    Profile,
    ProfileField,
    TextOperator,
    TextTest,
    TimeTest,
    TruthTest,
)
from domain.base.ids import first_id_at

_COMPARE: dict[NumberOperator, tuple[str, Callable[[int, int], bool]]] = {
    NumberOperator.EQUALS: ("=", eq),
    NumberOperator.LESS_THAN: ("<", lt),
    NumberOperator.AT_MOST: ("<=", le),
    NumberOperator.MORE_THAN: (">", gt),
    NumberOperator.AT_LEAST: (">=", ge),
}
_MATCH = {
    TextOperator.CONTAINS: "strpos({text}, v) > 0",
    TextOperator.STARTS_WITH: "starts_with({text}, v)",
    TextOperator.ENDS_WITH: "right({text}, length(v)) = v",
}
_FACT = {
    EngagementAction.RECEIVED: "sent_at",
    EngagementAction.OPENED: "opened_at",
    EngagementAction.CLICKED: "clicked_at",
}
_ALWAYS_THERE = {ProfileField.EMAIL, ProfileField.STATUS}

# A date, or a date and time of day with or without an offset, within what all readers agree on.
_OFFSET = "(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])"
_TIME_OF_DAY = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
TIME_TEXT = f"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ]{_TIME_OF_DAY}{_OFFSET}?)?$"


@dataclass(frozen=True, slots=True)
class Compilation:
    """Conditions compiled for one statement, whose parameters are `values`.

    With `subscriber_ids` only the truth about these is right; without, about everybody. The
    statement itself restricts `s` to the workspace (`{workspace}`) and to these people.
    """

    workspace_id: UUID
    now: datetime
    subscriber_ids: Sequence[UUID] | None = None
    values: list[object] = field(default_factory=list)

    def add(self, value: object, sql_type: str) -> str:
        """The place of one more parameter."""
        self.values.append(value)
        return f"${len(self.values)}::{sql_type}"

    @property
    def workspace(self) -> str:
        return self.add(self.workspace_id, "uuid")

    def compile(self, condition: Condition) -> str:  # noqa: PLR0911  one return a kind
        """A boolean expression that is never null."""
        match condition:
            case All():
                parts = [self.compile(part) for part in condition.conditions]
                return f"({' AND '.join(parts)})" if parts else "true"
            case AnyOf():
                parts = [self.compile(part) for part in condition.conditions]
                return f"({' OR '.join(parts)})" if parts else "false"
            case Not():
                return f"(NOT {self.compile(condition.condition)})"
            case Profile():
                return self._profile(condition)
            case Created():
                return f"({self._time('s.created_at', condition.test)})"
            case Attribute():
                name = self.add(condition.name, "text")
                return f"coalesce({self._attribute(name, condition.test)}, false)"
            case HasTag():
                return f"(s.tags @> ARRAY[{self.add(condition.tag, 'text')}])"
            case EventCount():
                return self._event_count(condition)
            case Engagement():
                return self._engagement(condition)
            case _:
                assert_never(condition)

    def _profile(self, condition: Profile) -> str:
        column = f"s.{condition.field.value}"
        if isinstance(condition.test, IsSet):
            return f"({column} IS NOT NULL)"
        test = self._text(column, condition.test)
        # Without coalesce an index on the column can be used.
        return f"({test})" if condition.field in _ALWAYS_THERE else f"coalesce({test}, false)"

    def _text(self, text: str, test: TextTest) -> str:
        values = self.add(list(test.values), "text[]")
        if test.operator is TextOperator.EQUALS:
            return f"{text} = ANY({values})"
        match = _MATCH[test.operator].format(text=text)
        return f"EXISTS (SELECT FROM unnest({values}) AS v WHERE {match})"

    def _attribute(self, name: str, test: AttributeTest) -> str:
        value, text = f"s.attributes -> {name}", f"(s.attributes ->> {name})"
        match test:
            case TextTest():
                return f"(jsonb_typeof({value}) = 'string' AND {self._text(text, test)})"
            case NumberTest():
                sign, _ = _COMPARE[test.operator]
                wanted = self.add(Decimal(repr(test.value)), "numeric")
                return (
                    f"CASE WHEN jsonb_typeof({value}) = 'number' "
                    f"THEN {text}::numeric {sign} {wanted} END"
                )
            case TruthTest():
                return f"({value}) = '{'true' if test.value else 'false'}'::jsonb"
            case TimeTest():
                at = (
                    f"CASE WHEN {text} ~ '{_OFFSET}$' THEN {text}::timestamptz "
                    f"ELSE {text}::timestamp AT TIME ZONE 'UTC' END"
                )
                return (
                    f"CASE WHEN jsonb_typeof({value}) = 'string' AND {text} ~ '{TIME_TEXT}' "
                    f"AND pg_input_is_valid({text}, 'timestamptz') "
                    f"THEN {self._time(f'({at})', test)} END"
                )
            case IsSet():
                return f"jsonb_typeof({value}) <> 'null'"
            case _:
                assert_never(test)

    def _time(self, at: str, test: TimeTest) -> str:
        parts = []
        if test.since is not None:
            parts.append(f"{at} >= {self.add(test.since, 'timestamptz')}")
        if test.until is not None:
            parts.append(f"{at} < {self.add(test.until, 'timestamptz')}")
        if test.within_seconds is not None:
            parts.append(self._within(at, test.within_seconds))
        return " AND ".join(parts) or "true"

    def _within(self, at: str, seconds: int) -> str:
        since = self.add(self.now - timedelta(seconds=seconds), "timestamptz")
        return f"{at} >= {since} AND {at} <= {self.add(self.now, 'timestamptz')}"

    def _among(self, alias: str) -> str:
        if self.subscriber_ids is None:
            return ""
        return f" AND {alias}.subscriber_id = ANY({self.add(self.subscriber_ids, 'uuid[]')})"

    def _event_count(self, condition: EventCount) -> str:
        sign, holds = _COMPARE[condition.operator]
        # People without such events are not in the groups: when zero fits, those that do not fit
        # are looked for instead.
        zero_fits = holds(0, condition.count)
        window = (
            f"e.occurred_at <= {self.add(self.now, 'timestamptz')}"
            if condition.within_seconds is None
            else self._within("e.occurred_at", condition.within_seconds)
        )
        if condition.within_seconds is not None:
            # The id carries the time, and the table's partitions go by it.
            since = self.now - timedelta(seconds=condition.within_seconds)
            window += f" AND e.id >= {self.add(first_id_at(since), 'uuid')}"
        return (
            f"(s.id {'NOT IN' if zero_fits else 'IN'} (SELECT e.subscriber_id FROM event e "
            f"WHERE e.workspace_id = {self.workspace} AND e.kind = 'custom' "
            f"AND e.name = {self.add(condition.name, 'text')}{self._among('e')} AND {window} "
            f"GROUP BY e.subscriber_id HAVING {'NOT ' if zero_fits else ''}"
            f"(count(*) {sign} {self.add(condition.count, 'bigint')})))"
        )

    def _engagement(self, condition: Engagement) -> str:
        fact = f"m.{_FACT[condition.action]}"
        step = (
            f" AND m.step_key = {self.add(condition.step_key, 'text')}"
            if condition.step_key is not None
            else ""
        )
        when = (
            f"{fact} <= {self.add(self.now, 'timestamptz')}"
            if condition.within_seconds is None
            else self._within(fact, condition.within_seconds)
        )
        return (
            f"(s.id IN (SELECT m.subscriber_id FROM message m "
            f"WHERE m.workspace_id = {self.workspace} "
            f"AND m.sequence_id = {self.add(condition.sequence_id, 'uuid')}{step}"
            f"{self._among('m')} AND {when}))"
        )
