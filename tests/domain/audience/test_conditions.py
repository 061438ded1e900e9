from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import eq, ge, gt, le, lt
from random import Random
from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.audience.conditions.evaluation import evaluate
from domain.audience.conditions.sql import Compilation
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
from domain.base.database import execute, fetch
from domain.base.ids import fact_id, first_id_at
from domain.base.partitions import ensure_months
from domain.identity.accounts import Session

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SEQUENCES = (UUID(int=1), UUID(int=2))
STEPS = ("hello", "bye")
TAGS = ("vip", "a'b", "ümlaut")
NAMES = ("order", "visit")
TEXTS = ("", "a", "Ana", "ana%", "a_a", "100% \\ 'x'", "straße", "2026-03-14")
VALUES: tuple[object, ...] = (
    *TEXTS,
    None,
    True,
    False,
    0,
    1,
    1.0,
    -2.5,
    0.1,
    10**15,
    [],
    ["a"],
    {"a": 1},
    "2026-03-15T11:00:00Z",
    "2026-03-15T14:00:00+02:00",
    "2026-03-15 13:30",
    "2026-02-30",
    "2026-03-15T25:00:00Z",
    "0000-01-01",
)
ATTRIBUTES = ("plan", "odd 'name\"", "none")
TIMES = tuple(NOW - HOUR * hours for hours in (-24, 0, 1, 2, 26, 24 * 40))


@dataclass
class Sub:
    id: UUID
    profile: dict[ProfileField, str | None]
    created_at: datetime
    attributes: dict[str, object]
    tags: list[str]
    events: list[tuple[str, datetime]] = field(default_factory=list)
    messages: list[tuple[UUID, str, dict[EngagementAction, datetime | None]]] = field(
        default_factory=list
    )


def make_people(random: Random) -> list[Sub]:
    people = []
    for number in range(40):
        at = random.choice(TIMES)
        person = Sub(
            fact_id(at, "subscriber", number),
            {
                ProfileField.EMAIL: f"p{number}@{random.choice(('a', 'b'))}.example",
                ProfileField.FIRST_NAME: random.choice((None, *TEXTS)),
                ProfileField.LAST_NAME: random.choice((None, *TEXTS)),
                ProfileField.TIMEZONE: random.choice((None, "UTC")),
                ProfileField.LOCALE: random.choice((None, "de-DE")),
                ProfileField.STATUS: random.choice(("subscribed", "bounced")),
            },
            at,
            {name: random.choice(VALUES) for name in ATTRIBUTES[:2] if random.random() < 0.9},
            random.sample(TAGS, random.randrange(3)),
        )
        for _ in range(random.randrange(5)):
            person.events.append((random.choice(NAMES), random.choice(TIMES)))
        for _ in range(random.randrange(4)):
            facts = {action: random.choice((None, *TIMES)) for action in EngagementAction}
            person.messages.append((random.choice(SEQUENCES), random.choice(STEPS), facts))
        people.append(person)
    return people


def number_fits(operator: NumberOperator, left: Decimal | int, right: Decimal | int) -> bool:
    compare = {
        NumberOperator.EQUALS: eq,
        NumberOperator.LESS_THAN: lt,
        NumberOperator.AT_MOST: le,
        NumberOperator.MORE_THAN: gt,
        NumberOperator.AT_LEAST: ge,
    }[operator]
    return bool(compare(left, right))


def text_fits(test: TextTest, text: str) -> bool:
    match test.operator:
        case TextOperator.EQUALS:
            return text in test.values
        case TextOperator.CONTAINS:
            return any(value in text for value in test.values)
        case TextOperator.STARTS_WITH:
            return text.startswith(test.values)
        case TextOperator.ENDS_WITH:
            return text.endswith(test.values)


def time_fits(test: TimeTest, at: datetime) -> bool:
    return (
        (test.since is None or at >= test.since)
        and (test.until is None or at < test.until)
        and is_within(test.within_seconds, at)
    )


def is_within(seconds: int | None, at: datetime) -> bool:
    return seconds is None or NOW - timedelta(seconds=seconds) <= at <= NOW


def attribute_fits(test: AttributeTest, value: object) -> bool:  # noqa: PLR0911  one return a kind
    match test:
        case IsSet():
            return value is not None
        case TextTest():
            return isinstance(value, str) and text_fits(test, value)
        case TruthTest():
            return isinstance(value, bool) and value is test.value
        case NumberTest():
            if isinstance(value, bool) or not isinstance(value, int | float):
                return False
            return number_fits(test.operator, Decimal(repr(value)), Decimal(repr(test.value)))
        case TimeTest():
            if not isinstance(value, str):
                return False
            try:
                at = datetime.fromisoformat(value)
            except ValueError:
                return False
            return time_fits(test, at if at.tzinfo else at.replace(tzinfo=UTC))


def is_true(condition: Condition, person: Sub) -> bool:  # noqa: C901, PLR0911  one return a kind
    """The same language, read slowly and one by one."""
    match condition:
        case All():
            return all(is_true(part, person) for part in condition.conditions)
        case AnyOf():
            return any(is_true(part, person) for part in condition.conditions)
        case Not():
            return not is_true(condition.condition, person)
        case Profile():
            value = person.profile[condition.field]
            if isinstance(condition.test, IsSet):
                return value is not None
            return value is not None and text_fits(condition.test, value)
        case Created():
            return time_fits(condition.test, person.created_at)
        case Attribute():
            return attribute_fits(condition.test, person.attributes.get(condition.name))
        case HasTag():
            return condition.tag in person.tags
        case EventCount():
            count = sum(
                name == condition.name and at <= NOW and is_within(condition.within_seconds, at)
                for name, at in person.events
            )
            return number_fits(condition.operator, count, condition.count)
        case Engagement():
            return any(
                sequence == condition.sequence_id
                and condition.step_key in {None, step}
                and (at := facts[condition.action]) is not None
                and at <= NOW
                and is_within(condition.within_seconds, at)
                for sequence, step, facts in person.messages
            )


def texts() -> st.SearchStrategy[TextTest]:
    value = st.sampled_from((*TEXTS, "subscribed", "UTC", ".example", "p1"))
    values = st.lists(value, min_size=1, max_size=3).map(tuple)
    return st.builds(TextTest, st.sampled_from(TextOperator), values)


WITHIN = st.one_of(st.none(), st.sampled_from((1, 3600, 7200, 86_400, 10**8)))
TIME_TESTS = st.builds(
    TimeTest,
    st.one_of(st.none(), st.sampled_from(TIMES)),
    st.one_of(st.none(), st.sampled_from(TIMES)),
    WITHIN,
)
NUMBER_TESTS = st.builds(
    NumberTest, st.sampled_from(NumberOperator), st.sampled_from((0.0, 1.0, -2.5, 0.1, 1e15))
)
LEAVES: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Profile, st.sampled_from(ProfileField), st.one_of(texts(), st.just(IsSet()))),
    st.builds(Created, TIME_TESTS),
    st.builds(
        Attribute,
        st.sampled_from(ATTRIBUTES),
        st.one_of(
            texts(), NUMBER_TESTS, TIME_TESTS, st.builds(TruthTest, st.booleans()), st.just(IsSet())
        ),
    ),
    st.builds(HasTag, st.sampled_from((*TAGS, "nobody's"))),
    st.builds(
        EventCount,
        st.sampled_from((*NAMES, "never")),
        st.sampled_from(NumberOperator),
        st.integers(0, 4),
        WITHIN,
    ),
    st.builds(
        Engagement,
        st.sampled_from(EngagementAction),
        st.sampled_from(SEQUENCES),
        st.sampled_from((None, *STEPS)),
        WITHIN,
    ),
)
TREES: st.SearchStrategy[Condition] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(All, st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


@pytest.fixture
async def people(session: Session) -> list[Sub]:
    people = make_people(Random(5))
    await ensure_months("event", TIMES)
    await ensure_months("message", TIMES)
    template, revision = UUID(int=10), UUID(int=11)
    await execute(
        """INSERT INTO template (id, workspace_id, name, created_at, updated_at)
           VALUES ($1, $2, 'x', $3, $3)""",
        template,
        session.workspace_id,
        NOW,
    )
    await execute(
        """INSERT INTO template_revision (id, workspace_id, template_id, number, subject, body,
             format, compiled, links, variables, created_at)
           VALUES ($1, $2, $3, 1, 'x', 'x', 'html', '{}', '{}', '{}', $4)""",
        revision,
        session.workspace_id,
        template,
        NOW,
    )
    for person in people:
        await execute(
            """INSERT INTO subscriber (id, workspace_id, email, first_name, last_name, timezone,
                 locale, status, created_at, updated_at, attributes, tags)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10::jsonb, $11)""",
            person.id,
            session.workspace_id,
            *(person.profile[name] for name in ProfileField),
            person.created_at,
            orjson.dumps(person.attributes).decode(),
            person.tags,
        )
        for number, (name, at) in enumerate(person.events):
            await execute(
                """INSERT INTO event (id, workspace_id, subscriber_id, kind, name, occurred_at,
                     recorded_at) VALUES ($1, $2, $3, 'custom', $4, $5, $5)""",
                fact_id(at, person.id, number),
                session.workspace_id,
                person.id,
                name,
                at,
            )
        for number, (sequence, step, facts) in enumerate(person.messages):
            await execute(
                """INSERT INTO message (id, workspace_id, subscriber_id, sequence_id, step_key,
                     visit, revision_id, status, send_after, queued_at, sent_at, opened_at,
                     clicked_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, 'sent', $8, $8, $9, $10, $11)""",
                fact_id(NOW, person.id, number),
                session.workspace_id,
                person.id,
                sequence,
                step,
                number,
                revision,
                NOW,
                *(facts[action] for action in EngagementAction),
            )
    return people


async def test_every_tree_says_the_same_in_sql_as_read_slowly(
    session: Session, people: list[Sub]
) -> None:
    workspace_id = session.workspace_id
    checked: list[Condition] = []

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(trees=st.lists(TREES, min_size=1, max_size=8))
    def gather(trees: list[Condition]) -> None:
        checked.extend(trees)

    gather()
    some = [person.id for person in people[::2]]
    for at in range(0, len(checked), 20):
        batch = dict(enumerate(checked[at : at + 20]))
        found = await evaluate(batch, workspace_id, some, NOW)
        for key, condition in batch.items():
            wanted = {person.id for person in people[::2] if is_true(condition, person)}
            assert found[key] == wanted, condition
    for condition in checked[::5]:
        compilation = Compilation(workspace_id, NOW)
        where = f"s.workspace_id = {compilation.workspace} AND {compilation.compile(condition)}"
        rows = await fetch(f"SELECT s.id FROM subscriber s WHERE {where}", *compilation.values)
        wanted = {person.id for person in people if is_true(condition, person)}
        assert {row["id"] for row in rows} == wanted, condition


async def test_people_of_another_workspace_are_in_no_set(
    session: Session, people: list[Sub]
) -> None:
    found = await evaluate({"all": All(())}, first_id_at(NOW), [people[0].id], NOW)
    assert found == {"all": set()}


async def test_nothing_asked_is_nothing_answered(session: Session, people: list[Sub]) -> None:
    assert await evaluate({}, session.workspace_id, [people[0].id], NOW) == {}
    assert await evaluate({1: All(())}, session.workspace_id, [], NOW) == {1: set()}


def test_words_of_a_condition_are_parameters_and_never_text() -> None:
    compilation = Compilation(SEQUENCES[0], NOW)
    text = compilation.compile(HasTag("x'; DROP TABLE subscriber; --"))
    assert text == "(s.tags @> ARRAY[$1::text])"
    assert compilation.values == ["x'; DROP TABLE subscriber; --"]


async def test_time_without_an_offset_is_meant_in_utc(session: Session, people: list[Sub]) -> None:
    person = people[0].id
    moment = datetime(2026, 3, 15, 11, 30, tzinfo=UTC)
    exactly = TimeTest(since=moment, until=moment + timedelta(seconds=1))
    fits = {}
    for text in ("2026-03-15T11:30", "2026-03-15T13:30:00.5+02:00", "2026-03-15T13:30"):
        await execute(
            "UPDATE subscriber SET attributes = jsonb_build_object('at', $2::text) WHERE id = $1",
            person,
            text,
        )
        found = await evaluate(
            {"at": Attribute("at", exactly)}, session.workspace_id, [person], NOW
        )
        fits[text] = bool(found["at"])
    assert list(fits.values()) == [True, True, False]
