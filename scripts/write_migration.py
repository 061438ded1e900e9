"""Write a migration for what the models say and no migration does yet."""

import asyncio

from domain.base.migrations import write_migration


def main() -> None:
    written = asyncio.run(write_migration())
    for path in written:
        print(f"wrote {path}")
    if not written:
        print("the models and the migrations agree")


if __name__ == "__main__":
    main()
