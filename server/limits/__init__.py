"""What one GraphQL operation may ask for: its shape, from the text alone, and its cost."""

from server.limits.cost import Asked, Cost, CostModel
from server.limits.figures import (
    MAX_ALIASES,
    MAX_DEPTH,
    MAX_DIRECTIVES,
    MAX_FIELDS,
    MAX_TOKENS,
    check_document,
    check_nesting,
)
from server.limits.overlaps import MAX_COMPARISONS, check_overlaps

__all__ = [
    "MAX_ALIASES",
    "MAX_COMPARISONS",
    "MAX_DEPTH",
    "MAX_DIRECTIVES",
    "MAX_FIELDS",
    "MAX_TOKENS",
    "Asked",
    "Cost",
    "CostModel",
    "check_document",
    "check_nesting",
    "check_overlaps",
]
