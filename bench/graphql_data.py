"""The data and the queries that `bench/graphql` serves in every way."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from domain.base.ids import new_id
from schema.base.node import decode_id, encode_id

START = datetime(2025, 1, 1, tzinfo=UTC)
SEQUENCES = 20
STEPS = 5
ENROLLMENTS = 1_000

A = """query A {
  subscribers(first: 50) {
    edges { cursor node { id email status firstName lastName timezone createdAt attributes } }
    pageInfo { hasNextPage endCursor }
  }
}"""
B = """query B {
  sequences(first: 20) {
    nodes {
      id name status
      activeVersion { number definition { steps { key kind restingCount } } }
      enrollmentCounts { active completed exited }
    }
  }
}"""
C = """query C($id: ID!) {
  subscriber(id: $id) { id email status firstName lastName timezone createdAt tags }
}"""
# Nothing was tuned on this one: two levels of lists, each with edges to one.
D = """query D {
  sequences(first: 10) {
    nodes {
      id name
      enrollments(first: 10) {
        nodes {
          id status stepKey enrolledAt
          subscriber { id email firstName }
          version { number }
        }
      }
    }
  }
}"""


def bodies(identifier: str) -> dict[str, dict[str, Any]]:
    """What is posted by query; `identifier` is that of one subscriber."""
    return {
        "A": {"query": A},
        "B": {"query": B},
        "C": {"query": C, "variables": {"id": identifier}},
        "D": {"query": D},
    }


async def fill(connection: asyncpg.Connection, workspace_id: UUID, subscribers: int) -> UUID:
    """Fill one workspace; the id of one of its subscribers."""
    people = []
    for number in range(subscribers):
        at = START + timedelta(seconds=number)
        attributes = {"plan": "pro", "orders": number % 40, "spent": number / 7, "city": "Lyon"}
        people.append(
            (
                new_id(at),
                workspace_id,
                f"person-{number}@example.com",
                "subscribed",
                f"First{number}",
                f"Last{number}",
                "Europe/Paris",
                "fr-FR",
                orjson.dumps(attributes).decode(),
                ["vip", "shop"] if number % 3 else [],
                at,
                at,
                None,
            )
        )
    await connection.copy_records_to_table("subscriber", records=people)
    ids = [row[0] for row in people]
    for number in range(SEQUENCES):
        await _fill_sequence(connection, workspace_id, number, ids)
    await connection.execute("VACUUM ANALYZE")
    return ids[len(ids) // 2]


async def _fill_sequence(
    connection: asyncpg.Connection, workspace_id: UUID, number: int, people: list[UUID]
) -> None:
    at = START + timedelta(hours=number)
    sequence_id, version_id = new_id(at), new_id(at)
    steps = [
        {
            "kind": "wait",
            "key": f"step-{step}",
            "duration_seconds": 86_400,
            "next": f"step-{step + 1}" if step < STEPS else None,
        }
        for step in range(1, STEPS + 1)
    ]
    definition = orjson.dumps(
        {"start": "step-1", "triggers": [{"kind": "manual"}], "steps": steps, "reentry": "never"}
    ).decode()
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO sequence (id, workspace_id, name, status, draft, draft_revision,"
            " active_version_id, created_at, updated_at)"
            " VALUES ($1, $2, $3, 'active', $4, 1, $5, $6, $6)",
            sequence_id,
            workspace_id,
            f"Sequence {number}",
            definition,
            version_id,
            at,
        )
        await connection.execute(
            "INSERT INTO sequence_version (id, workspace_id, sequence_id, number, definition,"
            " published_at) VALUES ($1, $2, $3, 1, $4, $5)",
            version_id,
            workspace_id,
            sequence_id,
            definition,
            at,
        )
    share = ENROLLMENTS // SEQUENCES
    columns = [
        *("id", "workspace_id", "sequence_id", "version_id", "subscriber_id", "status"),
        *("step_key", "visit", "due_at", "enrolled_at", "finished_at"),
    ]
    await connection.copy_records_to_table(
        "enrollment",
        columns=columns,
        records=[
            (
                new_id(at),
                workspace_id,
                sequence_id,
                version_id,
                people[number * share + place],
                "completed" if place % 5 == 4 else "active",
                f"step-{place % STEPS + 1}",
                1,
                None if place % 5 == 4 else at + timedelta(days=4_000),
                at,
                at if place % 5 == 4 else None,
            )
            for place in range(share)
        ],
    )


def subscriber_id(identifier: UUID) -> str:
    return encode_id("Subscriber", identifier)


def sequence_id(identifier: UUID) -> str:
    return encode_id("Sequence", identifier)


def uuid_of(identifier: str) -> UUID:
    return decode_id("Subscriber", identifier)
