"""Every input of every mutation, spoilt in every way we know: refused by its field, never a fault.

The schema is walked, so that a new mutation or input without a sound call fails.
"""

import copy
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
)

from domain.base import database as db
from resolvers.schema import build_schema
from tests.api.sound_calls import FILES, SOUND
from tests.api_client import Api

CORE = build_schema()._schema
assert CORE.mutation_type is not None
MUTATIONS: Final = CORE.mutation_type.fields

Path = tuple[str | int, ...]

LONGEST_MESSAGE: Final = 500
LONG: Final = "x" * 600_000
DEEP: Any = json.loads('{"a":' * 40 + "1" + "}" * 40)
TEXTS: Final[list[Any]] = [
    "", " ", "\t", "a\x01b", "\x1b[31m", "\x7f", "a\r\nBcc: eve@example.com", "\u2028", "\ufeff",
    "\u202egnp.exe", "\ufffe", "\U0010ffff", "😀" * 300, "null", "-1", "{{", "{%", "{{ x }}",
    "' OR 1=1 --", "\\", "../../etc/passwd", "<script>", "=cmd()", "%00", "\\u0000", "a@b", "@",
    "x" * 65, "x" * 201, "x" * 999,
]  # fmt: skip
NUMBERS: Final[list[Any]] = [0, -1, 2**31 - 1, -(2**31)]
TIMES: Final[list[Any]] = [
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00", "1969-12-31T23:59:59Z", "2026-03-01", "2026-03-01T00:00:00",
    "2026-03-01T00:00:00.123456789Z", "2026-03-29T02:30:00+24:00", "2026-W10-7T00:00:00Z",
]  # fmt: skip
DECIMALS: Final[list[Any]] = [
    "1e999999999", "-1e999999999", "1e-999999999", "9" * 5_000, "-0", "0.00001", 10**14, -1,
    1e308, 5e-324,
]  # fmt: skip
JSONS: Final[list[Any]] = [
    None, True, 7, 1e308, "text", [], [1], {}, {"": 1}, {"a": []}, {"a": {}}, {"a": None},
    {"a": 2**63 - 1}, {"a": 2**64 - 1}, {"a": -(2**63)}, {"a": 5e-324}, {"a": 1e308}, DEEP,
    {"x" * 500: 1},
    {f"k{number}": number for number in range(2_000)}, {"a": "x" * 100_000}, {"__proto__": 1},
    {"a\x01": "b\x02"}, {"a": {"b": {"c": [1, {"d": "e"}]}}},
]  # fmt: skip
GOOD_OR_BAD: Final[dict[str, list[Any]]] = {
    "String": TEXTS,
    "ID": [*TEXTS, "U3Vic2NyaWJlcjp4", "U3Vic2NyaWJlcjowMA==", "//////8=", LONG],
    "Int": NUMBERS,
    "Float": [*NUMBERS, 1e308, -1e308, 5e-324, 2**63],
    "Decimal": DECIMALS,
    "DateTime": TIMES,
    "JSON": JSONS,
    "Boolean": [True, False],
    "Upload": ["text"],
}
"""Some of these are taken by some inputs; none may be a fault of ours."""
NUL: Final = "a\0b"
BAD: Final[dict[str, list[Any]]] = {
    "String": [NUL, "\0", LONG, 7, 1.5, True, {}, ["a", "b"]],
    "ID": [NUL, 1.5, True, {}, ["a", "b"]],
    "Int": [2**31, -(2**31) - 1, 10**30, 1.5, "1", True, {}],
    "Float": ["1", True, {}, "NaN", "Infinity"],
    "Decimal": ["NaN", "sNaN", "Infinity", "-Infinity", "", "x", "1,5", "0x10", NUL, True, {}],
    "DateTime": ["", "x", NUL, "10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
                 "2026-02-30T00:00:00Z", "2026-03-01T25:00:00Z", 7, True, {}],
    "JSON": [{"a": NUL}, {NUL: 1}],
    "Boolean": ["true", 1, {}],
    "Upload": [7, {}],
}  # fmt: skip
"""What no input takes, by the type of the input."""


@dataclass(frozen=True)
class Leaf:
    """One input of a mutation: where it stands in the call, and its type."""

    path: Path
    type: GraphQLInputType
    owner: str
    """The input object or the mutation whose field it is, and the field."""

    @property
    def is_text(self) -> bool:
        return str(get_nullable_type(self.type)) in {"String", "ID"}

    def bad(self) -> list[Any]:
        bare = get_nullable_type(self.type)
        if is_list_type(bare):
            # One item stands for a list of one, as GraphQL has it.
            return [{"nonsense": 1}, [{"nonsense": 1}], [None]]
        if is_input_object_type(bare):
            return ["x", 7, [], {"nonsense": 1}]
        if is_enum_type(bare):
            return ["", "x", NUL, LONG, 7, True, {}, "__proto__"]
        return [
            value
            for value in BAD[get_named_type(bare).name]
            if not (value is LONG and self.owner == "signOut.refreshToken")
        ]

    def odd(self, sound: Any) -> list[Any]:
        """Values that may be taken or refused."""
        bare = get_nullable_type(self.type)
        may_be_null = [] if is_non_null_type(self.type) else [None]
        if is_list_type(bare):
            return [*may_be_null, [], sound * 2, sound * (1_001 if len(str(sound)) < 300 else 20)]
        if is_input_object_type(bare) or is_enum_type(bare):
            return may_be_null
        return [*may_be_null, *GOOD_OR_BAD[get_named_type(bare).name]]


def leaves(name: str) -> Iterator[Leaf]:
    """Every input that the sound call of a mutation uses, at every depth."""
    for key, value in SOUND[name].items():
        yield from _leaves((key,), MUTATIONS[name].args[key].type, value, f"{name}.{key}")


def _leaves(path: Path, given: GraphQLInputType, value: Any, owner: str) -> Iterator[Leaf]:
    yield Leaf(path, given, owner)
    bare = get_nullable_type(given)
    if is_list_type(bare):
        for at, item in enumerate(value):
            yield from _leaves((*path, at), bare.of_type, item, f"{owner}[]")
    elif isinstance(bare, GraphQLInputObjectType):
        for key, inner in value.items():
            yield from _leaves((*path, key), bare.fields[key].type, inner, f"{bare.name}.{key}")


def spoilt(name: str, path: Path, value: Any) -> dict[str, Any]:
    call = copy.deepcopy(SOUND[name])
    place: Any = call
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return call


MAKE = """mutation {
  createSubscriber(input: { email: "ann@example.com" }) { subscriber { id } }
  createApiKey(input: { name: "k", scopes: [READ] }) { apiKey { id } }
  createTemplate(input: { name: "t", content: { subject: "s", format: HTML,
    body: "<a href='{{ unsubscribe_url }}'>stop</a>" } }) { template { id } }
  addMember(input: { email: "max@example.com", name: "Max", password: "correct horse battery",
    role: EDITOR }) { member { id } }
  suppressAddress(email: "gone@example.com") { errors { code } }
  createSequence(input: { name: "s", draft: {} }) { sequence { id } }
  signIn(email: "ada@example.com", password: "correct horse battery") { session { refreshToken } }
}"""
START = """mutation ($s: ID!, $t: ID!) {
  updateSequenceDraft(input: { id: $s, revision: 1, draft: { triggers: [{ manual: true }],
    steps: [{ sendEmail: { key: "mail", templateId: $t } }] } }) { errors { message } }
  publishSequence(id: $s, revision: 2) { errors { message } }
  activateSequence(id: $s) { errors { message } }
}"""
JUDGING_ITEMS = {"trackEvents"}
SELECTIONS = {
    "trackEvents": "results { status error { message } }",
    "validateSequence": "isPublishable",
}


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def payload(self) -> Any:
        return next(iter((self.body.get("data") or {"": None}).values()))

    @property
    def is_refused(self) -> bool:
        """Whether all or some of it was refused, or found unsound."""
        if self.payload is None or self.payload["errors"]:
            return True
        refused = [one for one in self.payload.get("results") or () if one["error"]]
        return bool(refused) or not self.payload.get("isPublishable", True)

    def refused_fields(self) -> list[str | None]:
        return [error["field"] for error in self.payload["errors"]]

    @property
    def may_have_written(self) -> bool:
        return self.payload is not None and not self.payload["errors"]

    def faults(self) -> list[str]:
        """What is wrong with the answer, be it a refusal or not."""
        if self.status != 200:
            return [f"status {self.status}"]
        errors, payload = self.body.get("errors") or [], self.payload or {}
        codes = [error.get("extensions", {}).get("code") for error in errors]
        found = [code for code in codes if code == "INTERNAL"]
        if not errors and not payload:
            found.append("neither data nor errors")
        lengths = [len(error["message"]) for error in payload.get("errors") or ()]
        found += [f"a message of {one}" for one in lengths if not 0 < one < LONGEST_MESSAGE]
        return found


class Desk:
    """Makes calls with ids of real things, and knows whether anything was written."""

    def __init__(self, api: Api, things: dict[str, str], tables: list[str]) -> None:
        self._api = api
        self._things = things
        self._numbers = itertools.count(1)
        self._tried: set[str] = set()
        counts = [
            f"(SELECT count(*) FROM {table} WHERE xmin::text::bigint >= $1)" for table in tables
        ]
        self._written = f"SELECT {' + '.join(counts)}"

    def values(self, leaf: Leaf, sound: Any) -> tuple[list[Any], list[Any]]:
        """What must be refused and what may be: all of it the first time, then NUL only."""
        if leaf.owner in self._tried:
            return ([NUL] if leaf.is_text else []), []
        self._tried.add(leaf.owner)
        return leaf.bad(), leaf.odd(sound)

    async def transactions(self) -> int:
        """The number of the next transaction that writes; the others are given none."""
        number = await db.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        assert isinstance(number, int)
        return number

    async def has_written(self, since: int) -> bool:
        """Whether there is a row of that transaction or a later one."""
        if await self.transactions() == since:
            return False
        return bool(await db.fetchval(self._written, since))

    async def call(self, name: str, arguments: dict[str, Any]) -> Answer:
        declared = ", ".join(f"${key}: {MUTATIONS[name].args[key].type}" for key in arguments)
        given = ", ".join(f"{key}: ${key}" for key in arguments)
        asked = f"errors {{ field message code }} {SELECTIONS.get(name, '')}"
        operation = f"mutation ({declared}) {{ {name}({given}) {{ {asked} }} }}"
        variables = self._filled(arguments, str(next(self._numbers)))
        if name in FILES and variables["file"] is None:
            del variables["file"]
            response = await self._api.upload(operation, {"file": FILES[name]}, **variables)
        else:
            response = await self._api.post(operation, **variables)
        return Answer(response.status_code, response.json())

    def _filled(self, value: Any, number: str) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(inner, number) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner, number) for inner in value]
        if isinstance(value, str):
            return self._things.get(value) or value.replace("{n}", number)
        return value


@pytest.fixture
async def desk(api: Api) -> Desk:
    made = await api.run(MAKE)
    things = {
        "@Subscriber": made["createSubscriber"]["subscriber"]["id"],
        "@ApiKey": made["createApiKey"]["apiKey"]["id"],
        "@Template": made["createTemplate"]["template"]["id"],
        "@Member": made["addMember"]["member"]["id"],
        "@Sequence": made["createSequence"]["sequence"]["id"],
        "@refreshToken": made["signIn"]["session"]["refreshToken"],
    }
    started = await api.run(START, s=things["@Sequence"], t=things["@Template"])
    assert [payload["errors"] for payload in started.values()] == [[], [], []]
    rows = await db.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace AND relname <> 'tortoise_migrations'"
    )
    return Desk(api, things, [row["relname"] for row in rows])


async def find_faults(desk: Desk, name: str) -> list[str]:
    found = []
    for leaf in leaves(name):
        sound: Any = SOUND[name]
        for key in leaf.path:
            sound = sound[key]
        bad, odd = desk.values(leaf, sound)
        for number, value in enumerate([*bad, *odd]):
            where = f"{name} {'.'.join(map(str, leaf.path))} = {str(value)[:40]!r}"
            since = await desk.transactions()
            answer = await desk.call(name, spoilt(name, leaf.path, value))
            found += [f"{where}: {fault}" for fault in answer.faults()]
            if number < len(bad) and not answer.is_refused:
                found.append(f"{where}: taken")
            if value is NUL and answer.payload is not None and name not in JUDGING_ITEMS:
                place = leaf.path[leaf.path[0] == "input" :]
                if answer.refused_fields() != [".".join(map(str, place))]:
                    found.append(f"{where}: refused as {answer.refused_fields()}")
            if answer.may_have_written:
                # An edit by one call must not be the conflict of the next.
                await db.execute("UPDATE sequence SET draft_revision = 1 WHERE draft_revision > 1")
            elif await desk.has_written(since):
                found.append(f"{where}: written though refused")
    return found


async def test_spoilt_input_is_refused_and_writes_nothing(desk: Desk) -> None:
    await db.execute("UPDATE sequence SET draft_revision = 1")
    faults = []
    for name in SOUND:
        faults += await find_faults(desk, name)
    assert faults == []


async def test_the_calls_that_are_spoilt_are_sound(desk: Desk) -> None:
    for name, arguments in SOUND.items():
        await db.execute("UPDATE sequence SET draft_revision = 1")
        since = await desk.transactions()
        answer = await desk.call(name, arguments)
        assert (name, answer.is_refused, answer.faults()) == (name, False, []), answer.body
        # Were this not seen, "nothing written" would mean nothing.
        if name.startswith("create"):
            assert (name, await desk.has_written(since)) == (name, True)


def test_every_input_of_every_mutation_is_tried() -> None:
    assert sorted(SOUND) == sorted(MUTATIONS)
    tried = {str(get_named_type(leaf.type)) for name in SOUND for leaf in leaves(name)}
    for name, described in MUTATIONS.items():
        assert (name, sorted(SOUND[name])) == (name, sorted(described.args))
    used: set[tuple[str, str]] = set()
    for name in SOUND:
        for key, value in SOUND[name].items():
            used |= set(_fields_used(MUTATIONS[name].args[key], value))
    for typename in tried:
        described = CORE.type_map[typename]
        if isinstance(described, GraphQLInputObjectType):
            for key in described.fields:
                assert (typename, key) in used


def _fields_used(
    given: GraphQLArgument | GraphQLInputField, value: Any
) -> Iterator[tuple[str, str]]:
    bare = get_nullable_type(given.type)
    values = value if is_list_type(bare) else [value]
    inner = get_named_type(bare)
    if isinstance(inner, GraphQLInputObjectType):
        for one in values:
            for key, below in one.items():
                yield inner.name, key
                yield from _fields_used(inner.fields[key], below)


@pytest.mark.parametrize("text", [r"\ud800", r"a\udfffb", r"\udc00\ud800"])
async def test_half_a_character_is_no_text(api: Api, text: str) -> None:
    operation = "mutation ($email: String!) { suppressAddress(email: $email) { errors { code } } }"
    body = f'{{"query": "{operation}", "variables": {{"email": "{text}"}}}}'
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"}
    response = await api.client.post("/graphql", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == "Unable to parse request body as JSON"
    (error,) = await api.errors(
        f'mutation {{ suppressAddress(email: "{text}") {{ errors {{ code }} }} }}'
    )
    assert error["message"].startswith("Syntax Error: Invalid Unicode escape sequence")
