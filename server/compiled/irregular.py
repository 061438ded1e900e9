"""The two ways out of the compiled path."""


class Irregular(Exception):  # noqa: N818  no error: a turn that this path does not take
    """A value that needs the reference executor: null where none may be, an error, a wrong type."""


class Unsupported(Exception):  # noqa: N818  as above
    """A construct that is not compiled; the operation runs in the reference executor.

    `construct` names it for the metrics.
    """

    def __init__(self, construct: str) -> None:
        super().__init__(construct)
        self.construct = construct
