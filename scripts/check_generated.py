"""Fail when a generated file is not what the code says: the schema's text, the migrations."""

import asyncio
import difflib
import sys

from domain.base.migrations import missing_operations
from resolvers.schema import SDL_PATH, sdl


def main() -> None:
    committed = SDL_PATH.read_text(encoding="utf-8")
    difference = list(
        difflib.unified_diff(
            committed.splitlines(), sdl().splitlines(), "committed", "code", lineterm="", n=2
        )
    )
    if difference:
        print("\n".join(difference))
        print("schema/schema.graphql differs from the code: run `make schema`")
    missing = asyncio.run(missing_operations())
    for operation in missing:
        print(f"no migration does this: {operation}")
    if missing:
        print("the models and the migrations differ: run `make migration`")
    sys.exit(bool(difference or missing))


if __name__ == "__main__":
    main()
