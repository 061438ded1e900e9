"""A workspace with a template and people, in which sequences can be grown."""

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from uuid import UUID

from domain.base.database import Record, execute, fetch
from domain.base.ids import new_id
from domain.identity.audit import Actor
from domain.sequences.advancing import Advanced, advance_due_enrollments
from domain.sequences.definition import Definition, Manual, SendEmail, Step, Trigger
from domain.sequences.sequences import activate, create_sequence
from domain.sequences.versions import publish

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # A Wednesday.


@dataclass
class Garden:
    workspace_id: UUID
    template_id: UUID
    revision_id: UUID

    def send(self, key: str, following: str | None = None) -> SendEmail:
        return SendEmail(key, self.template_id, following)

    async def add_people(self, count: int, *, tags: tuple[str, ...] = ()) -> list[UUID]:
        people = [new_id(NOW) for _ in range(count)]
        await execute(
            """INSERT INTO subscriber (id, workspace_id, email, status, timezone, tags,
                 created_at, updated_at)
               SELECT id, $2, id || '@example.com', 'subscribed', 'Europe/Berlin', $3, $4, $4
               FROM unnest($1::uuid[]) AS id""",
            people,
            self.workspace_id,
            list(tags),
            NOW,
        )
        return people

    async def grow(self, *steps: Step, triggers: tuple[Trigger, ...] = (Manual(),)) -> UUID:
        """An active sequence of these steps."""
        definition = Definition(steps[0].key, triggers, steps)
        row = await create_sequence(self.workspace_id, "Welcome", definition, NOW)
        await publish(
            self.workspace_id, row["id"], expected_revision=1, published_by=Actor(), now=NOW
        )
        await activate(self.workspace_id, row["id"], NOW)
        sequence_id: UUID = row["id"]
        return sequence_id

    async def enrollments(self, sequence_id: UUID) -> list[Record]:
        return await fetch(
            """SELECT subscriber_id, status, reason, step_key, visit, due_at FROM enrollment
               WHERE sequence_id = $1 ORDER BY subscriber_id""",
            sequence_id,
        )

    async def messages(self) -> list[Record]:
        return await fetch(
            """SELECT id, subscriber_id, step_key, visit, status, reason FROM message
               WHERE workspace_id = $1 ORDER BY subscriber_id, visit""",
            self.workspace_id,
        )


async def plant(workspace_id: UUID) -> Garden:
    template_id, revision_id = new_id(NOW), new_id(NOW)
    await execute(
        """INSERT INTO template (id, workspace_id, name, created_at, updated_at)
           VALUES ($1, $2, 'Hello', $3, $3)""",
        template_id,
        workspace_id,
        NOW,
    )
    garden = Garden(workspace_id, template_id, revision_id)
    await revise(garden, revision_id, 1)
    return garden


async def revise(garden: Garden, revision_id: UUID, number: int) -> None:
    """Give the template a new current revision."""
    await execute(
        """INSERT INTO template_revision (id, workspace_id, template_id, number, subject, body,
             format, compiled, links, variables, created_at)
           VALUES ($1, $2, $3, $4, 'Hello', '<p>Hello</p>', 'html', '{}', '{}', '{}', $5)""",
        revision_id,
        garden.workspace_id,
        garden.template_id,
        number,
        NOW,
    )
    await execute(
        "UPDATE template SET current_revision_id = $2 WHERE id = $1",
        garden.template_id,
        revision_id,
    )


async def advance(now: datetime = NOW, limit: int = 1000) -> Advanced:
    return await advance_due_enrollments(now, Random(1), limit)
