"""Documents that clients send, read once for each text: parsed, limited, validated."""

from collections import OrderedDict
from dataclasses import dataclass

from graphql import GraphQLError, GraphQLSchema, parse, validate

from server.compiled import Prepared
from server.limits import MAX_TOKENS, check_document, check_nesting

MAX_DOCUMENTS = 1_000
MAX_ERRORS = 20


@dataclass(frozen=True, slots=True)
class Document:
    """`errors` are those of validation; a document that has any is not executed."""

    prepared: Prepared
    errors: tuple[GraphQLError, ...]


class Documents:
    """The documents of one schema, the least recently used forgotten."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._known: OrderedDict[str, Document] = OrderedDict()

    def read(self, text: str) -> Document:
        """Raises GraphQLError for text that cannot be read, or asks for too much."""
        found = self._known.get(text)
        if found is not None:
            self._known.move_to_end(text)
            return found
        check_nesting(text)
        document = parse(text, max_tokens=MAX_TOKENS)
        check_document(document)
        errors = tuple(validate(self._schema, document, max_errors=MAX_ERRORS))
        found = self._known[text] = Document(Prepared.of(document), errors)
        if len(self._known) > MAX_DOCUMENTS:
            self._known.popitem(last=False)
        return found
