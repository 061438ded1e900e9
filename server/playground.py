"""GraphiQL for browsers: one page with the examples in it, and the built files it loads."""

import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_STATIC = Path(__file__).parent / "static" / "playground"
_EXAMPLES = Path(__file__).parent / "playground_examples"
_PREFIX = "/static/playground"
_ENTRY = "src/main.jsx"

# Monaco positions lines with style attributes and writes its theme into style elements, so styles
# may be inline. Scripts may not, and nothing may come from or go to another origin.
_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Example:
    """A saved document. `variables` is JSON text, empty when its operations take none."""

    task: str
    title: str
    query: str
    variables: str


def wants_playground(request: Request) -> bool:
    """Whether a browser asks for a page, rather than a client for an answer or a socket."""
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


def read_examples(known: Mapping[str, str]) -> list[Example]:
    """Return the example operations in the order of their file names.

    `NN-task/NN-title.graphql` may have `NN-title.json` beside it with its variables; a text of the
    form `<name>` in there is replaced by `known[name]`, and stays as it is when that is not known.
    """
    examples = []
    for path in sorted(_EXAMPLES.glob("*/*.graphql")):
        beside = path.with_suffix(".json")
        variables = beside.read_text("utf-8").strip() if beside.exists() else ""
        for name, value in known.items():
            variables = variables.replace(f'"<{name}>"', json.dumps(value))
        examples.append(
            Example(
                task=_in_words(path.parent.name),
                title=_in_words(path.stem),
                query=path.read_text("utf-8").strip(),
                variables=variables,
            )
        )
    return examples


def _in_words(file_name: str) -> str:
    return file_name.partition("-")[2].replace("-", " ").capitalize()


def playground_page(
    *,
    token: str | None,
    examples: Sequence[Example],
    workspace: str | None = None,
    mailbox_url: str | None = None,
    endpoint: str = "/graphql",
) -> Response:
    """Return the page. A `token` in it signs everyone in who can load it: development only."""
    saved = [asdict(example) for example in examples]
    known = {
        "endpoint": endpoint,
        "token": token,
        "workspace": workspace,
        "mailboxUrl": mailbox_url,
        "examples": saved,
        "examplesKey": hashlib.sha256(json.dumps(saved).encode()).hexdigest()[:12],
    }
    # "<" is the only character that could end the element from inside.
    data = json.dumps(known).replace("<", "\\u003c")
    return HTMLResponse(
        f'{_head()}<script type="application/json" id="playground">{data}</script>\n'
        '<div id="root"></div>\n</html>\n',
        headers={
            "Content-Security-Policy": _POLICY,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Vary": "Accept",
        },
    )


def playground_files() -> Mount:
    """Return the route of the built files, whose names carry a hash of their content."""
    return Mount(_PREFIX, _HashedFiles(directory=_STATIC), name="playground")


class _HashedFiles(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if path.startswith("assets/"):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        # A worker lives under the policy of its own file.
        response.headers["Content-Security-Policy"] = "default-src 'none'; script-src 'self'"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


@cache
def _head() -> str:
    entry = json.loads((_STATIC / "manifest.json").read_text("utf-8"))[_ENTRY]
    styles = "".join(
        f'<link rel="stylesheet" href="{_PREFIX}/{html.escape(name)}">\n' for name in entry["css"]
    )
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        "<title>GraphiQL · Dripgraph</title>\n"
        f'<link rel="icon" href="{_PREFIX}/icon.svg" type="image/svg+xml">\n{styles}'
        f'<script type="module" src="{_PREFIX}/{html.escape(entry["file"])}"></script>\n'
    )
