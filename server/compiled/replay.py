"""What resolvers answered on the compiled path, handed to the reference executor in their place."""

from collections.abc import Callable, Generator, Sequence
from enum import Enum, auto
from typing import Any

from graphql import FieldNode, GraphQLResolveInfo
from strawberry.dataloader import DataLoader


class Manner(Enum):
    """How the reference comes by an answer. Errors that meet are told in the order of their time,
    and of two that remove the same parent the first is told: so answers must come in no other
    order than they would there.
    """

    AT_ONCE = auto()
    AWAITED = auto()
    BATCHED = auto()


class Memo:
    """Answers by source and place in the document. Sources are held, so that ids stay theirs."""

    __slots__ = ("_answers", "_columns", "_held", "_loaders")

    def __init__(self) -> None:
        self._columns: list[tuple[FieldNode, Sequence[object], Sequence[object], Manner]] = []
        self._answers: dict[tuple[int, int], list[tuple[Manner, object]]] = {}
        self._held: list[Sequence[object]] = []
        self._loaders: dict[tuple[object, ...], DataLoader[object, object]] = {}

    def note(
        self,
        node: FieldNode,
        sources: Sequence[object],
        answers: Sequence[object],
        manner: Manner = Manner.AT_ONCE,
    ) -> None:
        """An answer for each source; one that is an exception was raised."""
        self._columns.append((node, sources, answers, manner))

    def spread(self) -> None:
        """Make the answers findable; done once, when a fallback begins."""
        for node, sources, answers, manner in self._columns:
            self._held.append(sources)
            for source, answer in zip(sources, answers, strict=True):
                key = id(source), id(node)
                self._answers.setdefault(key, []).append((manner, answer))
        self._columns = []

    def resolve(
        self,
        following: Callable[..., Any],
        source: object,
        info: GraphQLResolveInfo[Any],
        /,
        **arguments: Any,
    ) -> Any:
        """A middleware: the noted answer if there is one, else the resolver."""
        noted = self._answers.get((id(source), id(info.field_nodes[0])))
        if not noted:
            return following(source, info, **arguments)
        manner, answer = noted.pop(0)
        if manner is Manner.AWAITED:
            return _Given(answer)
        if manner is Manner.BATCHED:
            return _Loaded(self._loader(info), answer)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _loader(self, info: GraphQLResolveInfo[Any]) -> DataLoader[object, object]:
        """As the field's ordinary resolver has one, which takes turns of the event loop."""
        place = tuple(key for key in info.path.as_list() if isinstance(key, str))
        loader = self._loaders.get(place)
        if loader is None:
            loader = self._loaders[place] = DataLoader(load_fn=_same, cache=False)
        return loader


class _Given:
    """An awaitable, and no coroutine: the reference gives up what a fault has made needless."""

    __slots__ = ("_answer",)

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def __await__(self) -> Generator[Any, None, object]:
        yield from ()  # which makes it a generator
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class _Loaded:
    __slots__ = ("_answer", "_loader")

    def __init__(self, loader: DataLoader[object, object], answer: object) -> None:
        self._loader = loader
        self._answer = answer

    def __await__(self) -> Generator[Any, None, object]:
        return (yield from self._loader.load(self._answer).__await__())


async def _same(answers: list[object]) -> list[object]:
    return answers
