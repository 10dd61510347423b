"""A progress bar for long work, on a terminal only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from detector.common import logs


@contextmanager
def bar(
    text: str, total: int | Callable[[], int | None] | None, in_bytes: bool = False
) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how much was done; nothing is drawn where stderr is a file, or with --quiet.

    Args:
        text: what is done.
        total: how much there is to do, if that is known; a function of what takes time to count, which is called only
            where a bar is drawn.
        in_bytes: whether it is bytes.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    hidden = logs.is_quiet() or not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=hidden) as shown:
        task = shown.add_task(text, total=None if hidden or total is None else total() if callable(total) else total)
        yield lambda done: shown.advance(task, done)
