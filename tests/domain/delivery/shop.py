"""A workspace with people in a sequence, as rows, and messages for them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.base.clock import now
from domain.base.database import execute, fetch, to_json
from domain.base.ids import new_id
from domain.base.shapes import encode
from domain.content.compilation import prepare_template
from domain.content.models import BodyFormat
from domain.delivery.messages import NewMessage, insert_messages, message_id


def this_minute() -> datetime:
    return now().astimezone(UTC).replace(second=0, microsecond=0)


@dataclass
class Shop:
    """One sequence with one step, `hello`; `at` is the time of its making."""

    workspace_id: UUID
    at: datetime
    sequence_id: UUID
    version_id: UUID
    revision_id: UUID
    people: list[UUID] = field(default_factory=list)
    enrollments: list[UUID] = field(default_factory=list)

    async def add_people(self, emails: list[str]) -> None:
        people = [new_id(self.at) for _ in emails]
        enrollments = [new_id(self.at) for _ in emails]
        await execute(
            """INSERT INTO subscriber (id, workspace_id, email, status, created_at, updated_at)
               SELECT p.id, $1, p.email, 'subscribed', $2, $2
               FROM unnest($3::uuid[], $4::text[]) AS p (id, email)""",
            self.workspace_id, self.at, people, emails,
        )  # fmt: skip
        await execute(
            """INSERT INTO enrollment (id, workspace_id, sequence_id, version_id, subscriber_id,
                                       status, step_key, enrolled_at)
               SELECT e.id, $1, $2, $3, e.person, 'active', 'hello', $4
               FROM unnest($5::uuid[], $6::uuid[]) AS e (id, person)""",
            self.workspace_id, self.sequence_id, self.version_id, self.at, enrollments, people,
        )  # fmt: skip
        self.people += people
        self.enrollments += enrollments

    def message(self, number: int, *, visit: int = 1, deadline: float | None = None) -> NewMessage:
        """The message of a person's visit; `deadline` is seconds after `at`."""
        return NewMessage(
            message_id(self.at, self.enrollments[number], visit),
            self.workspace_id,
            self.people[number],
            self.enrollments[number],
            self.sequence_id,
            self.version_id,
            "hello",
            visit,
            self.revision_id,
            self.at,
            None if deadline is None else self.at + timedelta(seconds=deadline),
        )

    async def queue(self, count: int) -> list[UUID]:
        """Queue one message for each of `count` new people and return the messages' ids."""
        before = len(self.people)
        await self.add_people([f"p{before + n}@example.com" for n in range(count)])
        messages = [self.message(before + n) for n in range(count)]
        await insert_messages(messages, self.at)
        return [message.id for message in messages]

    async def statuses(self) -> dict[UUID, str]:
        rows = await fetch("SELECT id, status FROM message WHERE workspace_id = $1",
                           self.workspace_id)  # fmt: skip
        return {row["id"]: row["status"] for row in rows}

    async def counters(self) -> dict[str, int]:
        """The rollup's counters that are not zero."""
        rows = await fetch(
            """SELECT sum(queued)::int queued, sum(sent)::int sent, sum(skipped)::int skipped,
                      sum(failed)::int failed, sum(unknown)::int unknown
               FROM message_rollup WHERE sequence_id = $1""",
            self.sequence_id,
        )
        return {key: value for key, value in rows[0].items() if value}


SUBJECT = "Hello {{ subscriber.email }}"
BODY = """<html><body><p>Hello {{ subscriber.email }}, <a href="https://shop.example/new">look
here</a>.</p><p><a href="{{ unsubscribe_url }}">Leave</a></p></body></html>"""


async def open_shop(workspace_id: UUID, subject: str = SUBJECT, body: str = BODY) -> Shop:
    at = this_minute()
    prepared = prepare_template(subject, body, BodyFormat.HTML, None)
    template, revision, sequence, version = (new_id(at) for _ in range(4))
    await execute(
        """INSERT INTO template (id, workspace_id, name, created_at, updated_at)
           VALUES ($1, $2, 'Hello', $3, $3)""",
        template, workspace_id, at,
    )  # fmt: skip
    await execute(
        """INSERT INTO template_revision (id, workspace_id, template_id, number, subject, body,
                                          format, compiled, links, variables, created_at)
           VALUES ($1, $2, $3, 1, $4, $5, 'html', $6, $7, $8, $9)""",
        revision, workspace_id, template, subject, body, to_json(encode(prepared)),
        list(prepared.links), list(prepared.variables), at,
    )  # fmt: skip
    await execute(
        """INSERT INTO sequence (id, workspace_id, name, status, draft, draft_revision,
                                 created_at, updated_at)
           VALUES ($1, $2, 'Welcome', 'active', '{}', 1, $3, $3)""",
        sequence, workspace_id, at,
    )  # fmt: skip
    await execute(
        """INSERT INTO sequence_version (id, workspace_id, sequence_id, number, definition,
                                         published_at)
           VALUES ($1, $2, $3, 1, '{}', $4)""",
        version, workspace_id, sequence, at,
    )  # fmt: skip
    return Shop(workspace_id, at, sequence, version, revision)
