"""What resolvers answered on the compiled path, handed to the reference executor in their place."""

from collections.abc import Callable
from typing import Any

from graphql import FieldNode, GraphQLResolveInfo

Key = tuple[int, int]


class Memo:
    """Answers by source and place in the document. Sources are held, so that ids stay theirs."""

    __slots__ = ("_answers", "_batches", "_held")

    def __init__(self) -> None:
        self._answers: dict[Key, list[tuple[bool, object]]] = {}
        self._batches: list[tuple[FieldNode, list[object], object, bool]] = []
        self._held: list[object] = []

    def note(self, node: FieldNode, source: object, answer: object, *, failed: bool) -> None:
        self._batches.append((node, [source], [answer], failed))

    def note_batch(
        self, node: FieldNode, sources: list[object], answers: object, *, failed: bool
    ) -> None:
        """`answers` are as many as `sources`, or the one exception of a batch that failed."""
        self._batches.append((node, sources, answers, failed))

    def spread(self) -> None:
        """Make the answers findable; done once, when a fallback begins."""
        for node, sources, answers, failed in self._batches:
            self._held.append(sources)
            each = answers if isinstance(answers, (list, tuple)) else [answers] * len(sources)
            for source, answer in zip(sources, each, strict=True):
                has_failed = failed or isinstance(answer, BaseException)
                self._answers.setdefault((id(source), id(node)), []).append((has_failed, answer))
        self._batches = []

    def resolve(
        self,
        following: Callable[..., Any],
        source: object,
        info: GraphQLResolveInfo[Any],
        **arguments: Any,
    ) -> Any:
        """A middleware: the noted answer if there is one, else the resolver."""
        noted = self._answers.get((id(source), id(info.field_nodes[0])))
        if not noted:
            return following(source, info, **arguments)
        failed, answer = noted.pop(0) if len(noted) > 1 else noted[0]
        if failed:
            raise answer  # type: ignore[misc]
        return answer
