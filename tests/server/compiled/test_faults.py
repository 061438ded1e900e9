"""What resolvers may do wrong, or oddly, and what becomes of a request that is given up."""

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import strawberry
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

from schema.base.batch import batch_field
from tests.server.compiled.agreement import (
    Context,
    agreed,
    compiled,
    document_of,
    executor_of,
    prepared_of,
)


def none_of_them(_names: list[str]) -> Any:
    message = "none of them"
    raise LookupError(message)


ODD_BATCHES: dict[str, Callable[[list[str]], Any]] = {
    "right": lambda names: names,
    "short": lambda names: names[:-1],
    "long": lambda names: [*names, "one more"],
    "raises": none_of_them,
    "exceptions": lambda names: [ValueError(name) for name in names],
    "one exception": lambda names: [ValueError("the first"), *names[1:]],
    "tuple": tuple,
    "generator": iter,
    "values": lambda names: dict(enumerate(names)).values(),
    "nothing": lambda _names: None,
    "nulls": lambda names: [None for _ in names],
}


async def _odd_batch(parents: list[Any], info: strawberry.Info, how: str) -> list[str | None]:
    info.context.calls.append(f"batch {how}")
    return cast(
        "list[str | None]", ODD_BATCHES[how]([f"of {parent['name']}" for parent in parents])
    )


@strawberry.type
class Item:
    name: str
    odd: str | None = batch_field(_odd_batch)

    @strawberry.field
    def count(self, info: strawberry.Info) -> int:
        """Another number at each call."""
        info.context.calls.append("count")
        return len(info.context.calls)

    @strawberry.field
    async def turns(self, info: strawberry.Info, then_fail: bool = False) -> int:
        """The first caller answers last."""
        info.context.calls.append("turns")
        mine: int = info.context.calls.count("turns")
        for _ in range(10 - mine):
            await asyncio.sleep(0)
        if then_fail and mine == 1:
            message = "the first fails"
            raise ValueError(message)
        return mine


@strawberry.type
class Wrapper:
    items: strawberry.Private[list[Any]]

    @strawberry.field
    def first(self, info: strawberry.Info) -> Item | None:
        info.context.calls.append("first")
        return self.items[0] if self.items else None


@strawberry.type
class Query:
    items: list[Item | None]
    wrapper: Wrapper
    words: list[str] | None
    free: JSON | None

    @strawberry.field
    def promised(self, info: strawberry.Info) -> list[str]:
        info.context.calls.append("promised")

        async def answer() -> list[str]:
            return ["kept"]

        return answer()  # type: ignore[return-value]

    @strawberry.field
    def promises(self) -> list[str]:
        async def answer(word: str) -> str:
            return word

        return [answer("a"), answer("b")]  # type: ignore[list-item]

    @strawberry.field
    async def stream(self) -> list[int]:
        async def numbers() -> AsyncIterator[int]:
            yield 1
            yield 2

        return numbers()  # type: ignore[return-value]

    @strawberry.field
    def generated(self, info: strawberry.Info) -> list[int]:
        def numbers() -> Iterator[int]:
            for number in range(3):
                info.context.calls.append(f"number {number}")
                yield number

        return numbers()  # type: ignore[return-value]


class Maker:
    """An object whose property makes new ones each time."""

    def __init__(self) -> None:
        self.items = [{"name": "a"}]
        self.words = ["w"]

    @property
    def wrapper(self) -> Wrapper:
        return Wrapper(items=list(self.items))


def read(source: Any, name: str) -> Any:
    return source[name] if isinstance(source, dict) else getattr(source, name)


schema = strawberry.Schema(Query, config=StrawberryConfig(default_resolver=read))


@strawberry.type
class Deep:
    level: int

    @strawberry.field
    def below(self) -> "Deep":
        return Deep(level=self.level + 1)

    @strawberry.field
    async def later(self) -> "Deep":
        return Deep(level=self.level + 1)


@strawberry.type(name="Query")
class Depths:
    deep: Deep


deep = strawberry.Schema(Depths)


def three() -> dict[str, Any]:
    return {"items": [{"name": "a"}, {"name": "b"}, None, {"name": "c"}]}


@pytest.mark.parametrize("how", ODD_BATCHES)
async def test_a_batch_is_held_to_one_item_for_each_parent(how: str) -> None:
    query = f'{{ items {{ name odd(how: "{how}") }} }}'
    way, answer = await agreed(schema, query, root=three)
    is_right = how in {"right", "tuple", "generator", "values", "nulls"}
    assert way == ("compiled" if is_right else "irregular")
    assert answer.calls == {f"batch {how}": 1}


@pytest.mark.parametrize(
    "query",
    [
        "{ promised }",
        "{ promises }",
        "{ stream }",
        "{ generated }",
        "{ promised generated promises }",
    ],
)
async def test_awaitables_and_iterators_are_taken_once(query: str) -> None:
    await agreed(schema, query, root=three)


@pytest.mark.parametrize("words", [("a", "b"), {"a"}, iter(["a"]), {"a": 1}, "ab", 7, b"ab"])
async def test_other_collections_are_lists_where_the_reference_says_so(words: Any) -> None:
    await agreed(schema, "{ words }", root=lambda: {"words": copy.copy(words)})


async def test_an_object_that_stands_twice_in_a_list_is_asked_twice() -> None:
    def twice() -> dict[str, Any]:
        item = {"name": "a"}
        return {"items": [item, item, {"name": "b"}, item]}

    _, answer = await agreed(schema, "{ items { count name } }", root=twice)
    assert answer.calls == {"count": 4}
    await agreed(schema, "{ items { turns } }", root=twice)
    await agreed(schema, "{ items { turns(thenFail: true) name } }", root=twice)
    await agreed(schema, '{ items { count odd(how: "raises") } }', root=twice)


async def test_rows_and_objects_in_one_list_are_each_read_their_way() -> None:
    def mixed() -> dict[str, Any]:
        return {"items": [{"name": "row"}, SimpleNamespace(name="object"), {"name": "row"}]}

    await agreed(schema, "{ items { name } }", root=mixed)
    await agreed(schema, "{ items { __typename count } }", root=mixed)


async def test_what_a_property_makes_anew_is_made_once_for_what_is_below() -> None:
    query = "{ wrapper { first { name count turns(thenFail: true) } } words }"
    _, answer = await agreed(schema, query, root=Maker)
    assert answer.calls == {"first": 1, "count": 1, "turns": 1}


async def test_siblings_end_before_an_answer_with_an_error_is_given() -> None:
    ended: list[str] = []
    go_on = asyncio.Event()

    @strawberry.type
    class Slow:
        @strawberry.field
        async def slow(self) -> str:
            await go_on.wait()
            ended.append("slow")
            return "slow"

        @strawberry.field
        async def fails(self) -> str | None:
            asyncio.get_running_loop().call_soon(go_on.set)
            message = "at once"
            raise ValueError(message)

    slow = strawberry.Schema(Slow)
    query = "{ slow fails }"
    way, _ = await compiled(executor_of(slow, ()), document_of(slow, query), {})
    assert way == "irregular"
    assert ended == ["slow"]


async def test_a_cancelled_request_cancels_all_that_runs_for_it() -> None:
    cancelled: list[str] = []
    running = asyncio.Event()

    @strawberry.type
    class Endless:
        @strawberry.field
        async def wait(self, name: str) -> str:
            if name == "b":
                running.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(name)
                raise
            return name

    endless = strawberry.Schema(Endless)
    document = document_of(endless, '{ a: wait(name: "a") b: wait(name: "b") }')
    executor = executor_of(endless, ())
    prepared = prepared_of(executor, document)
    request = asyncio.create_task(executor.execute(prepared, context=Context()))
    await running.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert sorted(cancelled) == ["a", "b"]


@pytest.mark.parametrize("edge", ["below", "later"])
async def test_deep_operations_are_answered(edge: str) -> None:
    query = "{ deep " + f"{{ {edge} " * 60 + "{ level }" + "}" * 61
    way, _ = await agreed(deep, query, root=lambda: SimpleNamespace(deep=Deep(level=0)))
    assert way == "compiled"
