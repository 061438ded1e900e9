"""Documents that clients send, read once for each text: parsed, limited, validated."""

from collections import OrderedDict
from dataclasses import dataclass, field

from graphql import (
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)

from server.compiled import Prepared
from server.limits import (
    MAX_TOKENS,
    Cost,
    CostModel,
    check_document,
    check_nesting,
    check_overlaps,
)

MAX_DOCUMENTS = 1_000
MAX_ERRORS = 20


@dataclass(frozen=True, slots=True)
class Document:
    """`errors` are those of validation; a document that has any is not executed."""

    prepared: Prepared
    errors: tuple[GraphQLError, ...]
    _costs: dict[int, Cost] = field(default_factory=dict)

    def cost(self, operation: OperationDefinitionNode, model: CostModel) -> Cost:
        """What the operation, one of this document's, costs; worked out once."""
        found = self._costs.get(id(operation))
        if found is None:
            found = model.cost(operation, self.prepared.fragments)
            self._costs[id(operation)] = found
        return found


class Documents:
    """The documents of one schema, the least recently used forgotten.

    Without `explains` neither introspection nor a refusal's "Did you mean" tells of the schema.
    """

    def __init__(self, schema: GraphQLSchema, *, explains: bool = True) -> None:
        self._schema = schema
        self._explains = explains
        self._rules = (
            specified_rules if explains else (*specified_rules, NoSchemaIntrospectionCustomRule)
        )
        self._known: OrderedDict[str, Document] = OrderedDict()

    def knows(self, text: str) -> bool:
        """Whether it has been read, so that it costs nothing to read again."""
        return text in self._known

    def read(self, text: str) -> Document:
        """Raises GraphQLError for text that cannot be read, or asks for too much."""
        found = self._known.get(text)
        if found is not None:
            self._known.move_to_end(text)
            return found
        check_nesting(text)
        document = parse(text, max_tokens=MAX_TOKENS)
        check_document(document)
        check_overlaps(document)
        errors = tuple(
            validate(
                self._schema,
                document,
                self._rules,
                max_errors=MAX_ERRORS,
                hide_suggestions=not self._explains,
            )
        )
        found = self._known[text] = Document(Prepared.of(document), errors)
        if len(self._known) > MAX_DOCUMENTS:
            self._known.popitem(last=False)
        return found
