"""The workspace's own settings."""

from uuid import UUID

from domain.base.database import Record, fetchrow
from domain.base.errors import InvalidInputError, NotFoundError
from domain.identity.accounts import account_email, checked_name
from domain.identity.models import UnknownPolicy

Changes = dict[str, str | None]


def _checked(name: str, value: str | None) -> str | None:
    if name == "on_unknown":
        if value is None:
            raise InvalidInputError("A policy is needed.", field="onUnknown")
        return UnknownPolicy(value).value
    if name == "name":
        return checked_name(value or "", "name")
    if value is None or not value.strip():
        return None
    if name == "from_name":
        return checked_name(value, "fromName")
    if name == "from_email":
        try:
            return account_email(value)
        except InvalidInputError as error:
            raise InvalidInputError(error.message, field="fromEmail") from None
    message = f"a workspace has no setting {name}"
    raise ValueError(message)


async def update_workspace(workspace_id: UUID, changes: Changes) -> Record:
    """Set the columns named in `changes`: name, from_name, from_email, on_unknown.

    Raises InvalidInputError, RequiredError, NotFoundError.
    """
    checked = {name: _checked(name, value) for name, value in changes.items()}
    assignments = ", ".join(f"{name} = ${place}" for place, name in enumerate(checked, start=2))
    row = await fetchrow(
        f"UPDATE workspace SET {assignments or 'name = name'} WHERE id = $1 RETURNING *",
        workspace_id,
        *checked.values(),
    )
    if row is None:
        raise NotFoundError("This workspace is gone.")
    return row
