"""Whether numba loads what other packages register with it.

With the first compiled function numba imports what installed packages register: awkward, vector, and through that
sympy; a third of a short command's time. Our functions take plain arrays, so our commands do without. A program or
notebook that imports us keeps what it has.
"""

_skipped = False


def skip() -> None:
    """Called by our commands before anything is compiled."""
    global _skipped
    _skipped = True


def skipped() -> bool:
    """Whether this process is one of our commands."""
    return _skipped
