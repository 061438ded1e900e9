"""Compiled execution of GraphQL operations over a Strawberry schema. See README.md."""

from server.compiled.executor import CompiledExecutor, Outcome, core_of
from server.compiled.operations import Prepared

__all__ = ["CompiledExecutor", "Outcome", "Prepared", "core_of"]
