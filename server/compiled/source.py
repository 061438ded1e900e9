"""Python source that turns the sources of one selection set into the dictionaries of a response.

For each selection set there are two functions, one for sources that are rows (`source["name"]`)
and one for objects (`source.name`). They do what needs no await: fields that are read, pure and
synchronous resolvers, and all below them. Deferred fields get `None`, to keep their place.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from server.compiled.callers import Caller
from server.compiled.irregular import Irregular
from server.compiled.leaves import enum_names, leaf_function, leaf_test
from server.compiled.plain import PlainClasses
from server.compiled.plan import (
    Composite,
    FieldPlan,
    Kind,
    Leaf,
    Listed,
    Plan,
    Selection,
    Shape,
    has_calls,
)

Builder = Callable[[list[object], "Any"], list[dict[str, object]]]


class _Bail:
    """`x or bail()` where a value may not be missing."""

    def __call__(self) -> object:
        raise Irregular


def checked_list(value: Any) -> Sequence[object]:
    """A list's items; other iterables are for the reference executor to judge."""
    if value.__class__ is list or value.__class__ is tuple:
        return value
    raise Irregular


@dataclass(frozen=True, slots=True)
class Generated:
    """Builders (for rows, for objects) by the number of their selection; columns by leaf."""

    builders: dict[int, tuple[Builder, Builder]]
    columns: dict[int, Callable[[Sequence[object]], list[object]]]
    text: str


class SourceWriter:
    """Writes and compiles the functions of one plan."""

    def __init__(
        self,
        plan: Plan,
        callers: Sequence[Caller | None],
        *,
        row_types: tuple[type, ...],
        plain: PlainClasses,
        native: Mapping[str, tuple[type, ...]],
    ) -> None:
        self._plan = plan
        self._callers = callers
        self._infos: list[int] = []
        self._columns: dict[int, str] = {}
        self._native = native
        self._names: dict[str, Any] = {
            "bail": _Bail(),
            "items": checked_list,
            "ROWS": frozenset(row_types),
            "PLAIN": plain,
        }
        self._variables = 0
        self._lines: list[str] = []

    def compile(self) -> Generated:
        for selection in self._plan.selections:
            self._write(selection)
        for plan in self._plan.fields:
            if plan.is_deferred or plan.kind is Kind.EVENT:
                self._write_columns(plan.shape)
        text = "\n".join(self._lines)
        exec(compile(text, "<compiled operation>", "exec"), self._names)  # noqa: S102  our text
        return Generated(
            builders={
                selection.number: (
                    self._names[f"rows_{selection.number}"],
                    self._names[f"objects_{selection.number}"],
                )
                for selection in self._plan.selections
            },
            columns={key: self._names[name] for key, name in self._columns.items()},
            text=text,
        )

    def _write(self, selection: Selection) -> None:
        for kind, access in (("rows", "p[{name!r}]"), ("objects", "p.{name}")):
            self._infos = []
            entries = self._entries(selection, access)
            infos = [f"    i{number} = run.library_info({number})" for number in self._infos]
            self._lines += [
                f"def {kind}_{selection.number}(parents, run):",
                *infos,
                f"    return [{{{entries}}} for p in parents]",
                f"def {kind[:-1]}_{selection.number}(p, run):",
                *infos,
                f"    return {{{entries}}}",
            ]

    def _write_columns(self, shape: Shape) -> None:
        """A function for each leaf that completes the values of an edge."""
        if isinstance(shape, Listed):
            self._write_columns(shape.item)
        elif isinstance(shape, Leaf):
            self._variables += 1
            number = self._variables
            name = f"column_{number}"
            self._columns[id(shape)] = name
            self._lines += [
                f"def {name}(values):",
                f"    return [{self._leaf(shape, 'x', number)} for x in values]",
            ]

    def _field(self, plan: FieldPlan, access: str) -> str:
        if plan.kind is Kind.TYPENAME:
            return repr(plan.parent_type.name)
        if plan.is_deferred or plan.kind is Kind.EVENT:
            return "None"
        if plan.kind is Kind.READ:
            if plan.strawberry is None:
                raise TypeError(plan.key)
            expression = access.format(name=plan.strawberry.python_name)
            if access.startswith("p.") and has_calls(plan.shape):
                expression = f"run.kept({plan.number}, p, {expression})"
            return self._value(plan.shape, expression)
        if self._is_source_itself(plan):
            return f"{{{self._entries(cast('Composite', plan.shape).only, access)}}}"
        return self._value(plan.shape, self._call(plan))

    def _entries(self, selection: Selection, access: str) -> str:
        return ", ".join(f"{plan.key!r}: {self._field(plan, access)}" for plan in selection.fields)

    def _is_source_itself(self, plan: FieldPlan) -> bool:
        """Whether the field answers the very object it is asked of, so that none need be made."""
        resolver = None if plan.strawberry is None else plan.strawberry.base_resolver
        return (
            resolver is not None
            and getattr(resolver.wrapped_func, "__itself__", False)
            and self._callers[plan.number] is not None
            and isinstance(plan.shape, Composite)
            and plan.shape.abstract is None
            and not needs_type_check(plan.shape.only)
        )

    def _call(self, plan: FieldPlan) -> str:
        number = plan.number
        caller = self._callers[number]
        if plan.kind is not Kind.PURE or caller is None or caller.simple is None:
            return f"run.call({number}, p)"
        self._names[f"F{number}"] = caller.simple
        if not caller.wants_info:
            return f"F{number}(p)"
        self._infos.append(number)
        return f"F{number}(p, i{number})"

    def _value(self, shape: Shape, expression: str) -> str:
        self._variables += 1
        number = self._variables
        if isinstance(shape, Leaf):
            return self._leaf(shape, expression, number)
        v = f"v{number}"
        missing = "None" if shape.is_nullable else "bail()"
        if isinstance(shape, Listed):
            item = f"i{number}"
            inner = self._value(shape.item, item)
            listed = f"[{inner} for {item} in items({v})]"
            if isinstance(shape.item, Composite) and not shape.item.is_nullable:
                listed = f"run.many({shape.item.only.number}, items({v}))"
            return f"(({missing}) if ({v} := {expression}) is None else {listed})"
        return f"(({missing}) if ({v} := {expression}) is None else {self._one(shape, v)})"

    def _one(self, shape: Composite, v: str) -> str:
        number = shape.only.number
        self._check_type(shape)
        call = (
            f"(row_{number}({v}, run) if {v}.__class__ in ROWS else"
            f" object_{number}({v}, run) if PLAIN[{v}.__class__] else bail())"
        )
        if self._type_check(shape):
            return f"({call} if run.is_of_type({number}, {v}) else bail())"
        return call

    def _check_type(self, shape: Composite) -> None:
        if shape.abstract is not None:
            raise TypeError(shape.abstract.name)

    @staticmethod
    def _type_check(shape: Composite) -> bool:
        return needs_type_check(shape.only)

    def _leaf(self, shape: Leaf, expression: str, number: int) -> str:
        v, name = f"v{number}", f"L{number}"
        self._names[name] = leaf_function(shape.type, is_nullable=shape.is_nullable)
        names = enum_names(shape.type)
        if names is not None:
            self._names[f"E{number}"] = names
            return f"(E{number}.get({v} := {expression}) or {name}({v}))"
        test, needed = leaf_test(shape.type, v, self._native, number)
        self._names.update(needed)
        if not test:
            return f"{name}({expression})"
        first = test.replace(v, f"({v} := {expression})", 1)
        return f"({v} if {first} else {name}({v}))"


def needs_type_check(selection: Selection) -> bool:
    """Whether `is_type_of` must be asked; not for one that states it is always true."""
    predicate = selection.type.is_type_of
    return predicate is not None and not getattr(predicate, "always_true", False)
