"""The executable schema, and its text as committed in `schema/schema.graphql`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import strawberry
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from resolvers.mutation import Mutation
from resolvers.query import Query
from resolvers.subscription import Subscription
from schema.activity import Event
from schema.base.rows import read_field
from schema.base.scalars import SCALARS
from schema.sequences.definition import TYPES as STEPS_AND_TRIGGERS

SDL_PATH = Path(__file__).parent.parent / "schema" / "schema.graphql"


class _Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Clients' mistakes are no news; faults are logged where they are masked."""


def build_schema(
    extensions: Sequence[type[SchemaExtension] | Callable[[], SchemaExtension]] = (),
) -> strawberry.Schema:
    return _Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Event, *STEPS_AND_TRIGGERS],
        extensions=list(extensions),
        config=StrawberryConfig(default_resolver=read_field, scalar_map=SCALARS),
    )


def sdl() -> str:
    return build_schema().as_str() + "\n"


def main() -> None:
    """Write the committed SDL anew."""
    SDL_PATH.write_text(sdl(), encoding="utf-8")


if __name__ == "__main__":
    main()
