"""Expected failures as data: every mutation's payload lists them."""

import strawberry

from domain.base.errors import DomainError, DomainErrors, ErrorCode
from schema.base.enums import described_enum

described_enum(
    ErrorCode,
    name="ErrorCode",
    description="What kind of failure; stable, for programs.",
    values={
        ErrorCode.INVALID: "A value that cannot be taken.",
        ErrorCode.REQUIRED: "Something is missing.",
        ErrorCode.NOT_FOUND: "There is no such thing in this workspace.",
        ErrorCode.ALREADY_EXISTS: "There is such a thing already.",
        ErrorCode.CONFLICT: "It has moved on: another edit, or a state that forbids this.",
        ErrorCode.LIMIT_EXCEEDED: "Too much, or too many.",
        ErrorCode.RATE_LIMITED: "Too often: the same will be done later.",
        ErrorCode.UNAUTHENTICATED: "Nobody, or nobody any more, is signed in.",
        ErrorCode.FORBIDDEN: "Who asks may not do this.",
    },
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
