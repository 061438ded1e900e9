"""Argon2id in a bounded pool of threads, never on the event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.base.errors import InvalidInputError

MIN_LENGTH = 10
MAX_LENGTH = 200

# 19 MiB, two passes, one lane: OWASP's first choice for Argon2id.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
# Verified when no account has the address, so that both answers take the same time.
_NOBODYS_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$5yKG4CthmGfKhE4CJb+kzQ"
    "$Fc5Hc918lh/4qEJWzj25TdDMjdcOUg6UrwzpqlZYFTE"
)


def check_strength(password: str, *, field: str = "password") -> None:
    """Raises InvalidInputError; length is what counts, and what bounds the work of hashing."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidInputError(
            f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.", field=field
        )


async def hash_password(password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def password_matches(password_hash: str | None, password: str) -> bool:
    """Whether it is the password; False, after the same work, for no account."""
    if len(password) > MAX_LENGTH:
        return False

    def verify() -> bool:
        try:
            return _hasher.verify(password_hash or _NOBODYS_HASH, password)
        except (VerificationError, InvalidHashError):
            return False

    matches = await asyncio.get_running_loop().run_in_executor(_threads, verify)
    return matches and password_hash is not None
