"""The faults that a user can do something about."""


class DataError(Exception):
    """The data are at fault (exit code 1)."""


class CallError(ValueError):
    """The call is at fault (exit code 2)."""
