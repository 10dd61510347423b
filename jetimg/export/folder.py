"""A folder that appears when all of its files are complete."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jetimg.common.atomic import refuse_link
from jetimg.common.errors import DataError


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """Gives a folder to write into, which takes its name at the end; nothing stays if that is not reached.

    Args:
        output: the folder; not there yet, or empty.

    Raises:
        DataError: it holds something, or cannot be written.
    """
    partial = output.with_name(f".{output.name}.partial")
    for folder in (output, partial):
        refuse_link(folder)
    if output.is_dir() and any(output.iterdir()):
        raise DataError(f"{output}: is not empty; choose another folder, or remove it")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        if output.is_dir():
            output.rmdir()
        partial.replace(output)
    except OSError as error:
        raise DataError(f"{output}: cannot be written: {error.strerror or error}; nothing was left") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
