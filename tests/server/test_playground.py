import json
import re
from pathlib import Path

import httpx
import pytest
from graphql import OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server import playground
from server.playground import (
    Example,
    playground_files,
    playground_page,
    read_examples,
    wants_playground,
)

EXAMPLE = Example("Look", "X", "query X { a }", '"</script><b>"')


async def page(request: Request) -> Response:
    del request
    return playground_page(token="a.b.c", examples=[EXAMPLE], workspace="Shop")


@pytest.fixture
def http() -> httpx.AsyncClient:
    app = Starlette(routes=[Route("/graphql", page), playground_files()])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver")


async def test_page_runs_no_inline_script_and_reaches_no_other_origin(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.get("/graphql")
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; "
        "style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "Accept"
    assert re.findall(r'(?:href|src)="(?!/static/playground/)', answer.text) == []
    assert re.findall(r"<script[^>]*>", answer.text) == [
        re.search(r'<script type="module"[^>]*>', answer.text)[0],  # type: ignore[index]
        '<script type="application/json" id="playground">',
    ]


async def test_what_is_written_into_the_page_cannot_leave_its_element(
    http: httpx.AsyncClient,
) -> None:
    text = (await http.get("/graphql")).text
    data = text.partition('id="playground">')[2].partition("</script>")[0]
    assert "<" not in data
    assert json.loads(data) == {
        "endpoint": "/graphql",
        "token": "a.b.c",
        "workspace": "Shop",
        "mailboxUrl": None,
        "examples": [
            {
                "task": "Look",
                "title": "X",
                "query": "query X { a }",
                "variables": '"</script><b>"',
            }
        ],
        "examplesKey": "435fa7f65a00",
    }


async def test_every_file_the_page_loads_is_there_and_kept_for_a_year(
    http: httpx.AsyncClient,
) -> None:
    text = (await http.get("/graphql")).text
    paths = re.findall(r'(?:href|src)="(/static/playground/assets/[^"]+)"', text)
    assert [Path(path).suffix for path in paths] == [".css", ".js"]
    for path in paths:
        answer = await http.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await http.get("/static/playground/../../playground.py")).status_code == 404


async def test_bundle_evaluates_no_text_and_names_its_licences() -> None:
    static = Path(playground.__file__).parent / "static" / "playground"
    scripts = {path.name: path.read_text() for path in (static / "assets").glob("*.js")}
    calls = [name for name, text in scripts.items() if re.search(r"new Function\(|\beval\(", text)]
    assert calls == []
    licences = (static / "LICENCES.txt").read_text()
    assert "graphiql 5.4.0 (MIT)" in licences
    assert "monaco-editor 0.52.2 (MIT)" in licences


@pytest.mark.parametrize(
    ("method", "accept", "expected"),
    [
        ("GET", "text/html,application/xhtml+xml", True),
        ("GET", "application/json", False),
        ("GET", None, False),
        ("POST", "text/html", False),
    ],
)
def test_only_browsers_get_the_page(method: str, accept: str | None, expected: bool) -> None:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    request = Request({"type": "http", "method": method, "headers": headers})
    assert wants_playground(request) is expected


def test_examples_come_in_order_with_known_ids_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playground, "_EXAMPLES", tmp_path)
    watch, begin = tmp_path / "20-watch-it-live", tmp_path / "10-begin"
    watch.mkdir()
    begin.mkdir()
    (watch / "10-live-stats.graphql").write_text("subscription S { s }\n")
    (watch / "10-live-stats.json").write_text('{"id": "<sequence>", "to": "<person>"}\n')
    (begin / "20-who-asks.graphql").write_text("query Q { q }\n")
    (begin / "10-hello.graphql").write_text("{ hello }\n")
    assert read_examples({"sequence": 'a"b'}) == [
        Example("Begin", "Hello", "{ hello }", ""),
        Example("Begin", "Who asks", "query Q { q }", ""),
        Example(
            "Watch it live",
            "Live stats",
            "subscription S { s }",
            '{"id": "a\\"b", "to": "<person>"}',
        ),
    ]


@pytest.mark.parametrize("example", read_examples({}), ids=lambda example: example.title)
def test_every_example_is_valid_for_the_schema(example: Example) -> None:
    schema = build_schema((Path(__file__).parents[2] / "schema" / "schema.graphql").read_text())
    document = parse(example.query)
    assert validate(schema, document) == []
    given = json.loads(example.variables or "{}")
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    assert operations != []
    for operation in operations:
        coerced = get_variable_values(schema, operation.variable_definitions or (), given)
        assert not isinstance(coerced, list), coerced
