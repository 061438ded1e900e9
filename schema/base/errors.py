"""Expected failures as data: every mutation's payload lists them."""

import strawberry

from domain.base.errors import DomainError, DomainErrors, ErrorCode

strawberry.enum(
    ErrorCode, name="ErrorCode", description="What kind of failure; stable, for programs."
)


@strawberry.type(description="Why a mutation did nothing, and which input is at fault.")
class UserError:
    field: str | None = strawberry.field(
        description="Path inside the input, such as `email` or `steps.0.key`; null for none."
    )
    message: str = strawberry.field(description="For people.")
    code: ErrorCode = strawberry.field(description="For programs.")


def user_errors(failure: DomainError | DomainErrors) -> list[UserError]:
    errors = failure.errors if isinstance(failure, DomainErrors) else [failure]
    return [
        UserError(field=error.field, message=error.message, code=error.code) for error in errors
    ]


@strawberry.interface(description="What every mutation answers.")
class Payload:
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty when it was done."
    )
