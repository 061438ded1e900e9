"""`/graphql` for browsers: GraphiQL, signed in for the demo workspace in development."""

from datetime import timedelta
from urllib.parse import urlsplit

from starlette.responses import Response

from domain.base.clock import now
from domain.base.database import fetch, fetchrow
from domain.base.settings import Settings
from domain.identity.models import Role
from domain.identity.tokens import issue_access_token
from schema.base.node import encode_id
from server.playground import playground_page, read_examples

SIGNED_IN_FOR = timedelta(hours=12)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


async def graphiql(settings: Settings, host: str) -> Response:
    """The page as asked for under the name `host`.

    In production, and under a name that is not this machine's (a page elsewhere may have pointed
    one here), it knows nothing and asks for a sign-in.
    """
    known: dict[str, str] = {}
    token = workspace = None
    if not settings.is_production and is_own_name(settings, host):
        owner = await fetchrow(
            "SELECT w.id, w.name, m.user_id FROM workspace w JOIN membership m"
            " ON m.workspace_id = w.id WHERE w.is_demo AND m.role = 'owner' ORDER BY w.id LIMIT 1"
        )
        if owner is not None:
            workspace = owner["name"]
            token, _ = issue_access_token(
                settings.secret_key,
                user_id=owner["user_id"],
                workspace_id=owner["id"],
                role=Role.OWNER,
                now=now(),
                lifetime_seconds=int(SIGNED_IN_FOR.total_seconds()),
            )
            rows = await fetch(_KNOWN, owner["id"])
            known = {row["kind"].lower(): encode_id(row["kind"], row["id"]) for row in rows}
    return playground_page(
        token=token,
        workspace=workspace,
        examples=read_examples(known),
        mailbox_url=None
        if settings.smtp_url
        else f"http://{settings.mailbox_host}:{settings.mailbox_http_port}/",
    )


def is_own_name(settings: Settings, host: str) -> bool:
    """Whether a Host header names the public address or the loopback."""
    name = urlsplit(f"//{host}").hostname
    return name in {*LOOPBACK, urlsplit(settings.public_url).hostname}


# One of each kind that the examples may speak of: the oldest sequence and template.
_KNOWN = """
(SELECT 'Sequence' AS kind, id FROM sequence WHERE workspace_id = $1 ORDER BY id LIMIT 1)
UNION ALL
(SELECT 'Template', id FROM template WHERE workspace_id = $1 ORDER BY id LIMIT 1)
UNION ALL
(SELECT 'Subscriber', id FROM subscriber WHERE workspace_id = $1 ORDER BY id LIMIT 1)
UNION ALL
(SELECT 'Enrollment', id FROM enrollment WHERE workspace_id = $1 ORDER BY id LIMIT 1)
"""
