"""Faults of the machine while a file is read, told from damage of the file: the one place that decides.

A full table of open files, a dead disk, a lost network drive or too little memory say nothing about a file's bytes.
They must end the job, to be tried again, and never become a verdict that stays in a data set.
"""

import errno
import math
import mmap
import re
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

from jetimg.common.errors import MachineFault

# Of the system's errors, those that a file's name or its bytes bring about: a place before its start, say. All others,
# "permission denied" among them, leave its bytes unknown.
OF_THE_FILE = frozenset(
    (0, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.ENXIO)
)

# Who reads a good file asks for less at once; damaged sizes ask for any number of bytes.
MAX_REQUEST = 2**30

# How libraries, and imports of them, say without an exception of their own for it that the machine has no more memory,
# threads or open files.
_TEXTS = re.compile(
    r"can't start new thread|can't allocate memory|cannot allocate memory|too many open files", re.IGNORECASE
)
# HDF5 puts the system's number into its text.
_ERRNO = re.compile(r"\berrno = (\d+)")

# Bytes that numba's libraries may ask for: where OpenBLAS does not get its buffers it asks again for ever.
_LIBRARIES = 2**29


def is_machine_fault(error: BaseException) -> bool:
    """Whether an error, or one that it came from, is the machine's."""
    return any(_is_one(each) for each in _chain(error))


def raise_if_machine_fault(error: BaseException, path: Path) -> None:
    """Ends the reading of a file where it failed for a reason that is not the file's.

    Args:
        error: as it was caught.
        path: the file.

    Raises:
        MachineFault: naming the file and the reason.
    """
    for each in _chain(error):
        if _is_one(each):
            raise MachineFault(f"{path}: not read: {reason(each)}; the machine is at fault, not the file") from error


def file_size(path: Path) -> int | None:
    """Bytes of a file; None where there is none.

    `Path.is_file` takes a lost network drive for a missing file, from Python 3.14 on.

    Raises:
        MachineFault: nobody can tell.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise_if_machine_fault(error, path)
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def reason(error: BaseException) -> str:
    """What went wrong, in a few words."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:300]


def check_address_space() -> None:
    """Refuses to start where `ulimit -v` leaves no room: OpenBLAS, which numba loads, would then wait for ever.

    Raises:
        MachineFault: with the limit.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return
    try:
        mmap.mmap(-1, _LIBRARIES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, MemoryError):
        raise MachineFault(
            f"the address space of {limit >> 20} MiB (ulimit -v) is too small; leave it without a limit, or limit "
            "resident memory instead, as batch systems do"
        ) from None


def _is_one(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return _bytes_asked(error) <= MAX_REQUEST
    if isinstance(error, OSError):
        return _number(error) not in OF_THE_FILE
    return isinstance(error, MachineFault) or (
        isinstance(error, RuntimeError | ImportError) and _TEXTS.search(str(error)) is not None
    )


def _bytes_asked(error: MemoryError) -> int:
    """How much numpy asked for; 0 where nobody says."""
    shape, dtype = getattr(error, "shape", None), getattr(error, "dtype", None)
    return math.prod(shape) * int(dtype.itemsize) if shape is not None and dtype is not None else 0


def _number(error: OSError) -> int:
    if error.errno is not None:
        return error.errno
    match = _ERRNO.search(str(error))
    return int(match[1]) if match else 0


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it was raised from or while handling, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
