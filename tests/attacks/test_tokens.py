"""Tokens that somebody made up, altered, or uses as they were not meant to be used."""

import asyncio
import base64
import hmac
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from domain.base import database as db
from domain.base.settings import Settings
from domain.identity import tokens
from domain.identity.accounts import Session
from tests.attacks.cpu import LIMIT_SECONDS, least_cpu

MEMBERS = {"query": "{ members { email } }"}
HOUR = 3_600


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class Forge:
    """Signs with the server's own key, so that one thing alone is wrong at a time."""

    def __init__(self, settings: Settings, session: Session) -> None:
        self.key, self.key_id = tokens._signing_key(settings.secret_key)
        self.header = {"alg": "HS256", "kid": self.key_id, "typ": "at+jwt"}
        now = int(time.time())
        self.claims = {
            "iss": tokens.ISSUER,
            "aud": tokens.AUDIENCE,
            "sub": str(session.user_id),
            "ws": str(session.workspace_id),
            "role": "owner",
            "iat": now - 1,
            "exp": now + HOUR,
            "jti": "a token",
        }

    def signed(self, header: dict[str, Any], claims: object, digest: str = "sha256") -> str:
        text = f"{part(header)}.{part(claims)}"
        signature = hmac.digest(self.key, text.encode(), digest)
        return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    def token(self, **changed: object) -> str:
        """A token in which these claims differ; those that are None are left out."""
        claims = {**self.claims, **changed}
        return self.signed(
            self.header, {name: value for name, value in claims.items() if value is not None}
        )

    def headed(self, **changed: object) -> str:
        header = {**self.header, **changed}
        return self.signed(
            {name: value for name, value in header.items() if value is not None}, self.claims
        )


@pytest.fixture
def forge(settings: Settings, session: Session) -> Forge:
    return Forge(settings, session)


async def ask(target: httpx.AsyncClient, token: str) -> httpx.Response:
    return await target.post(
        "/graphql", json=MEMBERS, headers={"Authorization": f"Bearer {token}".encode("latin-1")}
    )


async def test_the_forge_makes_sound_tokens_when_nothing_is_changed(
    target: httpx.AsyncClient, forge: Forge
) -> None:
    answer = await ask(target, forge.token())
    assert answer.json()["data"] == {"members": [{"email": "ada@example.com"}]}


FAR = 10**10
CLAIMS: dict[str, dict[str, object]] = {
    "no end": {"exp": None},
    "ended": {"exp": int(time.time()) - 1},
    "ends in no time that there is": {"exp": 10**40},
    "ends at a text": {"exp": "tomorrow"},
    "ends at a list": {"exp": [FAR]},
    "begins later": {"nbf": int(time.time()) + HOUR},
    "made later": {"iat": int(time.time()) + HOUR},
    "made at no time": {"iat": None},
    "made at a text": {"iat": "now"},
    "of another issuer": {"iss": "https://evil.example"},
    "of a list of issuers": {"iss": [tokens.ISSUER]},
    "of no issuer": {"iss": None},
    "for another audience": {"aud": "another-api"},
    "for no audience": {"aud": None},
    "about nobody": {"sub": None},
    "about no id": {"sub": "ada"},
    "about a number": {"sub": 7},
    "without a name": {"jti": None},
    "in no workspace": {"ws": None},
    "in no such workspace": {"ws": "' OR 1=1 --"},
    "in a list of workspaces": {"ws": ["x"]},
    "with a made-up role": {"role": "root"},
    "with no role": {"role": None},
    "with all roles": {"role": ["owner", "admin"]},
}


@pytest.mark.parametrize("wrong", CLAIMS)
async def test_a_token_with_one_wrong_claim_is_refused(
    target: httpx.AsyncClient, forge: Forge, wrong: str
) -> None:
    assert (await ask(target, forge.token(**CLAIMS[wrong]))).status_code == 401


HEADERS: dict[str, dict[str, object]] = {
    "no algorithm": {"alg": "none"},
    "none in other letters": {"alg": "NoNe"},
    "an empty algorithm": {"alg": ""},
    "a missing algorithm": {"alg": None},
    "a stronger algorithm than is used": {"alg": "HS512"},
    "an algorithm of key pairs": {"alg": "RS256"},
    "another key": {"kid": "0" * 16},
    "no key": {"kid": None},
    "a path for a key": {"kid": "../../../../dev/null"},
    "a query for a key": {"kid": "' UNION SELECT 'key"},
    "a list for a key": {"kid": ["x"]},
    "the type of other tokens": {"typ": "JWT"},
    "no type": {"typ": None},
    "an extension that must be understood": {"crit": ["exp"], "exp": 1},
    "an unencoded payload": {"b64": False, "crit": ["b64"]},
}


@pytest.mark.parametrize("wrong", HEADERS)
async def test_a_token_with_a_wrong_header_is_refused(
    target: httpx.AsyncClient, forge: Forge, wrong: str
) -> None:
    assert (await ask(target, forge.headed(**HEADERS[wrong]))).status_code == 401


async def test_a_key_that_the_token_brings_itself_is_not_used(
    target: httpx.AsyncClient, forge: Forge
) -> None:
    own = Forge.__new__(Forge)
    own.key, own.claims = b"k" * 32, forge.claims
    brought = {"kty": "oct", "k": base64.urlsafe_b64encode(own.key).decode()}
    for more in (
        {"jwk": brought},
        {"jku": "http://evil.example/keys"},
        {"x5u": "http://evil.example/chain"},
    ):
        assert (
            await ask(target, own.signed({**forge.header, **more}, own.claims))
        ).status_code == (401)


async def test_algorithms_cannot_be_swapped(target: httpx.AsyncClient, forge: Forge) -> None:
    private = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    headers = {"kid": forge.key_id, "typ": "at+jwt"}
    swapped = [
        jwt.encode(forge.claims, pem, algorithm="RS256", headers=headers),
        jwt.encode(forge.claims, None, algorithm="none", headers=headers),
        forge.signed({**forge.header, "alg": "HS512"}, forge.claims, "sha512"),
        forge.signed({**forge.header, "alg": "HS384"}, forge.claims, "sha384"),
    ]
    for token in swapped:
        assert (await ask(target, token)).status_code == 401


async def test_altered_and_broken_tokens_are_refused(
    target: httpx.AsyncClient, forge: Forge, session: Session
) -> None:
    header, claims, signature = forge.token().split(".")
    viewer = part({**forge.claims, "role": "owner", "ws": "00000000-0000-0000-0000-000000000000"})
    broken = [
        f"{header}.{viewer}.{signature}",
        f"{header}.{claims}.",
        f"{header}.{claims}",
        f"{header}.{claims}.{signature[:-4]}AAAA",
        f"{header}.{claims}.{signature}.{signature}",
        f"{header}..{signature}",
        f".{claims}.{signature}",
        "..",
        "." * 3_000,
        f"{header}.{part([])}.{signature}",
        forge.signed(forge.header, []),
        forge.signed(forge.header, "owner"),
        forge.signed([], forge.claims),  # type: ignore[arg-type]
        part({"alg": "none"}) + "." + claims + ".",
        session.tokens.refresh_token,
        "dg_" + "A" * 43,
        "dg_",
        "dg_é",
    ]
    for token in broken:
        assert (await ask(target, token)).status_code == 401


@pytest.mark.parametrize(
    "token",
    ["x" * 3_900, "a." * 1_900, part({"a": "b" * 1_500}) + "." + part({"a": "b" * 1_000}) + ".x"],
    ids=["long", "dots", "large"],
)
async def test_a_made_up_token_is_refused_cheaply(target: httpx.AsyncClient, token: str) -> None:
    spent, answer = await least_cpu(lambda number: ask(target, f"{token}{number}"))
    assert answer.status_code == 401
    assert spent < LIMIT_SECONDS


REFRESH = "mutation ($t: String!) { refreshSession(refreshToken: $t) { session { refreshToken } } }"


async def test_a_copied_refresh_token_ends_the_session_of_thief_and_owner(
    target: httpx.AsyncClient, settings: Settings
) -> None:
    async def trade(token: str) -> str | None:
        answer = await target.post("/graphql", json={"query": REFRESH, "variables": {"t": token}})
        traded = answer.json()["data"]["refreshSession"]["session"]
        return None if traded is None else str(traded["refreshToken"])

    signed_up = await target.post(
        "/graphql",
        json={
            "query": "mutation ($input: SignUpInput!) { signUp(input: $input)"
            " { session { refreshToken } } }",
            "variables": {
                "input": {
                    "email": "grace@example.com",
                    "password": "correct horse battery",
                    "name": "Grace",
                    "workspaceName": "Ships",
                }
            },
        },
    )
    token = signed_up.json()["data"]["signUp"]["session"]["refreshToken"]
    found = [new for new in await asyncio.gather(*(trade(token) for _ in range(16))) if new]
    assert len(found) == 1
    # The others were second uses, which ended what the first one began.
    assert await trade(found[0]) is None
    assert await db.fetchval("SELECT count(*) FROM refresh_token WHERE revoked_at IS NULL") == 0
