"""Walk people through a sequence of eight steps beside bare writes of the same rows.

Each round enrolls new people and advances them three times, batch by batch, as a worker does:
claim, facts, conditions, decisions, write-back, counters. Beside it the very rows that the engine
decides for as many other people are written by one UPDATE, one COPY and one INSERT a batch, with
nothing else. Rounds are interleaved and the medians taken. `steps_per_second` counts step visits;
`ratio_to_bare_writes` divides it by the bare rate of the same round; `pure_steps_per_second` is
the deciding alone.
"""

import argparse
import asyncio
import cProfile
import pstats
import statistics
import time
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import asyncpg
import orjson

from domain.audience.conditions.tree import (
    AnyOf,
    Attribute,
    Engagement,
    EngagementAction,
    EventCount,
    HasTag,
    Not,
    NumberOperator,
    TextOperator,
    TextTest,
)
from domain.base import database, partitions
from domain.base.ids import fact_id, new_id
from domain.base.migrations import migrate
from domain.identity.audit import Actor
from domain.sequences.advancing import ADVANCE_BATCH, advance_due_enrollments
from domain.sequences.definition import (
    Branch,
    BranchArm,
    Definition,
    Exit,
    Manual,
    SendEmail,
    Wait,
    WaitUntil,
)
from domain.sequences.engine import (
    ACTIVE,
    Decisions,
    Facts,
    Mail,
    Person,
    State,
    Visit,
    arms_ahead,
    decide,
)
from domain.sequences.enrollments import enroll
from domain.sequences.sequences import activate, create_sequence, update_draft
from domain.sequences.versions import load_definitions, publish
from server.embedded import temporary_stores

START = datetime(2026, 3, 2, 12, tzinfo=UTC)  # A Monday.
WAVES = (START, START + timedelta(days=1), START + timedelta(days=3))
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", None)

MOVE = """
UPDATE enrollment e SET status = m.status, reason = m.reason, step_key = m.step_key,
       visit = m.visit, due_at = m.due_at, finished_at = m.finished_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[], $6::timestamptz[],
            $7::timestamptz[]) AS m (id, status, reason, step_key, visit, due_at, finished_at)
WHERE e.id = m.id
"""
QUEUE = f"""
INSERT INTO message ({", ".join(Mail._fields)}, status, send_after, queued_at)
SELECT m.*, 'queued', $10, $10 FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[],
    $5::uuid[], $6::uuid[], $7::text[], $8::int[], $9::uuid[]) AS m
"""


def definition_with(template_id: UUID, sequence_id: UUID) -> Definition:
    is_big = AnyOf(
        (HasTag("vip"), Attribute("plan", TextTest(TextOperator.EQUALS, ("pro", "team"))))
    )
    has_read = Engagement(EngagementAction.CLICKED, sequence_id, "hello")
    has_bought = EventCount("order", NumberOperator.AT_LEAST, 2, within_seconds=30 * 86_400)
    return Definition(
        "who",
        (Manual(),),
        (
            Branch("who", (BranchArm(is_big, "gift"),), "hello"),
            SendEmail("gift", template_id, "pause"),
            SendEmail("hello", template_id, "pause"),
            Wait("pause", 86_400, "what"),
            Branch("what", (BranchArm(has_bought, "thanks"), BranchArm(Not(has_read), "nudge"))),
            SendEmail("thanks", template_id, "until"),
            SendEmail("nudge", template_id, "until"),
            WaitUntil("until", "09:00", (1, 2, 3, 4, 5), next="bye"),
            SendEmail("bye", template_id, "out"),
            Exit("out"),
        ),
    )


class Ground:
    """A workspace with a template and an active sequence."""

    workspace_id: UUID
    sequence_id: UUID
    twin_id: UUID
    twin_version_id: UUID

    async def prepare(self) -> None:
        self.workspace_id = new_id(START)
        template_id, revision_id = new_id(START), new_id(START)
        await database.execute(
            """INSERT INTO workspace (id, name, on_unknown, is_demo, created_at)
               VALUES ($1, 'Bench', 'hold', false, $2)""",
            self.workspace_id,
            START,
        )
        await database.execute(
            """INSERT INTO template (id, workspace_id, name, created_at, updated_at)
               VALUES ($1, $2, 'Hello', $3, $3)""",
            template_id,
            self.workspace_id,
            START,
        )
        await database.execute(
            """INSERT INTO template_revision (id, workspace_id, template_id, number, subject, body,
                 format, compiled, links, variables, created_at)
               VALUES ($1, $2, $3, 1, 'Hello', 'Hello', 'html', '{}', '{}', '{}', $4)""",
            revision_id,
            self.workspace_id,
            template_id,
            START,
        )
        await database.execute("UPDATE template SET current_revision_id = $1", revision_id)
        self.sequence_id, _ = await self._grow(template_id)
        self.twin_id, self.twin_version_id = await self._grow(template_id)
        await partitions.ensure_ahead(START)

    async def _grow(self, template_id: UUID) -> tuple[UUID, UUID]:
        row = await create_sequence(self.workspace_id, "Bench", Definition(), START)
        await update_draft(
            self.workspace_id,
            row["id"],
            expected_revision=1,
            now=START,
            definition=definition_with(template_id, row["id"]),
        )
        version = await publish(
            self.workspace_id, row["id"], expected_revision=2, published_by=Actor(), now=START
        )
        await activate(self.workspace_id, row["id"], START)
        return row["id"], version["id"]

    async def add_people(self, count: int, chance: Random) -> list[UUID]:
        people = [new_id(START) for _ in range(count)]
        async with database.connection() as raw:
            await raw.copy_records_to_table(
                "subscriber",
                columns=(
                    *("id", "workspace_id", "email", "status", "timezone", "attributes"),
                    *("tags", "created_at", "updated_at"),
                ),
                records=[
                    (
                        person,
                        self.workspace_id,
                        f"{person}@example.com",
                        "subscribed",
                        chance.choice(ZONES),
                        orjson.dumps({"plan": chance.choice(("free", "pro")), "n": 1}).decode(),
                        chance.sample(("vip", "new", "web"), chance.randrange(3)),
                        START,
                        START,
                    )
                    for person in people
                ],
            )
            await raw.copy_records_to_table(
                "event",
                columns=(
                    *("id", "workspace_id", "subscriber_id", "kind", "name", "properties"),
                    *("occurred_at", "recorded_at", "actor"),
                ),
                records=[
                    (
                        fact_id(START, person, number),
                        self.workspace_id,
                        person,
                        "custom",
                        chance.choice(("order", "visit")),
                        "{}",
                        START,
                        START,
                        "human",
                    )
                    for person in people
                    for number in range(3)
                ],
            )
            await raw.execute("ANALYZE subscriber, event, enrollment, message, decision")
        return people


async def run_engine(ground: Ground, people: list[UUID], chance: Random) -> tuple[int, float]:
    """Step visits, and the seconds they took."""
    await enroll(ground.workspace_id, ground.sequence_id, people, START)
    steps, taken = 0, 0.0
    for now in WAVES:
        began = time.perf_counter()
        while (batch := await advance_due_enrollments(now, chance)).enrollments:
            steps += batch.steps
        taken += time.perf_counter() - began
    return steps, taken


async def run_bare(ground: Ground, people: list[UUID], chance: Random) -> tuple[int, float, float]:
    """Step visits, the seconds that writing their rows took, and those of deciding them."""
    await database.execute("UPDATE sequence SET status = 'active' WHERE id = $1", ground.twin_id)
    await enroll(ground.workspace_id, ground.twin_id, people, START)
    await database.execute("UPDATE sequence SET status = 'paused' WHERE id = $1", ground.twin_id)
    definitions = await load_definitions([(ground.twin_version_id, ground.workspace_id)])
    definition = definitions[ground.twin_version_id]
    states = [
        State(
            fact_id(START, ground.twin_id, person, 1),
            ground.workspace_id,
            ground.twin_id,
            ground.twin_version_id,
            person,
            None,
            0,
            START,
        )
        for person in people
    ]
    persons = {p: Person("subscribed", chance.choice(ZONES), is_suppressed=False) for p in people}
    steps, taken, deciding = 0, 0.0, 0.0
    for now in WAVES:
        rests: list[State] = []
        for at in range(0, len(states), ADVANCE_BATCH):
            batch = states[at : at + ADVANCE_BATCH]
            truths = {
                (ground.twin_version_id, key, number): {
                    state.subscriber_id for state in batch if chance.random() < 0.5
                }
                for key, number, _ in arms_ahead(definition, batch[0].step_key)
            }
            began = time.perf_counter()
            decisions = decide(batch, Facts(persons, truths), definitions, now, chance)
            deciding += time.perf_counter() - began
            taken += await write_bare(decisions, now)
            steps += len(decisions.visits)
            for state, move in zip(batch, decisions.moves, strict=True):
                if move.status == ACTIVE and move.due_at is not None:
                    rest = state._replace(step_key=move.step_key, visit=move.visit)
                    rests.append(rest._replace(due_at=move.due_at))
        states = rests
    return steps, taken, deciding


async def write_bare(decisions: Decisions, now: datetime) -> float:
    began = time.perf_counter()
    async with database.connection() as raw, raw.transaction():
        await raw.execute(MOVE, *map(list, zip(*decisions.moves, strict=True)))
        await raw.copy_records_to_table("decision", records=decisions.visits, columns=Visit._fields)
        await raw.execute(QUEUE, *map(list, zip(*decisions.mails, strict=True)), now)
    return time.perf_counter() - began


async def measure(url: str, people: int, rounds: int, *, profile: bool) -> dict[str, object]:
    await migrate(url)
    await database.connect(url, pool_max=4)
    chance = Random(7)
    ground = Ground()
    await ground.prepare()
    total, rates, ratios, pure = 0, [], [], []
    profiler = cProfile.Profile()
    for number in range(rounds):
        mine = await ground.add_people(people, chance)
        others = await ground.add_people(people, chance)
        if profile and number:
            profiler.enable()
        steps, taken = await run_engine(ground, mine, chance)
        profiler.disable()
        bare_steps, bare_taken, deciding = await run_bare(ground, others, chance)
        total += steps
        rates.append(steps / taken)
        ratios.append((steps / taken) / (bare_steps / bare_taken))
        pure.append(bare_steps / deciding)
        print(
            f"round {number + 1}: {rates[-1]:,.0f} steps a second, bare "
            f"{bare_steps / bare_taken:,.0f}, deciding alone {pure[-1]:,.0f}"
        )
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(35)
    await database.disconnect()
    return {
        "steps": total,
        "steps_per_second": round(statistics.median(rates)),
        "ratio_to_bare_writes": round(statistics.median(ratios), 3),
        "pure_steps_per_second": round(statistics.median(pure)),
        "advances_per_second": round(
            statistics.median(rates) * len(WAVES) * people * rounds / total
        ),
        "people": people,
        "rounds": rounds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="show where Python's time goes")
    given = parser.parse_args()
    with temporary_stores() as urls:
        admin_url = urls.database_url
        before, _, query = admin_url.partition("?")
        url = f"{before[: before.rindex('/')]}/bench_engine?{query}"

        async def run() -> dict[str, object]:
            admin = await asyncpg.connect(admin_url)
            await admin.execute("CREATE DATABASE bench_engine")
            await admin.close()
            return await measure(url, given.people, given.rounds, profile=given.profile)

        print(orjson.dumps(asyncio.run(run())).decode())


if __name__ == "__main__":
    main()
