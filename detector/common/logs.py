"""What a command tells its user while it works: the log, on standard error.

Modules log with `logging.getLogger(__name__)`. The commands set the log up here, in one place for all packages; a
program that uses them as a library sets up its own.
"""

import logging
import sys
from typing import Annotated

import typer

# Packages whose messages are shown from level "info" on; those of other libraries from level "warning" on.
OURS = ("detector", "jetimg", "models", "workflow")

Verbose = Annotated[bool, typer.Option("--verbose", help="Log with times and modules, and details.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Log warnings only; no progress bars.")]


class StderrHandler(logging.Handler):
    """Writes to what `sys.stderr` is at the time: a progress bar takes its place while it is drawn."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line."""
        sys.stderr.write(f"{self.format(record)}\n")
        sys.stderr.flush()


def set_up(level: int = logging.INFO) -> None:
    """Shows messages from this level on; a second call changes the level.

    Args:
        level: of our own packages. "debug" adds the time and the module to each line.
    """
    root = logging.getLogger()
    handler = next((one for one in root.handlers if isinstance(one, StderrHandler)), None)
    if handler is None:
        root.addHandler(handler := StderrHandler())
    detailed = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    handler.setFormatter(logging.Formatter(detailed if level <= logging.DEBUG else "%(message)s"))
    set_level(level)


def set_level(level: int) -> None:
    """Sets the level of our own packages."""
    for name in OURS:
        logging.getLogger(name).setLevel(level)


def is_quiet() -> bool:
    """Whether a command was called with --quiet."""
    return logging.getLogger(OURS[0]).level > logging.INFO


def options(context: typer.Context, verbose: Verbose = False, quiet: Quiet = False) -> None:
    """The options of each group of commands; those of an inner group win (a `callback` of typer)."""
    if verbose and quiet:
        raise typer.BadParameter("--verbose and --quiet: one of them")
    if context.parent is None or verbose or quiet:
        set_up(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
