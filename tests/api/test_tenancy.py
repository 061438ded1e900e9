"""Another workspace's ids answer exactly as ids that do not exist, wherever an id is taken."""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from graphql import (
    GraphQLInputType,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    is_object_type,
    is_required_argument,
    is_required_input_field,
    is_scalar_type,
)

from domain.base import database as db
from domain.base.clock import now
from domain.base.ids import new_id
from domain.base.settings import Settings
from domain.identity.accounts import Session
from domain.sequences.advancing import advance_due_enrollments
from resolvers.schema import build_schema
from schema.base.node import encode_id, node_types, split_id
from server.app import create_app
from tests.api.tenancy_cases import CASES, SUBSCRIPTIONS, Case
from tests.api_client import Api
from tests.conftest import Prepared
from tests.served import served

CORE = build_schema()._schema


def paths(given: GraphQLInputType, path: str, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Where ids stand inside an argument; a type inside itself is looked at once."""
    bare = get_nullable_type(given)
    if is_list_type(bare):
        yield from paths(bare.of_type, f"{path}[]", above)
    elif is_scalar_type(bare) and bare.name == "ID":
        yield path
    elif is_input_object_type(bare) and bare.name not in above:
        for name, inner in bare.fields.items():
            yield from paths(inner.type, f"{path}.{name}", (*above, bare.name))


def places() -> set[str]:
    """Every place in the schema at which a client may write an id."""
    return {
        f"{type_.name}.{name}({path})"
        for type_ in CORE.type_map.values()
        if is_object_type(type_) and not type_.name.startswith("__")
        for name, described in type_.fields.items()
        for argument, given in described.args.items()
        for path in paths(given.type, argument)
    }


def test_every_place_for_an_id_has_its_case() -> None:
    stated = {name.partition(" of ")[0] for name in {**CASES, **SUBSCRIPTIONS}}
    assert stated == places()


def test_every_node_can_be_looked_up_by_its_id() -> None:
    nodes = {
        type_.name
        for type_ in CORE.type_map.values()
        if is_object_type(type_) and any(one.name == "Node" for one in type_.interfaces)
    }
    assert node_types() == nodes


MAKE = """mutation ($email: String!, $file: Upload) {
  createSubscriber(input: { email: $email }) { subscriber { id } }
  createApiKey(input: { name: "k", scopes: [READ] }) { apiKey { id } }
  createTemplate(input: { name: "t", content: { subject: "s", format: HTML,
    body: "<a href='{{ unsubscribe_url }}'>stop</a>" } }) { template { id revision { id } } }
  suppressAddress(email: "gone@example.com") { suppression { id } }
}"""


async def make_world(api: Api, email: str) -> dict[str, str]:
    """One thing of each kind in this workspace, by typename; made through the public API."""
    made = await api.run(MAKE.replace(", $file: Upload", ""), email=email)
    template, person = made["createTemplate"]["template"], made["createSubscriber"]["subscriber"]
    world = {
        "Subscriber": person["id"],
        "ApiKey": made["createApiKey"]["apiKey"]["id"],
        "Template": template["id"],
        "TemplateRevision": template["revision"]["id"],
        "Suppression": made["suppressAddress"]["suppression"]["id"],
    }
    sequence = await api.run(
        'mutation ($t: ID!) { createSequence(input: { name: "s", draft: {'
        ' triggers: [{ manual: true }], steps: [{ sendEmail: { key: "mail", templateId: $t } }]'
        " } }) { sequence { id } } }",
        t=template["id"],
    )
    identifier = world["Sequence"] = sequence["createSequence"]["sequence"]["id"]
    published = await api.run(
        "mutation ($s: ID!) { publishSequence(id: $s, revision: 1) { version { id } } }",
        s=identifier,
    )
    world["SequenceVersion"] = published["publishSequence"]["version"]["id"]
    await api.run(
        "mutation ($s: ID!) { activateSequence(id: $s) { errors { message } } }", s=identifier
    )
    enrolled = await api.run(
        "mutation ($s: ID!, $p: ID!) { enroll(input: { sequenceId: $s, subscriberIds: [$p] })"
        " { enrollments { id } } }",
        s=identifier,
        p=person["id"],
    )
    world["Enrollment"] = enrolled["enroll"]["enrollments"][0]["id"]
    tracked = await api.run(
        'mutation ($p: ID!) { trackEvents(events: [{ subscriberId: $p, name: "order" }])'
        " { results { eventId } } }",
        p=person["id"],
    )
    world["Event"] = tracked["trackEvents"]["results"][0]["eventId"]
    uploaded = await api.upload(
        "mutation ($file: Upload!) { importSubscribers(file: $file) { job { id } } }",
        {"file": ("people.csv", b"email\nx@example.com\n")},
    )
    world["Job"] = uploaded.json()["data"]["importSubscribers"]["job"]["id"]
    seen = await api.run("{ viewer { workspace { id } user { id } } members { id } }")
    world["Workspace"] = seen["viewer"]["workspace"]["id"]
    world["User"] = seen["viewer"]["user"]["id"]
    world["Member"] = seen["members"][0]["id"]
    return world


@dataclass(frozen=True)
class Worlds:
    api: Api
    mine: dict[str, str]
    theirs: dict[str, str]
    their_workspace: object


@pytest.fixture
async def worlds(api: Api, stranger: Api, prepared: Prepared) -> Worlds:
    mine, theirs = (
        await make_world(api, "a@example.com"),
        await make_world(stranger, "b@example.com"),
    )
    later = now() + timedelta(seconds=1)
    await advance_due_enrollments(later, random.Random(1))
    rows = await db.fetch("SELECT id, workspace_id FROM message")
    for row in rows:
        owner = theirs if row["workspace_id"] == prepared.eve.workspace_id else mine
        owner["Message"] = encode_id("Message", row["id"])
    return Worlds(api, mine, theirs, prepared.eve.workspace_id)


async def footprint(workspace: object) -> list[Any]:
    """Every row of a workspace, as a hash for each table."""
    tables = await db.fetch(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attname = 'workspace_id'"
        " AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    return [
        await db.fetchval(
            f"SELECT md5(string_agg(t::text, '|' ORDER BY t.id)) FROM {table} t"
            " WHERE workspace_id = $1",
            workspace,
        )
        for (table,) in tables
    ]


def missing_id(typename: str) -> str:
    return encode_id(typename, new_id(datetime(2026, 1, 1, tzinfo=UTC)))


async def answer(worlds: Worlds, case: Case, identifier: str) -> tuple[int, Any]:
    # An edit by one case must not be the conflict of the next.
    await db.execute(
        "UPDATE sequence SET draft_revision = 1 WHERE workspace_id <> $1", worlds.their_workspace
    )
    others = {name: worlds.mine[typename] for name, typename in case.others.items()}
    response = await worlds.api.post(case.operation, id=identifier, **others)
    told = json.loads(response.text.replace(identifier, "THE ID"))
    # What a call cost is told as well; when the budget is full again depends on the clock.
    told.get("extensions", {}).get("cost", {}).pop("resetsAt", None)
    return response.status_code, told


async def test_a_strangers_id_answers_as_one_that_does_not_exist(worlds: Worlds) -> None:
    before = await footprint(worlds.their_workspace)
    for name, case in CASES.items():
        missing = await answer(worlds, case, missing_id(case.typename))
        foreign = await answer(worlds, case, worlds.theirs[case.typename])
        assert (name, foreign) == (name, missing)
        assert (name, await footprint(worlds.their_workspace)) == (name, before)


async def test_an_id_of_another_type_answers_as_one_that_does_not_exist(worlds: Worlds) -> None:
    for name, case in CASES.items():
        parts = split_id(worlds.mine[case.typename])
        assert parts is not None
        wrong = await answer(worlds, case, encode_id("Nothing", parts[1]))
        missing = await answer(worlds, case, missing_id(case.typename))
        assert (name, wrong) == (name, missing)


async def test_the_cases_tell_ones_own_ids_from_those_that_do_not_exist(worlds: Worlds) -> None:
    # What ends things comes last, so that it is not in the way of the rest.
    ends = re.compile("pause|archive|revoke")
    for name, case in sorted(CASES.items(), key=lambda item: bool(ends.search(item[0]))):
        missing = await answer(worlds, case, missing_id(case.typename))
        own = await answer(worlds, case, worlds.mine[case.typename])
        assert (name, own != missing) == (name, case.tells)


async def test_a_strangers_id_cannot_be_watched(worlds: Worlds, settings: Settings) -> None:
    await db.disconnect()
    async with served(create_app(settings)) as address, httpx.AsyncClient() as client:

        async def events(case: Case, identifier: str) -> str:
            response = await client.post(
                f"http://{address}/graphql",
                json={"query": case.operation, "variables": {"id": identifier}},
                headers={
                    "Accept": "text/event-stream",
                    "Authorization": f"Bearer {worlds.api.token}",
                },
            )
            return response.text.replace(identifier, "THE ID")

        for case in SUBSCRIPTIONS.values():
            foreign = await events(case, worlds.theirs[case.typename])
            assert foreign == await events(case, missing_id(case.typename))
            assert "NOT_FOUND" in foreign


async def test_nobody_sees_anything_without_signing_in(api: Api, session: Session) -> None:
    """Each root field that is not open answers UNAUTHENTICATED before it looks at anything."""
    open_fields = {"viewer", "signUp", "signIn", "refreshSession", "signOut"}
    nobody = api.as_nobody()
    for root, kind in ((CORE.query_type, "query"), (CORE.mutation_type, "mutation")):
        assert root is not None
        for name, described in root.fields.items():
            if name in open_fields:
                continue
            operation, variables = call_of(kind, name, described)
            error = (await nobody.errors(operation, **variables))[0]
            assert (name, error.get("extensions")) == (name, {"code": "UNAUTHENTICATED"})


def call_of(kind: str, name: str, described: Any) -> tuple[str, dict[str, Any]]:
    """A valid call of a root field with something in each argument that it needs."""
    needed = {key: value for key, value in described.args.items() if is_required_argument(value)}
    declared = ", ".join(f"${key}: {value.type}" for key, value in needed.items())
    given = ", ".join(f"{key}: ${key}" for key in needed)
    selection = " { __typename }" if not is_scalar_type(get_named_type(described.type)) else ""
    if needed:
        operation = f"{kind} ({declared}) {{ {name}({given}){selection} }}"
    else:
        operation = f"{kind} {{ {name}{selection} }}"
    return operation, {key: sample(value.type) for key, value in needed.items()}


def sample(given: GraphQLInputType) -> Any:
    bare = get_nullable_type(given)
    if is_list_type(bare):
        return [sample(bare.of_type)]
    if is_input_object_type(bare):
        if bare.is_one_of:
            name, inner = next(iter(bare.fields.items()))
            return {name: sample(inner.type)}
        return {
            name: sample(inner.type)
            for name, inner in bare.fields.items()
            if is_required_input_field(inner)
        }
    named = get_named_type(bare)
    if hasattr(named, "values"):
        return next(iter(named.values))
    return {"Int": 1, "Boolean": True, "DateTime": "2026-01-01T00:00:00Z"}.get(named.name, "x")
