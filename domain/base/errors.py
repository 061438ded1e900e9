"""What can go wrong by the caller's doing. Everything else is a fault of ours."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Stable codes of the API; a front end may branch on them."""

    INVALID = "INVALID"
    REQUIRED = "REQUIRED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    CONFLICT = "CONFLICT"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    RATE_LIMITED = "RATE_LIMITED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"


class DomainError(Exception):
    """An expected failure: a message for people, a code for programs, the field it is about.

    `field` is the path of the input in the API's spelling, such as `email` or `draft.steps.0.key`;
    None when no single field is at fault.
    """

    code = ErrorCode.INVALID

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class InvalidInputError(DomainError):
    code = ErrorCode.INVALID


class RequiredError(DomainError):
    code = ErrorCode.REQUIRED


class NotFoundError(DomainError):
    """There is no such thing in this workspace; another workspace's thing is no such thing."""

    code = ErrorCode.NOT_FOUND


class AlreadyExistsError(DomainError):
    code = ErrorCode.ALREADY_EXISTS


class ConflictError(DomainError):
    """The thing has moved on: another edit, or a state in which this is not possible."""

    code = ErrorCode.CONFLICT


class LimitExceededError(DomainError):
    code = ErrorCode.LIMIT_EXCEEDED


class RateLimitedError(DomainError):
    """Too often: the same will be done when it is asked again after `retry_after_seconds`."""

    code = ErrorCode.RATE_LIMITED

    def __init__(
        self, message: str, *, retry_after_seconds: float, field: str | None = None
    ) -> None:
        super().__init__(message, field=field)
        self.retry_after_seconds = retry_after_seconds


class UnauthenticatedError(DomainError):
    code = ErrorCode.UNAUTHENTICATED


class ForbiddenError(DomainError):
    code = ErrorCode.FORBIDDEN


class DomainErrors(Exception):  # noqa: N818  a bundle, raised only to carry its members
    """Several expected failures found together, such as all issues of a draft."""

    def __init__(self, errors: list[DomainError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors
