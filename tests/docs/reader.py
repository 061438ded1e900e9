"""A reader of the documentation who does all that a page says, in order, on a real server."""

import asyncio
import json
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from graphql import OperationDefinitionNode, OperationType, parse

from domain.base.clock import now
from tests.docs.pages import Block, blocks, commands
from tests.whole.works import Works

ROOT = Path(__file__).parents[2]
ADDRESS_IN_PAGES = "http://localhost:8000"
ANYTHING = "…"
# These run until they are stopped; that their options are right is all there is to see.
PROCESSES = {"up", "serve", "worker", "scheduler", "mailbox"}


@dataclass
class Reader:
    """`kept` are values by name; `token` is one of them."""

    address: str
    folder: Path
    works: Works
    environment: dict[str, str]
    kept: dict[str, str] = field(default_factory=dict)
    last: Any = None
    ahead: timedelta = timedelta(0)

    async def read(self, path: Path) -> None:
        found = list(blocks(path))
        for place, block in enumerate(found):
            try:
                await self._do(block, found[place + 1 : place + 3])
            except Exception as error:
                error.add_note(f"{path.name}, line {block.line}")
                raise

    async def _do(self, block: Block, following: list[Block]) -> None:
        if block.kind == "work":
            self.ahead += timedelta(seconds=int(block.text))
            await self.works.work(now() + self.ahead)
        elif not block.is_run:
            pass
        elif "file" in block.marks:
            (self.folder / block.marks["file"]).write_text(block.text, encoding="utf-8")
            if block.kind == "js":
                await self._shell(f"node {block.marks['file']}")
        elif block.kind == "graphql":
            await self._ask(block, following)
        elif block.kind == "sh":
            for command in commands(block.text):
                await self._shell(command)
        elif block.kind == "json" and "answer" in block.marks:
            expected = json.loads(self._filled(block.text))
            assert holds(self.last, expected), f"answered: {json.dumps(self.last, indent=2)}"
        for one in filter(None, block.marks.get("keep", "").split(",")):
            name, _, where = one.partition("=")
            self.kept[name.strip()] = str(_at(self.last["data"], where.strip()))

    def _filled(self, text: str) -> str:
        return re.sub(r"<(\w+)>", lambda match: self.kept[match[1]], text)

    async def _ask(self, block: Block, following: list[Block]) -> None:
        variables: dict[str, Any] = {}
        if following and "variables" in following[0].marks:
            variables = json.loads(self._filled(following.pop(0).text))
        shown = following[0] if following and "answer" in following[0].marks else None
        asker = block.marks.get("ask as", "token")
        token = None if asker == "nobody" else self.kept[asker]
        document = parse(block.text)
        (operation,) = [
            one for one in document.definitions if isinstance(one, OperationDefinitionNode)
        ]
        if operation.operation is OperationType.SUBSCRIPTION:
            self.last = {"data": await self._first(block.text, variables, token)}
        else:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with httpx.AsyncClient(base_url=self.address) as client:
                body = {"query": block.text, "variables": variables}
                self.last = (await client.post("/graphql", json=body, headers=headers)).json()
        # Errors are as they should be where the answer that is shown has some.
        if shown is None or '"code"' not in shown.text:
            assert "errors" not in self.last, self.last["errors"]
            if operation.operation is OperationType.MUTATION:
                for payload in self.last["data"].values():
                    assert payload["errors"] == [], payload["errors"]

    async def _first(self, text: str, variables: dict[str, Any], token: str | None) -> Any:
        transport = WebsocketsTransport(
            url=f"{self.address.replace('http', 'ws', 1)}/graphql",
            subprotocols=["graphql-transport-ws"],
            init_payload={"authorization": f"Bearer {token}"},
        )
        request = gql(text)
        request.variable_values = variables
        async with Client(transport=transport) as session:
            async for result in session.subscribe(request):
                return result
        raise AssertionError("the subscription ended before it said anything")

    async def _shell(self, command: str) -> None:
        words = shlex.split(command)
        if words[0] == "dripgraph" and words[1] in PROCESSES:
            from server.cli import main

            main.commands[words[1]].make_context(words[1], words[2:])
            return
        assert words[0] in {"dripgraph", "curl", "node"}, f"say that it is not run: {command}"
        if words[0] != "dripgraph" and not shutil.which(words[0]) and not os.environ.get("CI"):
            pytest.skip(f"`{words[0]}` is missing: install it to run this page's examples")
        local = command.replace(ADDRESS_IN_PAGES, self.address)
        if words[0] == "dripgraph":
            local = f"{shlex.quote(sys.executable)} -m server.cli{local.removeprefix('dripgraph')}"
        process = await asyncio.create_subprocess_shell(
            # The process is to be the command, not a shell around it.
            f"exec {local}",
            cwd=self.folder,
            env={
                **os.environ,
                **self.environment,
                **{name.upper(): value for name, value in self.kept.items()},
                "PYTHONPATH": str(ROOT),
                "DRIPGRAPH_URL": self.address,
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        if "-N" in words:
            # A stream has no end of its own: it is left after the first thing it says.
            async with asyncio.timeout(30):
                while (line := await process.stdout.readline()) and b'"data"' not in line:
                    pass
            process.kill()
            await process.communicate()
            self.last = json.loads(line.partition(b":")[2])
            return
        said, complained = await process.communicate()
        assert process.returncode == 0, complained.decode()
        text = said.decode()
        self.last = json.loads(text) if text.startswith("{") else text


def _at(value: Any, where: str) -> Any:
    for part in where.split("."):
        value = value[int(part)] if part.isdigit() else value[part]
    return value


def holds(found: Any, expected: Any) -> bool:
    """Whether `found` is what is expected: objects may hold more, `…` is anything but null."""
    if expected == ANYTHING:
        return found is not None
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            key in found and holds(found[key], value) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(found) == len(expected)
            and all(map(holds, found, expected))
        )
    return bool(found == expected)
