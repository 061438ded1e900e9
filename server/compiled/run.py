"""One run of a plan, breadth-first: one call per field and level for all parents together."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, cast

from graphql import GraphQLAbstractType, GraphQLResolveInfo
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import Path
from strawberry.exceptions import WrongNumberOfResultsReturned
from strawberry.schema.schema import _OperationContextAwareGraphQLResolveInfo
from strawberry.types.field import StrawberryField

from server.compiled.irregular import Irregular
from server.compiled.plan import Composite, FieldPlan, Kind, Leaf, Listed, Selection, Shape
from server.compiled.replay import Manner, Memo
from server.compiled.source import Builder, checked_list, needs_type_check

Rows = list[dict[str, object]]

# The info that resolvers have of the library, with plain variables.
_make_info = cast(
    "Callable[..., GraphQLResolveInfo[Any]]", _OperationContextAwareGraphQLResolveInfo
)


def dispose(answer: object) -> None:
    """Close a coroutine that the reference executor will ask for anew."""
    if isinstance(answer, Coroutine):
        answer.close()


class Run:
    """State of one execution. Raises Irregular from any method for what it cannot answer."""

    __slots__ = ("_compiled", "_context", "_infos", "_library_infos", "_root", "_variables", "memo")

    def __init__(
        self, compiled: Any, context: object, root: object, variables: VariableValues
    ) -> None:
        self._compiled = compiled
        self._context = context
        self._root = root
        self._variables = variables
        self._infos: dict[int, GraphQLResolveInfo[Any]] = {}
        self._library_infos: dict[int, Any] = {}
        self.memo = Memo()

    async def operation(self) -> dict[str, object]:
        plan = self._compiled.plan
        if self._compiled.is_serial:
            return await self._serially(plan.root)
        (data,) = await self._selection(plan.root, [self._root])
        return data

    async def _serially(self, root: Selection) -> dict[str, object]:
        """Root fields of a mutation, each with all below it before the next begins."""
        (data,) = self._built(root, [self._root], only_deferred=True)
        for plan in root.fields:
            if plan.kind is Kind.TYPENAME:
                data[plan.key] = root.type.name
            else:
                (data[plan.key],) = await self._field(plan, [self._root])
        return data

    async def _selection(self, selection: Selection, sources: list[object]) -> Rows:
        data = self._built(selection, sources)
        deferred = selection.deferred
        if not deferred or not sources:
            return data
        if len(deferred) == 1:
            columns = [await self._field(deferred[0], sources)]
        else:
            # All end before an error is raised, so that nothing runs on behind a fallback.
            done = await asyncio.gather(
                *(self._field(plan, sources) for plan in deferred), return_exceptions=True
            )
            for column in done:
                if isinstance(column, BaseException):
                    raise column
            columns = cast("list[list[object]]", done)
        for plan, column in zip(deferred, columns, strict=True):
            key = plan.key
            for row, value in zip(data, column, strict=True):
                row[key] = value
        return data

    def _built(
        self, selection: Selection, sources: list[object], *, only_deferred: bool = False
    ) -> Rows:
        if only_deferred:
            return [dict.fromkeys(plan.key for plan in selection.fields)]
        if not sources:
            return []
        try:
            if sources[0] is None:  # as only a root can be
                return cast(
                    "Rows", self._compiled.generated.builders[selection.number][1](sources, self)
                )
            return self._builder(selection.number, sources)(sources, self)
        except (Irregular, asyncio.CancelledError):
            raise
        except Exception as error:
            raise Irregular from error

    async def _field(self, plan: FieldPlan, sources: list[object]) -> list[object]:
        return await self._complete(plan, plan.shape, await self._values(plan, sources))

    async def _values(self, plan: FieldPlan, sources: list[object]) -> Sequence[object]:
        if plan.kind is Kind.BATCH:
            return await self._batch(plan, sources)
        if plan.kind is Kind.AWAIT:
            return await self._awaited(plan, sources)
        if plan.kind is Kind.READ:
            return self._read(plan, sources)
        if plan.kind is Kind.EVENT:
            return sources
        return [self.call(plan.number, source) for source in sources]

    async def _batch(self, plan: FieldPlan, sources: list[object]) -> Sequence[object]:
        function = self._compiled.batches[plan.number]
        info = self.library_info(plan.number)
        node = plan.nodes[0]
        try:
            values = await function(
                sources, info, **self._compiled.arguments.of(plan, self._variables)
            )
            if values.__class__ is not list:
                values = list(values)
            if len(values) != len(sources):
                raise WrongNumberOfResultsReturned(  # noqa: TRY301  told as the loader tells it
                    expected=len(sources), received=len(values)
                )
        except Exception as error:
            self.memo.note(node, sources, [error] * len(sources), Manner.BATCHED)
            raise Irregular from error
        self.memo.note(node, sources, values, Manner.BATCHED)
        return cast("Sequence[object]", values)

    async def _awaited(self, plan: FieldPlan, sources: list[object]) -> Sequence[object]:
        """All are awaited to their end, whether or not one of them fails."""
        if len(sources) == 1:
            try:
                values: list[object] = [await self._await_one(plan, sources[0])]
            except Exception as error:  # noqa: BLE001  judged below
                values = [error]
        else:
            values = await asyncio.gather(
                *(self._await_one(plan, source) for source in sources), return_exceptions=True
            )
        self.memo.note(plan.nodes[0], sources, values, Manner.AWAITED)
        for value in values:
            if isinstance(value, Exception):
                raise Irregular from value
            if isinstance(value, BaseException):
                raise value
        return values

    async def _await_one(self, plan: FieldPlan, source: object) -> object:
        value = self._resolve(plan, source)
        if hasattr(value, "__await__"):
            return await cast("Awaitable[object]", value)
        return value

    def _read(self, plan: FieldPlan, sources: list[object]) -> Sequence[object]:
        read = self._compiled.read
        name = cast("StrawberryField", plan.strawberry).python_name
        try:
            values = [read(source, name) for source in sources]
        except Exception as error:
            raise Irregular from error
        # A property may make a new object each time; what is below it is known by this one.
        if sources[0].__class__ not in self._compiled.row_types:
            self.memo.note(plan.nodes[0], sources, values)
        return values

    def call(self, number: int, source: object) -> object:
        """The value of a synchronous resolver for one parent."""
        plan = self._compiled.plan.fields[number]
        if plan.kind is Kind.PURE:
            return self._resolve(plan, source)
        try:
            value = self._resolve(plan, source)
        except Exception as error:
            self.memo.note(plan.nodes[0], [source], [error])
            raise Irregular from error
        self.memo.note(plan.nodes[0], [source], [value])
        if hasattr(value, "__await__") or isinstance(value, Exception):
            raise Irregular
        return value

    def kept(self, number: int, source: object, value: object) -> object:
        """A value that a property may make anew, kept for what is called below it."""
        self.memo.note(self._compiled.plan.fields[number].nodes[0], [source], [value])
        return value

    def _resolve(self, plan: FieldPlan, source: object) -> Any:
        """Call the resolver: directly where it is plain, else through the library's wrapper."""
        caller = self._compiled.callers[plan.number]
        if caller is None:
            definition: Any = plan.definition
            arguments = get_argument_values(definition, plan.nodes[0], self._variables)
            return definition.resolve(source, self.info(plan), **arguments)
        info = self.library_info(plan.number) if caller.wants_info else None
        if caller.simple is not None:
            return caller.simple(source, info) if caller.wants_info else caller.simple(source)
        return caller.call(source, info, self._compiled.arguments.of(plan, self._variables))

    def library_info(self, number: int) -> Any:
        """Strawberry's info of a field, one for all parents."""
        known = self._library_infos.get(number)
        if known is None:
            plan = self._compiled.plan.fields[number]
            known = self._compiled.info_class(_raw_info=self.info(plan), _field=plan.strawberry)
            self._library_infos[number] = known
        return known

    def info(self, plan: FieldPlan) -> GraphQLResolveInfo[Any]:
        """What a resolver may know. Its path has no list indices: parents are served together."""
        known = self._infos.get(plan.number)
        if known is None:
            compiled = self._compiled
            known = _make_info(
                plan.nodes[0].name.value,
                plan.nodes,
                cast("Any", plan.definition).type,
                plan.parent_type,
                Path(compiled.prefixes.get(plan.number), plan.key, plan.parent_type.name),
                compiled.schema,
                compiled.fragments,
                self._root,
                compiled.plan.operation,
                self._variables.coerced,
                self._context,
                compiled.is_awaitable,
                None,
                compiled.helpers,
                None,
            )
            self._infos[plan.number] = known
        return known

    async def _complete(
        self, plan: FieldPlan, shape: Shape, values: Sequence[object]
    ) -> list[object]:
        if isinstance(shape, Leaf):
            return self._completed_leaves(shape, values)
        if isinstance(shape, Listed):
            return await self._complete_lists(plan, shape, values)
        present = [value for value in values if value is not None]
        if len(present) != len(values) and not shape.is_nullable:
            raise Irregular
        completed = await self._complete_objects(plan, shape, present)
        if len(present) == len(values):
            return completed
        following = iter(completed)
        return [None if value is None else next(following) for value in values]

    def _completed_leaves(self, shape: Leaf, values: Sequence[object]) -> list[object]:
        try:
            column: list[object] = self._compiled.generated.columns[id(shape)](values)
        except Irregular:
            raise
        except Exception as error:
            raise Irregular from error
        return column

    async def _complete_lists(
        self, plan: FieldPlan, shape: Listed, values: Sequence[object]
    ) -> list[object]:
        lists = [None if value is None else checked_list(value) for value in values]
        if not shape.is_nullable and None in lists:
            raise Irregular
        flat = [item for items in lists if items is not None for item in items]
        completed = await self._complete(plan, shape.item, flat)
        if len(lists) == 1 and lists[0] is not None:
            return [completed]
        result: list[object] = []
        start = 0
        for items in lists:
            if items is None:
                result.append(None)
            else:
                result.append(completed[start : start + len(items)])
                start += len(items)
        return result

    async def _complete_objects(
        self, plan: FieldPlan, shape: Composite, values: list[object]
    ) -> list[object]:
        if shape.abstract is None:
            selection = shape.only
            self._check_types(plan, selection, values)
            return cast("list[object]", await self._selection(selection, values))
        return await self._abstract(plan, shape, values)

    async def _abstract(
        self, plan: FieldPlan, shape: Composite, values: list[object]
    ) -> list[object]:
        """Objects of several types; edges that they share are still one call for all of them."""
        names = self._runtime_types(plan, cast("GraphQLAbstractType", shape.abstract), values)
        result: list[Any] = [None] * len(values)
        shared: dict[tuple[object, ...], list[tuple[FieldPlan, list[int]]]] = {}
        for name in dict.fromkeys(names):
            if name not in shape.selections:
                raise Irregular
            selection = shape.selections[name]
            places = [place for place, given in enumerate(names) if given == name]
            sources = [values[place] for place in places]
            self._check_types(plan, selection, sources)
            for place, row in zip(places, self._built(selection, sources), strict=True):
                result[place] = row
            for edge in selection.deferred:
                shared.setdefault(self._compiled.edge_key(edge), []).append((edge, places))
        columns = await asyncio.gather(
            *(
                self._field(edges[0][0], [values[place] for _, places in edges for place in places])
                for edges in shared.values()
            ),
            return_exceptions=True,
        )
        for column in columns:
            if isinstance(column, BaseException):
                raise column
        for edges, column in zip(shared.values(), columns, strict=True):
            found = iter(cast("list[object]", column))
            for edge, places in edges:
                key = edge.key
                for place in places:
                    result[place][key] = next(found)
        return result

    def _runtime_types(
        self, plan: FieldPlan, abstract: GraphQLAbstractType, values: list[object]
    ) -> list[str]:
        resolve: Callable[..., Any] = abstract.resolve_type or self._compiled.type_resolver
        info = self.info(plan)
        names: list[str] = []
        for value in values:
            try:
                name = resolve(value, info, abstract)
            except Exception as error:
                raise Irregular from error
            if not isinstance(name, str):
                dispose(name)
                raise Irregular
            names.append(name)
        return names

    def _check_types(self, plan: FieldPlan, selection: Selection, values: Sequence[object]) -> None:
        if not needs_type_check(selection):
            return
        is_type_of = cast("Callable[..., object]", selection.type.is_type_of)
        try:
            for value in values:
                answer = is_type_of(value, self.info(plan))
                if answer is not True:
                    dispose(answer)
                    raise Irregular  # noqa: TRY301  one way out
        except Exception as error:
            raise Irregular from error

    def many(self, number: int, values: Sequence[object]) -> Rows:
        """Rows of a list that hangs on a field read from a source; called by generated code."""
        if not values:
            return []
        build = self._builder(number, values)
        if needs_type_check(self._compiled.plan.selections[number]):
            for value in values:
                if not self.is_of_type(number, value):
                    raise Irregular
        return build(list(values), self)

    def _builder(self, number: int, sources: Sequence[object]) -> Builder:
        """The function for sources of this kind, all rows or all objects."""
        compiled = self._compiled
        rows, objects = compiled.generated.builders[number]
        classes = {source.__class__ for source in sources}
        if classes <= compiled.row_types:
            return cast("Builder", rows)
        plain = compiled.plain
        if classes.isdisjoint(compiled.row_types) and all(map(plain.__getitem__, classes)):
            return cast("Builder", objects)
        raise Irregular

    def is_of_type(self, number: int, value: object) -> bool:
        selection = self._compiled.plan.selections[number]
        predicate = cast("Callable[..., object]", selection.type.is_type_of)
        # Predicates that look at the info are for the reference executor: it has the true one.
        answer = predicate(value, None)
        dispose(answer)
        return answer is True
