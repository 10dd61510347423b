"""Files that appear complete or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from secrets import token_hex

from detector.common.errors import DataError


@contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Gives a path to write to; at the end the file there takes the target's name, in one step.

    If several processes make one target, the newest wins. It removes the unfinished files of the others: of processes
    that were killed, and of those that a killed Snakemake left running. The latter fail when they finish.

    Raises:
        DataError: the target's folder cannot be written, the disk is full, or another process makes the target.
    """
    partial = target.with_name(f".{target.name}.{token_hex(4)}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for older in target.parent.glob(f".{escape(target.name)}.*.partial"):
            older.unlink(missing_ok=True)
        yield partial
        check_not_superseded(partial, target)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        raise DataError(
            f"{target}: cannot be written: {_reason(error, target)}; nothing was left under that name"
        ) from error
    finally:
        with suppress(OSError):  # no such file, or no such folder
            partial.unlink()


def check_not_superseded(partial: Path, target: Path) -> None:
    """Stops a process whose unfinished file was removed by a newer one that makes the same target.

    Raises:
        DataError: the unfinished file is gone.
    """
    if not partial.exists():
        raise DataError(f"{target}: another process has begun to make it, so this one stops")


def write_text(target: Path, text: str) -> None:
    """Writes a small text file in one step."""
    with atomic_write(target) as partial:
        partial.write_text(text)


def replace_folder(partial: Path, target: Path) -> None:
    """Gives a finished folder the target's name; what was there is removed only when that has worked."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.replace(old)
    try:
        partial.replace(target)
    except OSError:
        with suppress(OSError):
            old.replace(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _reason(error: OSError, target: Path) -> str:
    text = error.strerror or " ".join(str(error).split())
    if "No space left" in text:
        return f"no space left on the device of {target.parent}"
    return text
