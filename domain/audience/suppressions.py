"""Addresses that are not mailed, whether or not a subscriber has them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.audience.addresses import normalise_email
from domain.audience.models import SuppressionReason
from domain.base.database import Record, execute, fetch
from domain.base.errors import NotFoundError
from domain.base.ids import new_id


async def suppressed_among(
    workspace_id: UUID, emails: Sequence[str]
) -> dict[str, SuppressionReason]:
    """Which of these addresses, in their kept form, are not mailed, and why."""
    found = await read_suppressions_of(workspace_id, emails)
    return {email: SuppressionReason(row["reason"]) for email, row in found.items()}


async def read_suppressions_of(workspace_id: UUID, emails: Sequence[str]) -> dict[str, Record]:
    """The suppressions of these addresses, in their kept form, by address."""
    rows = await fetch(
        "SELECT * FROM suppression WHERE workspace_id = $1 AND email = ANY($2::text[])",
        workspace_id,
        list(set(emails)),
    )
    return {row["email"]: row for row in rows}


async def suppress_address(workspace_id: UUID, email: str, now: datetime) -> Record:
    """Mail an address no more; the suppression. One that stands already keeps its reason.

    Raises a `DomainError` for what is no address.
    """
    address = normalise_email(email)
    await execute(
        """INSERT INTO suppression (id, workspace_id, email, reason, created_at)
           VALUES ($1, $2, $3, 'manual', $4) ON CONFLICT DO NOTHING""",
        new_id(now),
        workspace_id,
        address,
        now,
    )
    row = (await read_suppressions_of(workspace_id, [address])).get(address)
    if row is None:
        raise NotFoundError("The suppression was lifted at this moment.", field="email")
    return row


async def unsuppress_address(workspace_id: UUID, email: str) -> str:
    """Lift a suppression; the address. A subscriber keeps the status that they have.

    Raises `NotFoundError` when the address is not suppressed.
    """
    address = normalise_email(email)
    deleted = await execute(
        "DELETE FROM suppression WHERE workspace_id = $1 AND email = $2", workspace_id, address
    )
    if not deleted:
        raise NotFoundError("This address is not suppressed.", field="email")
    return address


async def read_suppressions(
    workspace_id: UUID, suppression_ids: Sequence[UUID]
) -> dict[UUID, Record]:
    """Suppressions by id."""
    rows = await fetch(
        "SELECT * FROM suppression WHERE workspace_id = $1 AND id = ANY($2::uuid[])",
        workspace_id,
        list(suppression_ids),
    )
    return {row["id"]: row for row in rows}
