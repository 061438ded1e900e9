# ruff: noqa: E501  a case a line
"""Errors: their messages, places, order, and the nulls that they leave."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.server.compiled.agreement import agreed
from tests.server.compiled.grove import grove, schema, tree

# graphql-core gives up coroutines that it has not begun when a fault makes them needless.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")

WRONG = ValueError("it is wrong")
GONE = LookupError("it is gone")


def fine() -> Any:
    return grove(tree("oak", tree("a", tree("b")), tree("c")), tree("elm"))


def wrong_notes() -> Any:
    return grove(tree("oak", tree("a", note=WRONG), tree("b"), note=WRONG), tree("elm", note=WRONG))


def wrong_sizes() -> Any:
    return grove(
        tree("oak", tree("a", tree("b", size=WRONG)), tree("c")),
        tree("elm"),
        tree("fir", tree("d", size=GONE)),
    )


def null_sizes() -> Any:
    return grove(
        tree("oak", tree("a", tree("b", size=None)), tree("c")),
        tree("elm"),
        tree("fir", tree("d", size=None)),
    )


def null_kids() -> Any:
    return grove(
        tree("oak", None, tree("a", None)),
        None,
        tree("elm", kids=None, strict_kids=None, grid=None),
    )


def wrong_kids() -> Any:
    return grove(
        tree("oak", tree("a", kids=WRONG, strict_kids=WRONG, grid=WRONG, child=WRONG)),
        tree("elm", tree("b", strict_kids="text", kids=7, grid=[7])),
    )


def gone() -> Any:
    return grove(
        tree("oak", tree("a", note=GONE, size=GONE, strict_kids=GONE, grid=GONE)),
        tree("elm"),
        tree("fir", note=GONE),
    )


def nothing() -> Any:
    return grove()


FORESTS: list[Callable[[], Any]] = [
    fine,
    wrong_notes,
    wrong_sizes,
    null_sizes,
    null_kids,
    wrong_kids,
    gone,
    nothing,
]
WAYS = ["", "called", "later", "batch"]
LEAVES = [
    "note size",
    "calledNote calledSize",
    "laterNote laterSize",
    "batchNote batchSize",
    "laterNote batchNote calledNote note",
    "batchSize laterSize",
    "name",
]
EDGES = [
    "kids",
    "strictKids",
    "child",
    "grid",
    "calledKids",
    "calledChild",
    "laterKids",
    "laterChild",
    "batchKids",
    "batchGrid",
]
ROOTS = ["tree", "sure", "later", "trees", "strict"]

ONE_DEEP = [f"{{ {root} {{ {leaves} }} }}" for root in ROOTS for leaves in LEAVES]
TWO_DEEP = [
    f"{{ trees {{ name {edge} {{ {leaves} }} note }} }}" for edge in EDGES for leaves in LEAVES
]
THREE_DEEP = [
    f"{{ strict {{ {outer} {{ name {inner} {{ {leaves} }} }} }} tree {{ laterNote }} }}"
    for outer in EDGES
    for inner in ("kids", "calledKids", "laterKids", "batchKids")
    for leaves in (LEAVES[1], LEAVES[4], LEAVES[5])
]
SIBLINGS = ["{ tree { a: laterKids { laterSize } b: batchKids { batchSize } c: kids { calledSize } d: laterNote } sure { name } }", "{ trees { laterSize laterNote batchSize batchNote calledSize calledNote } }", "{ trees { batchNote laterNote } later { laterSize batchKids { name laterSize } } }", "{ sure { laterSize } trees { calledNote } tree { batchNote } }"]  # fmt: skip


@pytest.mark.parametrize("forest", FORESTS)
@pytest.mark.parametrize(
    "queries", [ONE_DEEP, TWO_DEEP, THREE_DEEP, SIBLINGS], ids=["one", "two", "three", "siblings"]
)
async def test_errors_are_those_of_the_reference(
    forest: Callable[[], Any], queries: list[str]
) -> None:
    for query in queries:
        await agreed(schema, query, root=forest)
