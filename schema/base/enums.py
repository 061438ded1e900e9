"""Python's enums in GraphQL, each value with a description."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, cast

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition


def described_enum(
    enum: type[Enum], *, name: str, description: str, values: Mapping[Any, str]
) -> None:
    """Give an enum to GraphQL; annotate with the enum itself.

    `values` describes each member. Raises ValueError when one is missing.
    """
    strawberry.enum(enum, name=name, description=description)
    if missing := [member.name for member in enum if member not in values]:
        raise ValueError(f"{name} does not describe {', '.join(missing)}")
    definition = cast("StrawberryEnumDefinition", vars(enum)["__strawberry_definition__"])
    for value in definition.values:
        value.description = values[enum[value.name]]
