"""HDF5 files that are read: opened, and what is wrong with their bytes told as such."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from jetimg.common import file_kind
from jetimg.common.errors import DataError
from jetimg.common.machine_faults import raise_if_machine_fault

# What h5py raises on damaged bytes; JSON and unicode errors are ValueErrors.
_ON_DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError)


def opened(path: Path) -> h5py.File:
    """A file, open to be read.

    Raises:
        DataError: not a readable HDF5 file.
        MachineFault: it cannot be read, for a reason that is not the file's.
    """
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise_if_machine_fault(error, path)
        what = file_kind.instead(path, error, file_kind.HDF5)
        raise DataError(f"{path}: not a readable HDF5 file: {what}") from error


@contextmanager
def damage_of(path: Path) -> Iterator[None]:
    """Around what reads a file: whatever h5py raises on damaged bytes becomes one error.

    Raises:
        DataError: damaged; or as what is inside raises it.
        MachineFault: it cannot be read, for a reason that is not the file's.
    """
    try:
        yield
    except _ON_DAMAGE as error:
        raise_if_machine_fault(error, path)
        raise DataError(f"{path}: damaged: {' '.join(str(error).split())}") from error
