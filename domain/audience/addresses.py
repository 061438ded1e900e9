"""The one spelling under which an e-mail address is kept and compared."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

import idna

from domain.base.errors import DomainError, InvalidInputError, RequiredError

MAX_LOCAL_BYTES: Final = 64
MAX_ADDRESS_BYTES: Final = 254

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_DOMAIN: Final = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}")
# Labels with hyphens in the third and fourth place are IDNA's own and are checked by it.
_PLAIN: Final = re.compile(
    rf"(?!.*@(?:.*\.)?..--)(?P<local>{_LOCAL.pattern})@(?P<domain>{_DOMAIN.pattern})"
)


def normalise_email(text: str) -> str:
    """The address in lower case, its domain in ASCII (IDNA 2008), without blanks around it.

    Two addresses of one mailbox get one spelling; two mailboxes never do. So a local part is put
    in lower case and in Unicode's composed form, not fully case-folded: that would make `straße`
    and `strasse` one person.

    Raises `RequiredError` when there is none, `InvalidInputError` when it cannot be mailed; the
    error's field is `email`.
    """
    address = text.strip()
    if len(address) <= MAX_ADDRESS_BYTES:
        found = _PLAIN.fullmatch(address)
        if found is not None and found.end("local") <= MAX_LOCAL_BYTES:
            return address.lower()
    try:
        return _normalise_with_care(address)
    except DomainError as error:
        error.field = "email"
        raise


def _normalise_with_care(address: str) -> str:
    if not address:
        raise RequiredError("The e-mail address is missing.")
    # No spelling of a valid address is longer in characters than it is in bytes once normalised,
    # except by what composing saves; the margin keeps the work on hostile input small.
    if len(address) > MAX_ADDRESS_BYTES * 4:
        raise InvalidInputError(f"The e-mail address is longer than {MAX_ADDRESS_BYTES} bytes.")
    local, at, domain = address.rpartition("@")
    if not at:
        raise InvalidInputError("The e-mail address has no @.")
    address = f"{_local_part(local)}@{_domain_part(domain)}"
    if len(address.encode()) > MAX_ADDRESS_BYTES:
        raise InvalidInputError(f"The e-mail address is longer than {MAX_ADDRESS_BYTES} bytes.")
    return address


def _local_part(text: str) -> str:
    local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    if not local:
        raise InvalidInputError("The e-mail address has nothing before its @.")
    if local.startswith('"'):
        raise InvalidInputError("A quoted name before the @ is not supported.")
    for character in local:
        if not (character.isprintable() and not character.isspace()) or character == "\ufffd":
            raise InvalidInputError(
                f"The e-mail address holds the character U+{ord(character):04X}."
            )
    # For the grammar any letter beyond ASCII counts as a letter (RFC 6531).
    if not _LOCAL.fullmatch("".join(c if c.isascii() else "a" for c in local)):
        raise InvalidInputError("The part of the e-mail address before its @ is malformed.")
    if len(local.encode()) > MAX_LOCAL_BYTES:
        raise InvalidInputError(
            f"The part of the e-mail address before its @ is longer than {MAX_LOCAL_BYTES} bytes."
        )
    return local


@lru_cache(maxsize=10_000)
def _ascii_domain(domain: str) -> str | None:
    try:
        return idna.encode(domain, uts46=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


def _domain_part(text: str) -> str:
    if not text:
        raise InvalidInputError("The e-mail address has nothing after its @.")
    if text.startswith("["):
        raise InvalidInputError("An IP address after the @ is not supported.")
    domain = _ascii_domain(text)
    if domain is None or "." not in domain or not _DOMAIN.fullmatch(domain):
        raise InvalidInputError("The part of the e-mail address after its @ is not a domain.")
    return domain
