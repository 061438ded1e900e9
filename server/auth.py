"""From an `Authorization` header to a viewer, without a database read for what is fresh."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.base.errors import UnauthenticatedError
from domain.base.settings import Settings
from domain.identity.api_keys import PREFIX, find_by_api_key
from domain.identity.tokens import read_access_token
from domain.identity.viewer import Viewer

KEPT_SECONDS = 10
MAX_KEPT = 10_000
MAX_HEADER = 4_096


@dataclass(frozen=True, slots=True)
class SignIn:
    """Whom a header speaks for, and until when; `ends_at` is None for an API key."""

    header: str
    viewer: Viewer
    ends_at: datetime | None


_kept: dict[tuple[str, str], tuple[datetime, SignIn]] = {}


async def authenticate(settings: Settings, header: str, now: datetime) -> Viewer:
    """Whom a header speaks for. Raises UnauthenticatedError.

    An answer is kept for up to ten seconds, never past a token's end; for so long a revoked API
    key may still work.
    """
    return (await sign_in(settings, header, now)).viewer


async def sign_in(settings: Settings, header: str, now: datetime) -> SignIn:
    """The same, with the end of it. Raises UnauthenticatedError."""
    if len(header) > MAX_HEADER:
        raise UnauthenticatedError("The Authorization header is too long.")
    kept = _kept.get((settings.secret_key, header))
    if kept is not None and kept[0] > now:
        return kept[1]
    scheme, _, credential = header.partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise UnauthenticatedError("The Authorization header must be `Bearer …`.")
    until = now + timedelta(seconds=KEPT_SECONDS)
    ends_at: datetime | None = None
    if credential.startswith(PREFIX):
        viewer = await find_by_api_key(credential, now)
        if viewer is None:
            raise UnauthenticatedError("The API key is not valid, or no longer.")
    else:
        viewer, ends_at = read_access_token(settings.secret_key, credential)
        until = min(until, ends_at)
    if len(_kept) >= MAX_KEPT:
        _kept.clear()
    found = SignIn(header, viewer, ends_at)
    _kept[settings.secret_key, header] = (until, found)
    return found
