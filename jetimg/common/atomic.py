"""Files that appear complete or not at all: `detector.common.atomic` with this package's errors.

`detector` is imported where something is written, not with this module. Who only reads event files needs `jetimg`
alone, and may have folders called `detector` or `models` beside his script, which Python would import instead.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jetimg.common.errors import DataError, MachineFault


@contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Gives a path to write to; at the end the file there takes the target's name, in one step.

    Raises:
        DataError: the target's folder cannot be written, the disk is full, or another process makes the target.
        MachineFault: too many files are open.
    """
    from detector.common import atomic, errors

    try:
        with atomic.atomic_write(target) as partial:
            yield partial
    except errors.DataError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in (errno.EMFILE, errno.ENFILE):
            raise MachineFault(str(error)) from error
        raise DataError(str(error)) from error


def write_text(target: Path, text: str) -> None:
    """Writes a small text file in one step.

    Raises:
        DataError: as `atomic_write`.
    """
    with atomic_write(target) as partial:
        partial.write_text(text)


def replace_folder(partial: Path, target: Path) -> None:
    """Gives a finished folder the target's name; what was there is removed only when that has worked.

    Raises:
        OSError: the folder cannot be renamed.
    """
    from detector.common import atomic

    atomic.replace_folder(partial, target)


def refuse_link(folder: Path) -> None:
    """Refuses a folder to work in, or to replace, that is a link or not a folder.

    It is filled, renamed to its final name and removed: a link would lead that elsewhere.

    Raises:
        DataError: naming where it leads.
    """
    if folder.is_symlink():
        raise DataError(f"{folder}: is a link to {folder.readlink()}; remove it, or name a folder on that device")
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is not a folder; remove it")
