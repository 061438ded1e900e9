# ruff: noqa: E501  an operation a line
"""Permissions, extensions of fields and of the schema, handlers of errors, fields of one's own."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import strawberry
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.extensions import FieldExtension, SchemaExtension
from strawberry.permission import BasePermission
from strawberry.types.field import StrawberryField

from schema.base.batch import batch_field
from tests.server.compiled.agreement import agreed


class Allowed(BasePermission):
    message = "this is not allowed"

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        del source
        info.context.calls.append("asked")
        return kwargs.get("name") != "bad"


class AllowedLater(BasePermission):
    message = "this is not allowed either"

    async def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        del source
        info.context.calls.append("asked later")
        return kwargs.get("name") != "bad"


class Loud(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        info.context.calls.append("loud")
        return str(next_(source, info, **kwargs)).upper()

    async def resolve_async(
        self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        info.context.calls.append("loud later")
        return str(await next_(source, info, **kwargs)).upper()


class OnlyLater(FieldExtension):
    async def resolve_async(
        self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        info.context.calls.append("only later")
        answer = next_(source, info, **kwargs)
        return f"{await answer if hasattr(answer, '__await__') else answer}?"


class Own(StrawberryField):
    """A field class of an application's own."""

    def get_result(self, source: Any, info: Any, args: Any, kwargs: Any) -> Any:
        return f"own {super().get_result(source, info, args, kwargs)}"


async def _words(parents: list[Any], info: strawberry.Info, name: str = "") -> list[str]:
    info.context.calls.append(f"words {len(parents)}")
    return [f"{parent.title} {name}" for parent in parents]


def with_extension(field: Any, *extensions: FieldExtension) -> Any:
    field.extensions = [*field.extensions, *extensions]
    return field


@strawberry.type
class Book:
    title: str
    guarded: str = strawberry.field(permission_classes=[Allowed])
    loud: str = strawberry.field(extensions=[Loud()])
    own: str = cast("Any", Own())
    words: str = with_extension(batch_field(_words), Loud())

    @strawberry.field(permission_classes=[Allowed])
    def called(self, info: strawberry.Info, name: str) -> str | None:
        info.context.calls.append(f"called {name}")
        return name

    @strawberry.field(permission_classes=[AllowedLater, Allowed])
    async def later(self, info: strawberry.Info, name: str) -> str:
        info.context.calls.append(f"later {name}")
        return name

    @strawberry.field(permission_classes=[AllowedLater])
    def mixed(self, name: str) -> str | None:
        return name

    @strawberry.field(extensions=[OnlyLater()])
    def only_later(self) -> str:
        return self.title

    @strawberry.field(extensions=[OnlyLater(), Loud()])
    async def both(self) -> str:
        return self.title

    @staticmethod
    def _static() -> str:
        return "static"

    static: str = strawberry.field(resolver=_static)


@strawberry.type
class Query:
    @strawberry.field
    def books(self) -> list[Book]:
        return [
            Book(title=name, guarded=f"{name} guarded", loud=name, own=name) for name in ("a", "b")
        ]


OPERATIONS = [
    "{ books { title guarded loud } }",
    "{ books { own title } }",
    '{ books { called(name: "ok") later(name: "ok") mixed(name: "ok") } }',
    '{ books { title called(name: "bad") } }',
    '{ books { title later(name: "bad") } }',
    '{ books { mixed(name: "bad") a: mixed(name: "ok") } }',
    "{ books { onlyLater both } }",
    "{ books { static } }",
    '{ a: books { words(name: "one") } b: books { words(name: "two") w: words } }',
]


def build(**more: Any) -> strawberry.Schema:
    return strawberry.Schema(Query, **more)


plain = build()


@pytest.mark.parametrize("query", OPERATIONS)
async def test_permissions_and_extensions_of_fields_have_their_say(query: str) -> None:
    way, answer = await agreed(plain, query)
    assert way == ("irregular" if answer.errors else "compiled")


class Counting(SchemaExtension):
    def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
        info.context.calls.append(f"hook {info.field_name}")
        return _next(root, info, *args, **kwargs)


class Around(SchemaExtension):
    async def on_operation(self) -> AsyncIterator[None]:
        yield

    def get_results(self) -> dict[str, Any]:
        return {"around": True}


@pytest.mark.parametrize("query", OPERATIONS)
async def test_hooks_around_resolvers_send_operations_the_librarys_way(query: str) -> None:
    way, answer = await agreed(build(extensions=[Counting, Around]), query)
    assert way == "schema extensions"
    assert answer.calls["hook books"] == query.count("books")


async def test_extensions_without_such_hooks_leave_operations_compiled() -> None:
    way, _ = await agreed(build(extensions=[Around]), OPERATIONS[0])
    assert way == "compiled"


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def turned(value: DirectiveValue[str]) -> str:
    return str(value)[::-1]


async def test_directives_of_the_schemas_own_are_applied() -> None:
    schema = build(directives=[turned])
    way, answer = await agreed(schema, '{ books { called(name: "ok") @turned } }')
    assert way == "schema extensions"
    assert answer.data == '{"books": [{"called": "ko"}, {"called": "ko"}]}'
    way, _ = await agreed(schema, '{ books { called(name: "ok") @skip(if: false) } }')
    assert way == "compiled"


class RefusedError(Exception):
    pass


@strawberry.type
class Refusal:
    reason: str


class Refusals(strawberry.ExceptionHandler[RefusedError, Refusal]):
    def handle(self, exc: RefusedError, *, field: Any, info: Any) -> Refusal | None:
        del field, info
        return None if str(exc) == "declined" else Refusal(reason=str(exc))


@strawberry.type
class Done:
    name: str


async def _outcomes(parents: list[Any], info: strawberry.Info, name: str) -> list[Done | Refusal]:
    info.context.calls.append(f"outcomes {len(parents)}")
    raise RefusedError(name)


@strawberry.type(name="Query")
class Handled:
    @strawberry.field
    def do(self, info: strawberry.Info, name: str) -> Done | Refusal | None:
        info.context.calls.append(f"do {name}")
        if name == "fine":
            return Done(name=name)
        raise RefusedError(name)

    @strawberry.field
    async def later(self, info: strawberry.Info, name: str) -> Done | Refusal | None:
        info.context.calls.append(f"later {name}")
        raise (ValueError if name == "other" else RefusedError)(name)

    @strawberry.field
    def unhandled(self) -> Done | None:
        message = "nobody handles this"
        raise RefusedError(message)

    outcome: Done | Refusal | None = batch_field(_outcomes)


HANDLED = [
    '{ do(name: "fine") { ... on Done { name } ... on Refusal { reason } } }',
    '{ do(name: "no") { ... on Refusal { reason } } later(name: "never") { ... on Refusal { reason } } }',
    '{ do(name: "declined") { __typename } later(name: "declined") { __typename } }',
    '{ later(name: "other") { __typename } do(name: "no") { __typename } unhandled { name } }',
    '{ outcome(name: "no") { ... on Refusal { reason } } }',
    '{ outcome(name: "declined") { __typename } do(name: "no") { __typename } }',
]


@pytest.mark.parametrize("query", HANDLED)
async def test_handlers_turn_errors_into_answers(query: str) -> None:
    handled = strawberry.Schema(Handled, exception_handlers=[Refusals()])
    way, answer = await agreed(handled, query)
    assert way == ("irregular" if answer.errors else "compiled")
