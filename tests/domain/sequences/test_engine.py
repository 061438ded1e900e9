from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.audience.conditions.tree import HasTag
from domain.base.ids import fact_id
from domain.sequences.definition import (
    Branch,
    BranchArm,
    Definition,
    Exit,
    Manual,
    SendEmail,
    Step,
    Wait,
    WaitUntil,
)
from domain.sequences.engine import (
    PUNCTUAL,
    Decisions,
    Facts,
    Mail,
    Move,
    Person,
    State,
    arms_ahead,
    decide,
)
from domain.sequences.validation import Severity, Surroundings, validate

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # A Wednesday.
WORKSPACE, SEQUENCE, VERSION, TEMPLATE, REVISION = (UUID(int=n) for n in range(1, 6))
ANA = UUID(int=100)
SUBSCRIBED = Person("subscribed", "Europe/Berlin", is_suppressed=False)


def state_of(
    step_key: str | None = None, visit: int = 0, due_at: datetime = NOW, subscriber: UUID = ANA
) -> State:
    enrollment = UUID(int=subscriber.int + 1000)
    return State(enrollment, WORKSPACE, SEQUENCE, VERSION, subscriber, step_key, visit, due_at)


def run(
    steps: Iterable[Step],
    *states: State,
    now: datetime = NOW,
    person: Person = SUBSCRIBED,
    truths: dict[tuple[str, int], set[UUID]] | None = None,
    random: Random | None = None,
) -> Decisions:
    definition = Definition((steps := tuple(steps))[0].key, (Manual(),), steps)
    facts = Facts(
        {state.subscriber_id: person for state in states},
        {(VERSION, *arm): people for arm, people in (truths or {}).items()},
    )
    return decide(states, facts, {VERSION: definition}, now, random or Random(1))


def send(key: str, following: str | None = None) -> SendEmail:
    return SendEmail(key, TEMPLATE, following, REVISION)


def test_one_advance_walks_to_the_next_wait() -> None:
    steps = (send("hello", "more"), send("more", "pause"), Wait("pause", 3600, "hello"))
    state = state_of()
    decisions = run(steps, state)
    until = NOW + timedelta(hours=1)
    assert decisions.moves == [Move(state.enrollment_id, "active", None, "pause", 3, until, None)]
    assert [(v.visit, v.step_key, v.code, v.details) for v in decisions.visits] == [
        (1, "hello", "queued", "{}"),
        (2, "more", "queued", "{}"),
        (3, "pause", "waiting", '{"until":"2026-03-04T13:00:00Z"}'),
    ]
    assert decisions.mails == [
        Mail(
            fact_id(NOW, state.enrollment_id, visit),
            WORKSPACE,
            ANA,
            state.enrollment_id,
            SEQUENCE,
            VERSION,
            key,
            visit,
            REVISION,
        )
        for visit, key in ((1, "hello"), (2, "more"))
    ]


def test_message_has_the_id_of_its_visit() -> None:
    decisions = run((send("hello"),), state_of())
    assert [mail.id for mail in decisions.mails] == [visit.id for visit in decisions.visits]


def test_same_rest_decided_again_later_makes_the_same_messages() -> None:
    steps = (Wait("pause", 60, "hello"), send("hello", "pause"))
    state = state_of("pause", 1)
    first = run(steps, state, now=NOW)
    again = run(steps, state, now=NOW + timedelta(days=3))
    assert first.mails == again.mails


def test_each_time_round_a_loop_makes_another_message() -> None:
    steps = (Wait("pause", 60, "hello"), send("hello", "pause"))
    first = run(steps, state_of("pause", 1))
    due_at = first.moves[0].due_at
    assert due_at is not None
    second = run(steps, state_of("pause", first.moves[0].visit, due_at), now=due_at)
    assert first.mails[0].id != second.mails[0].id
    assert (first.mails[0].visit, second.mails[0].visit) == (2, 4)


def test_end_of_the_graph_completes() -> None:
    state = state_of("pause", 4)
    decisions = run((Wait("pause", 60),), state)
    assert decisions.moves == [Move(state.enrollment_id, "completed", "end", "pause", 4, None, NOW)]
    assert decisions.visits == []


def test_exit_step_exits() -> None:
    state = state_of()
    decisions = run((Exit("out"),), state)
    assert decisions.moves == [
        Move(state.enrollment_id, "exited", "exit_step", "out", 1, None, NOW)
    ]


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (Person("unsubscribed", None, is_suppressed=False), "subscriber_unsubscribed"),
        (Person("bounced", None, is_suppressed=False), "subscriber_bounced"),
        (Person("subscribed", None, is_suppressed=True), "suppressed"),
    ],
)
def test_people_who_may_not_be_mailed_leave_without_a_message(person: Person, reason: str) -> None:
    state = state_of("pause", 1)
    decisions = run((Wait("pause", 60, "hello"), send("hello")), state, person=person)
    assert decisions.moves == [Move(state.enrollment_id, "exited", reason, "pause", 1, None, NOW)]
    assert decisions.mails == []


@pytest.mark.parametrize(
    ("truths", "taken", "step_key"),
    [
        ({("fork", 0): {ANA}, ("fork", 1): {ANA}}, "0", "first"),
        ({("fork", 0): set(), ("fork", 1): {ANA}}, "1", "second"),
        ({("fork", 0): set(), ("fork", 1): {UUID(int=7)}}, "null", "third"),
    ],
)
def test_first_true_arm_is_taken(
    truths: dict[tuple[str, int], set[UUID]], taken: str, step_key: str
) -> None:
    arms = (BranchArm(HasTag("a"), "first"), BranchArm(HasTag("b"), "second"))
    steps = (Branch("fork", arms, "third"), Exit("first"), Exit("second"), Exit("third"))
    decisions = run(steps, state_of(), truths=truths)
    assert decisions.visits[0].details == f'{{"taken":{taken}}}'
    assert decisions.moves[0].step_key == step_key


def next_due(step: Step, *, due_at: datetime, now: datetime, after: Step | None = None) -> datetime:
    steps = (step, after) if after else (step,)
    state = state_of(after.key, 1, due_at) if after else state_of(due_at=due_at)
    found = run(steps, state, now=now).moves[0].due_at
    assert found is not None
    return found


def test_wait_counts_from_the_due_time_when_the_work_is_a_little_late() -> None:
    found = next_due(Wait("pause", 60), due_at=NOW - PUNCTUAL, now=NOW)
    assert found == NOW - PUNCTUAL + timedelta(seconds=60)


def test_wait_counts_from_now_after_an_outage() -> None:
    late = NOW - PUNCTUAL - timedelta(seconds=1)
    assert next_due(Wait("pause", 60), due_at=late, now=NOW) == NOW + timedelta(seconds=60)


def test_wait_until_uses_the_zone_of_the_subscriber() -> None:
    found = next_due(WaitUntil("until", "09:00"), due_at=NOW, now=NOW)
    assert found == datetime(2026, 3, 5, 8, tzinfo=UTC)


def test_wait_until_uses_its_own_zone_where_it_has_one() -> None:
    step = WaitUntil("until", "09:00", timezone="Asia/Tokyo")
    assert next_due(step, due_at=NOW, now=NOW) == datetime(2026, 3, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize("zone", [None, "Mars/Olympus"])
def test_unknown_zone_of_a_subscriber_is_utc(zone: str | None) -> None:
    person = SUBSCRIBED._replace(timezone=zone)
    decisions = run((WaitUntil("until", "09:00", (6,)),), state_of(), person=person)
    assert decisions.moves[0].due_at == datetime(2026, 3, 7, 9, tzinfo=UTC)


def test_nine_o_clock_a_day_later_until_nine_is_the_next_day() -> None:
    due_at = datetime(2026, 3, 5, 8, tzinfo=UTC)
    late = due_at + timedelta(seconds=20)
    until = WaitUntil("until", "09:00", next="pause")
    day = Wait("pause", 86_400, "until")
    next_day = next_due(day, due_at=due_at, now=late, after=until)
    assert next_day == due_at + timedelta(days=1)
    later = next_day + timedelta(seconds=20)
    assert next_due(until, due_at=next_day, now=later, after=day) == next_day


def test_two_waits_until_the_same_time_are_a_day_apart() -> None:
    first = WaitUntil("first", "12:00", timezone="UTC", next="second")
    second = WaitUntil("second", "12:00", timezone="UTC")
    assert next_due(second, due_at=NOW, now=NOW, after=first) == NOW + timedelta(days=1)


def test_spread_lets_people_go_at_random_in_the_span_that_follows() -> None:
    steps = (WaitUntil("until", "12:30", timezone="UTC", spread_seconds=600),)
    states = [state_of(subscriber=UUID(int=200 + n)) for n in range(50)]
    dues = [move.due_at for move in run(steps, *states, random=Random(7)).moves]
    twin = Random(7)
    start = NOW + timedelta(minutes=30)
    assert dues == [start + timedelta(seconds=twin.random() * 600) for _ in range(50)]


def test_loop_without_a_wait_is_left_with_a_reason() -> None:
    state = state_of()
    decisions = run((send("hello", "hello"),), state)
    assert decisions.moves[0].status == "exited"
    assert decisions.moves[0].reason == "endless_loop"
    assert len(decisions.mails) == 2


def test_arms_ahead_stop_at_waits() -> None:
    near, far = Branch("near", (BranchArm(HasTag("a"), "pause"),), "hello"), BranchArm(HasTag("b"))
    steps = (Wait("start", 1, "near"), near, send("hello"), Wait("pause", 1, "far"))
    definition = Definition("start", (Manual(),), (*steps, Branch("far", (far,))))
    assert arms_ahead(definition, None) == []
    assert arms_ahead(definition, "start") == [("near", 0, HasTag("a"))]
    assert arms_ahead(definition, "pause") == [("far", 0, HasTag("b"))]


KEYS = [f"s{number}" for number in range(8)]
TARGET = st.one_of(st.none(), st.sampled_from(KEYS))


def step_of(key: str) -> st.SearchStrategy[Step]:
    arm = st.builds(BranchArm, st.just(HasTag("a")), TARGET)
    return st.one_of(
        st.builds(SendEmail, st.just(key), st.just(TEMPLATE), TARGET, st.just(REVISION)),
        st.builds(Wait, st.just(key), st.integers(1, 10**6), TARGET),
        st.builds(WaitUntil, st.just(key), st.just("09:00"), next=TARGET),
        st.builds(Branch, st.just(key), st.lists(arm, min_size=1, max_size=3).map(tuple), TARGET),
        st.builds(Exit, st.just(key)),
    )


@settings(max_examples=300, deadline=None)
@given(
    steps=st.tuples(*(step_of(key) for key in KEYS)),
    chance=st.randoms(use_true_random=False),
    lateness=st.integers(0, 10**6),
)
def test_anybody_in_a_valid_graph_moves_on_and_is_mailed_once_a_visit(
    steps: tuple[Step, ...], chance: Random, lateness: int
) -> None:
    definition = Definition("s0", (Manual(),), steps)
    issues = validate(definition, Surroundings(templates={TEMPLATE}))
    if any(i.severity is Severity.ERROR and i.code != "UNREACHABLE" for i in issues):
        return
    state = state_of()
    mails: list[Mail] = []
    visits = 0
    for _ in range(30):
        now = state.due_at + timedelta(seconds=lateness)
        truths = {
            (VERSION, key, at): {state.subscriber_id} if chance.random() < 0.5 else set[UUID]()
            for key, at, _ in arms_ahead(definition, state.step_key)
        }
        facts = Facts({state.subscriber_id: SUBSCRIBED}, truths)
        found = decide([state], facts, {VERSION: definition}, now, chance)
        (move,) = found.moves
        assert [visit.visit for visit in found.visits] == [*range(visits + 1, move.visit + 1)]
        mails += found.mails
        visits = move.visit
        if move.due_at is None:
            assert move.reason in {"end", "exit_step"}
            break
        assert move.due_at > state.due_at or isinstance(
            definition.step_by_key[str(move.step_key)], WaitUntil
        )
        state = state._replace(step_key=move.step_key, visit=move.visit, due_at=move.due_at)
    assert len({mail.id for mail in mails}) == len(mails)


def test_version_decides_even_when_a_draft_has_changed() -> None:
    old = Definition("a", (Manual(),), (send("a"),))
    new = replace(old, steps=(Exit("a"),))
    other = UUID(int=99)
    states = [state_of(), state_of(subscriber=UUID(int=300))._replace(version_id=other)]
    facts = Facts({s.subscriber_id: SUBSCRIBED for s in states}, {})
    decisions = decide(states, facts, {VERSION: old, other: new}, NOW, Random(1))
    assert [move.status for move in decisions.moves] == ["completed", "exited"]
