"""Why a request to the outside did not end well; each leaf is one cause."""


class OutgoingError(Exception):
    """No answer was had, or none that may be used."""


class InvalidUrlError(OutgoingError):
    """Not an address that we would ask: its scheme, port, or a password in it."""


class UnknownHostError(OutgoingError):
    """The name leads to no address."""


class ForbiddenAddressError(OutgoingError):
    """The name leads to an address that is not allowed."""


class UnreachableError(OutgoingError):
    """No connection came about, or it broke off."""


class TooSlowError(OutgoingError):
    """The time for the whole request ran out."""


class TooLargeError(OutgoingError):
    """The answer is larger than allowed."""
