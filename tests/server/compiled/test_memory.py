"""What is kept of documents is bounded, whatever their variables are."""

import itertools

from graphql import parse

from server.compiled import CompiledExecutor, Prepared
from server.compiled.operations import MAX_PLANS, MAX_SEEN
from tests.server.compiled.agreement import Context
from tests.server.compiled.garden import schema
from tests.server.compiled.menagerie import schema as menagerie

MANY = 8
CHOICES = " ".join(f"a{i}: __typename @skip(if: $v{i})" for i in range(MANY))
DECLARED = ", ".join(f"$v{i}: Boolean!" for i in range(MANY))
QUERY = f"query ({DECLARED}) {{ maybe {{ name }} {CHOICES} }}"


async def run_all(prepared: Prepared) -> None:
    executor = CompiledExecutor(schema)
    for values in itertools.product((True, False), repeat=MANY):
        variables = {f"v{i}": value for i, value in enumerate(values)}
        outcome = await executor.execute(prepared, variables=variables, context=Context())
        assert outcome.result.data is not None
        assert len(outcome.result.data) == 1 + values.count(False)


async def test_plans_of_one_document_are_bounded() -> None:
    prepared = Prepared.of(parse(QUERY), compile_at_sight=1)
    await run_all(prepared)
    assert 0 < len(prepared.compiled) <= MAX_PLANS


async def test_combinations_that_come_once_are_counted_within_bounds() -> None:
    prepared = Prepared.of(parse(QUERY), compile_at_sight=2)
    await run_all(prepared)
    assert prepared.compiled == {}
    assert 0 < len(prepared._seen) <= MAX_SEEN


async def test_plans_of_all_documents_together_are_bounded() -> None:
    executor = CompiledExecutor(schema, most_fields=1_000)
    wide = " ".join(f"a{i}: __typename" for i in range(10))
    documents = []
    for number in range(101):
        document = parse(f"query Q{number} {{ {wide} }}", no_location=True)
        documents.append(Prepared.of(document, compile_at_sight=1))
        await executor.execute(documents[-1], context=Context())
    assert [len(each.compiled) for each in documents] == [0] * 100 + [1]


async def test_operations_whose_plans_would_multiply_go_to_the_reference() -> None:
    """A selection for each possible type, at each of several levels."""
    below = "{ name }"
    for _ in range(12):
        below = "{ name ... on Dog { a: owner " + below + " b: owner " + below + " } }"
        if len(below) > 40_000:
            break
    prepared = Prepared.of(parse("{ animals " + below + " }"), compile_at_sight=1)
    root = {"animals": [{"type": "Cat", "name": "c"}]}
    outcome = await CompiledExecutor(menagerie, row_types=(dict,)).execute(
        prepared, context=Context(), root=root
    )
    assert outcome.way == "an operation of this size"
    assert outcome.result.data == {"animals": [{"name": "c"}]}
