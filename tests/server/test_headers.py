"""What each answer says to browsers, on every route, and whom of other origins it lets read."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from domain.base.settings import Settings
from server.app import create_app
from server.mailbox import Mailbox

BARE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
APP = "https://app.example.com"
PRODUCTION = {
    "DRIPGRAPH_ENV": "production",
    "SMTP_URL": "smtp://mail.example.com",
    "PUBLIC_URL": "https://mail.example.com",
}
# Requests by the route that serves them.
REQUESTS = {
    "/graphql": [
        ("GET", "/graphql", {"Accept": "text/html"}),
        ("GET", "/graphql", {"Accept": "application/json"}),
        ("DELETE", "/graphql", {}),
        ("POST", "/graphql", {"Content-Type": "text/plain"}),
        ("POST", "/graphql", {"Content-Type": "application/json"}),
        ("POST", "/graphql", {"Content-Type": "application/json", "Accept": "text/event-stream"}),
        ("POST", "/graphql", {"Content-Type": "multipart/form-data; boundary=x"}),
    ],
    "/static/playground": [
        ("GET", "/static/playground/icon.svg", {}),
        ("GET", "/static/playground/nothing.js", {}),
    ],
    "/livez": [("GET", "/livez", {}), ("POST", "/livez", {})],
    "/readyz": [("GET", "/readyz", {})],
    "/o/{token}.gif": [("GET", "/o/x.gif", {})],
    "/c/{token}/{number}": [("GET", "/c/x/1", {})],
    "/u/{token}": [("GET", "/u/x", {}), ("POST", "/u/x", {})],
    "/download/{token}": [("GET", "/download/x", {})],
    "": [("GET", "/nothing", {}), ("OPTIONS", "/livez", {}), ("GET", "/%00", {})],
}


@asynccontextmanager
async def client_of(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def routes_of(settings: Settings) -> list[BaseRoute]:
    layer: object = create_app(settings)
    while not isinstance(layer, Starlette):
        held = [value for name, value in vars(layer).items() if name in {"_application", "_app"}]
        (layer,) = held
    return layer.routes


def test_every_route_has_its_requests(settings: Settings) -> None:
    served = {route.path for route in routes_of(settings) if isinstance(route, Route | Mount)}
    assert served == set(REQUESTS) - {""}


@pytest.mark.parametrize("route", REQUESTS)
async def test_every_answer_of_a_route_carries_the_headers(
    route: str, database: str, settings_with: Callable[..., Settings]
) -> None:
    async with client_of(settings_with(**PRODUCTION)) as client:
        for method, path, headers in REQUESTS[route]:
            answer = await client.request(method, path, headers=headers)
            said = answer.headers
            assert said["x-content-type-options"] == "nosniff"
            assert said["referrer-policy"] == "no-referrer"
            assert said["strict-transport-security"] == "max-age=63072000"
            policy = said["content-security-policy"]
            assert policy.startswith("default-src 'none'; ")
            assert "script-src 'unsafe" not in policy
            assert "set-cookie" not in said
            assert "access-control-allow-origin" not in said
            if not path.startswith("/static/"):
                assert "frame-ancestors 'none'" in policy


async def test_an_answer_that_is_no_page_may_load_nothing(
    database: str, settings: Settings
) -> None:
    async with client_of(settings) as client:
        answer = await client.post("/graphql", json={"query": "{ __typename }"})
    assert answer.json()["data"] == {"__typename": "Query"}
    assert answer.headers["content-security-policy"] == BARE
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "changed", [{}, {"PUBLIC_URL": "https://x.test"}, {**PRODUCTION, "PUBLIC_URL": "http://[::1]"}]
)
async def test_only_production_behind_https_binds_browsers_to_it(
    changed: dict[str, str], settings_with: Callable[..., Settings]
) -> None:
    async with client_of(settings_with(**changed)) as client:
        assert "strict-transport-security" not in (await client.get("/livez")).headers


def cross_origin(answer: httpx.Response) -> dict[str, str]:
    return {
        name: value
        for name, value in answer.headers.items()
        if name.startswith("access-control-") or name == "vary"
    }


ALLOWED = {
    "access-control-allow-origin": APP,
    "access-control-expose-headers": "*",
    "vary": "Origin",
}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/graphql", {"Content-Type": "application/json"}),
        ("POST", "/graphql", {"Content-Type": "text/plain"}),
        ("POST", "/graphql", {"Content-Type": "application/json", "Authorization": "Bearer x"}),
        ("GET", "/livez", {}),
        ("GET", "/nothing", {}),
    ],
)
async def test_listed_origins_may_read_every_answer_and_no_others(
    method: str, path: str, headers: dict[str, str], settings_with: Callable[..., Settings]
) -> None:
    async with client_of(settings_with(CORS_ORIGINS=f"{APP}, http://localhost:5173")) as client:

        async def asked_from(origin: dict[str, str]) -> dict[str, str]:
            answer = await client.request(method, path, headers=headers | origin)
            return cross_origin(answer)

        assert await asked_from({"Origin": APP}) == ALLOWED
        for other in ("null", "https://app.example.com.evil.test", "http://app.example.com", "*"):
            assert await asked_from({"Origin": other}) == {"vary": "Origin"}
        assert await asked_from({}) == {"vary": "Origin"}


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-a"}


async def test_a_preflight_is_answered_for_listed_origins_alone(
    settings_with: Callable[..., Settings],
) -> None:
    async with client_of(settings_with(CORS_ORIGINS=APP)) as client:
        allowed = await client.options("/graphql", headers={"Origin": APP, **PREFLIGHT})
        refused = await client.options("/graphql", headers={"Origin": "null", **PREFLIGHT})
    assert (allowed.status_code, cross_origin(allowed)) == (
        204,
        {
            **ALLOWED,
            "access-control-allow-methods": "GET, POST",
            "access-control-allow-headers": "authorization, *",
            "access-control-max-age": "86400",
        },
    )
    assert (refused.status_code, cross_origin(refused)) == (403, {"vary": "Origin"})


async def test_without_a_list_nobody_elsewhere_is_let_in(settings: Settings) -> None:
    async with client_of(settings) as client:
        preflight = await client.options("/graphql", headers={"Origin": APP, **PREFLIGHT})
        posted = await client.post("/graphql", json={}, headers={"Origin": APP})
    assert (preflight.status_code, cross_origin(preflight)) == (403, {})
    assert cross_origin(posted) == {}


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/mailbox.css", "/mailbox.js", "/icon.svg", "/favicon.ico", "/nothing"),
        *("/api/messages", "/api/messages?limit=x", "/api/messages/1", "/api/messages/1/source"),
        *("/api/messages/1/html", "/api/messages/1/attachments/0"),
    ],
)
async def test_every_answer_of_the_mailbox_carries_the_headers(path: str, tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    await mailbox.start()
    try:
        async with httpx.AsyncClient(base_url=mailbox.url) as client:
            own = (await client.get(path)).headers
            strange = (await client.get(path, headers={"Host": "evil.example"})).headers
    finally:
        await mailbox.stop()
    for said in (own, strange):
        assert said["x-content-type-options"] == "nosniff"
        assert said["referrer-policy"] == "no-referrer"
        assert said["content-security-policy"].startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in said["content-security-policy"]
