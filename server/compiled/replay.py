"""What resolvers answered on the compiled path, handed to the reference executor in their place."""

from collections.abc import Callable, Sequence
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
            return _given(answer)
        if manner is Manner.BATCHED:
            return _loaded(self._loader(info), answer)
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


async def _given(answer: object) -> object:
    if isinstance(answer, Exception):
        raise answer
    return answer


async def _loaded(loader: DataLoader[object, object], answer: object) -> object:
    return await loader.load(answer)


async def _same(answers: list[object]) -> list[object]:
    return answers
