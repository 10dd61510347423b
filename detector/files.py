"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detector.errors import DataError


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Gives a path to write to; at the end the file there takes the target's name, in one step.

    The temporary name is fixed, so that what a killed run left behind is overwritten by the next.

    Raises:
        DataError: the target's folder cannot be written, or the disk is full.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror or error}; nothing is left there") from error
    finally:
        partial.unlink(missing_ok=True)
