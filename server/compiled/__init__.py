"""Compiled execution of GraphQL operations over a Strawberry schema. See README.md."""

from server.compiled.events import compile_events
from server.compiled.executor import CompiledExecutor, Outcome, core_of
from server.compiled.operations import Prepared

__all__ = ["CompiledExecutor", "Outcome", "Prepared", "compile_events", "core_of"]
