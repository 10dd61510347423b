"""Memory that a process gives back and takes again."""

import ctypes
from contextlib import suppress

# Of glibc's mallopt (malloc.h): freed memory kept at the end of the heap, and the size from which memory is mapped.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 1 << 26


def keep_freed() -> None:
    """Keeps 64 MB of freed memory for the next arrays, where the C library is glibc.

    By default large arrays are mapped, and the kernel fills every one of their pages with zeros again: 4 % of a
    conversion and 2 % of a simulation, whose arrays are of the same sizes in each chunk of events.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _KEPT)
        libc.mallopt(_TRIM_THRESHOLD, _KEPT)
