"""`schema.graphql` reads as documentation: nothing in it goes without a word."""

import re
from collections.abc import Iterator
from typing import cast

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_nullable_type,
    is_introspection_type,
    is_list_type,
    is_specified_directive,
    is_specified_scalar_type,
)

from resolvers.schema import SDL_PATH

DATE = re.compile(r"\b20\d\d-[01]\d-[0-3]\d\b")
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\w\s]")
SAYING_NOTHING = {"the", "a", "an", "of", "its", "their", "."}

Described = tuple[str, str | None, str | None]


def entries(schema: GraphQLSchema) -> Iterator[Described]:
    """Everything that can be described: where it is, its description, why it is deprecated."""
    for name, kind in schema.type_map.items():
        if not (is_introspection_type(kind) or is_specified_scalar_type(kind)):
            yield name, kind.description, None
            for inner, description, deprecation in members(kind):
                yield f"{name}.{inner}", description, deprecation
    for directive in schema.directives:
        if not is_specified_directive(directive):
            yield f"@{directive.name}", directive.description, None


def members(kind: GraphQLNamedType) -> Iterator[Described]:
    if isinstance(kind, GraphQLEnumType):
        for key, value in kind.values.items():
            yield key, value.description, value.deprecation_reason
    elif isinstance(kind, GraphQLInputObjectType):
        for key, given in kind.fields.items():
            yield key, given.description, given.deprecation_reason
    elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        for key, field in kind.fields.items():
            yield key, field.description, field.deprecation_reason
            for argument, asked in field.args.items():
                yield f"{key}({argument})", asked.description, asked.deprecation_reason


def undescribed(schema: GraphQLSchema) -> list[str]:
    return [
        name
        for name, description, _ in entries(schema)
        if description is None or not words(description) - words(name.split(".")[-1])
    ]


def words(text: str) -> set[str]:
    return {word.lower() for word in WORD.findall(text)} - SAYING_NOTHING


def undated_deprecations(schema: GraphQLSchema) -> list[str]:
    return [
        name
        for name, _, reason in entries(schema)
        if reason is not None and not DATE.search(reason)
    ]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(SDL_PATH.read_text(encoding="utf-8"))


def test_everything_is_described(schema: GraphQLSchema) -> None:
    assert undescribed(schema) == []


def test_a_deprecation_says_since_or_until_when(schema: GraphQLSchema) -> None:
    assert undated_deprecations(schema) == []


def test_what_is_counted_in_seconds_says_so(schema: GraphQLSchema) -> None:
    silent = [
        name
        for name, description, _ in entries(schema)
        if re.search(r"(Seconds|PerSecond)\)?$", name) and "second" not in (description or "")
    ]
    assert silent == []


def test_each_list_that_is_given_says_how_long_it_may_be(schema: GraphQLSchema) -> None:
    given = [
        (f"{name}.{key}", value)
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLInputObjectType)
        for key, value in kind.fields.items()
    ] + [
        (f"{name}.{key}({argument})", value)
        for name in ("Query", "Mutation", "Subscription")
        for key, field in cast("GraphQLObjectType", schema.type_map[name]).fields.items()
        for argument, value in field.args.items()
    ]
    unlimited = [
        name
        for name, value in given
        if is_list_type(get_nullable_type(value.type))
        and not re.search(r"\d", value.description or "")
    ]
    assert unlimited == []


def test_each_kind_of_entry_is_looked_at() -> None:
    silent = build_schema(
        """
        directive @mine on FIELD
        scalar Moment
        enum Kind { ONE }
        input Given { value: Int }
        union Thing = Query
        interface Named { name: String }
        type Query { read(given: Given, at: Moment, kind: Kind): Thing, named: Named }
        """
    )
    assert sorted(undescribed(silent)) == [
        "@mine",
        "Given",
        "Given.value",
        "Kind",
        "Kind.ONE",
        "Moment",
        "Named",
        "Named.name",
        "Query",
        "Query.named",
        "Query.read",
        "Query.read(at)",
        "Query.read(given)",
        "Query.read(kind)",
        "Thing",
    ]


def test_a_name_said_again_is_no_description() -> None:
    hollow = build_schema('"What can be read." type Query { "The name." name: String }')
    assert undescribed(hollow) == ["Query.name"]


def test_a_deprecation_without_a_date_is_found() -> None:
    deprecated = build_schema(
        """
        type Query {
          old(a: Int @deprecated(reason: "Unused.")): Int @deprecated(reason: "Use `new`.")
          older: Int @deprecated(reason: "Use `new`; gone after 2027-05-31.")
        }
        enum Kind { ONE @deprecated(reason: "Use TWO.") TWO }
        input Given { value: Int @deprecated(reason: "Since 2026-11-24.") }
        """
    )
    assert undated_deprecations(deprecated) == ["Query.old", "Query.old(a)", "Kind.ONE"]


def test_custom_scalars_say_how_they_are_written(schema: GraphQLSchema) -> None:
    described = {
        name: schema.type_map[name].description or ""
        for name in ("DateTime", "Decimal", "JSON", "Upload")
    }
    assert "RFC 3339" in described["DateTime"]
    assert "string or a number" in described["Decimal"]
    assert "at most 50 deep" in " ".join(described["JSON"].split())
    assert "256 MiB" in described["Upload"]
