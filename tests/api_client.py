"""A GraphQL client as small as a test wants it."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import httpx


@dataclass(frozen=True)
class Api:
    client: httpx.AsyncClient
    token: str | None = None

    def as_nobody(self) -> "Api":
        return replace(self, token=None)

    def with_token(self, token: str) -> "Api":
        return replace(self, token=token)

    async def post(self, query: str, **variables: Any) -> httpx.Response:
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        body = {"query": query, "variables": variables}
        response = await self.client.post("/graphql", json=body, headers=headers)
        # The driver tells of a statement that it has sent only on the loop's next turn.
        await asyncio.sleep(0)
        return response

    async def run(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation that must succeed."""
        answer = (await self.post(query, **variables)).json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def errors(self, query: str, **variables: Any) -> list[dict[str, Any]]:
        """The top-level errors of an operation that must fail."""
        found: list[dict[str, Any]] = (await self.post(query, **variables)).json()["errors"]
        return found

    async def upload(
        self, query: str, files: dict[str, tuple[str, bytes]], **variables: Any
    ) -> httpx.Response:
        """A GraphQL multipart request; `files` by the name of their variable."""
        import json

        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        operations = {"query": query, "variables": {**variables, **dict.fromkeys(files)}}
        parts: dict[str, Any] = {
            "operations": (None, json.dumps(operations)),
            "map": (None, json.dumps({name: [f"variables.{name}"] for name in files})),
        }
        parts.update(files)
        return await self.client.post("/graphql", files=parts, headers=headers)
