"""Trees whose every branch may be missing, fail, or hold what is not allowed there."""

from collections.abc import Mapping
from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.base.batch import batch_field

Row = dict[str, Any]


def answer_of(row: Row, name: str, info: strawberry.Info) -> Any:
    """What a row holds for a field; raised if it is an error of the type that is raised."""
    info.context.calls.append(f"{info.field_name} {row['name']}")
    value = row[name]
    if isinstance(value, Exception):
        raise value
    return value


def called(name: str, annotation: Any) -> Any:
    def resolve(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return answer_of(root, name, info)

    resolve.__annotations__["return"] = annotation
    return strawberry.field(resolver=resolve)


def awaited(name: str, annotation: Any) -> Any:
    async def resolve(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return answer_of(root, name, info)

    resolve.__annotations__["return"] = annotation
    return strawberry.field(resolver=resolve)


def batched(name: str, annotation: Any) -> Any:
    async def resolve(parents: list[Any], info: strawberry.Info) -> list[Any]:
        answers: list[Any] = []
        for row in parents:
            try:
                answers.append(answer_of(row, name, info))
            except ValueError as error:
                answers.append(error)
            except LookupError as error:
                message = f"all of {info.field_name} fail"
                raise RuntimeError(message) from error
        return answers

    resolve.__annotations__["return"] = list[annotation]
    return batch_field(resolve)


@strawberry.type
class Tree:
    name: str
    note: str | None
    size: int
    kids: list["Tree | None"] | None
    strict_kids: list["Tree"]
    child: "Tree | None"
    grid: list[list["Tree"] | None]
    called_note: str | None = called("note", str | None)
    called_size: int = called("size", int)
    called_kids: list["Tree"] = called("strict_kids", list["Tree"])
    called_child: "Tree" = called("child", "Tree")
    later_note: str | None = awaited("note", str | None)
    later_size: int = awaited("size", int)
    later_kids: list["Tree | None"] = awaited("kids", list["Tree | None"])
    later_child: "Tree | None" = awaited("child", "Tree | None")
    batch_note: str | None = batched("note", str | None)
    batch_size: int = batched("size", int)
    batch_kids: list["Tree"] | None = batched("strict_kids", list["Tree"] | None)
    batch_grid: list[list["Tree"] | None] = batched("grid", list[list["Tree"] | None])


def tree(name: str, *kids: Any, **given: Any) -> Row:
    child = kids[0] if kids else None
    row = {"name": name, "note": f"{name}!", "size": len(kids), "kids": list(kids), "child": child}
    return {**row, "strict_kids": list(kids), "grid": [list(kids), None], **given}


@strawberry.type
class Query:
    name: str
    tree: Tree | None
    sure: Tree
    later: Tree | None = awaited("tree", Tree | None)
    trees: list[Tree | None]
    strict: list[Tree] | None


def grove(*trees: Any) -> Row:
    first = trees[0] if trees else None
    return {"name": "grove", "tree": first, "sure": first, "trees": trees, "strict": list(trees)}


def read(source: Any, name: str) -> Any:
    return source[name] if isinstance(source, Mapping) else getattr(source, name)


schema = strawberry.Schema(Query, config=StrawberryConfig(default_resolver=read))
