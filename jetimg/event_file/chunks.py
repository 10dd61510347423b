"""Columns of 4-byte numbers read chunk by chunk with libdeflate, in half of the time of HDF5's filters.

Only what is as our writer makes it is read here; everything else, damaged chunks too, is left to HDF5 and its messages.
"""

import math
from typing import Any

import deflate
import h5py
import numpy as np
from numpy.typing import NDArray

from jetimg.common.native import Vector, native

_FILTERS = [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE]
_KINDS = (np.dtype("<u4"), np.dtype("<f4"), np.dtype("<i4"))


class Chunks:
    """A dataset that is read again and again: what it is stored as is asked once."""

    def __init__(self, data: h5py.Dataset) -> None:
        """Looks at a dataset, which stays open."""
        self._data = data
        plist = data.id.get_create_plist()
        filters = [plist.get_filter(k)[0] for k in range(plist.get_nfilters())]
        whole_rows = bool(data.chunks) and data.chunks[1:] == data.shape[1:]
        self._known = whole_rows and filters == _FILTERS and data.dtype in _KINDS

    def read_into(self, rows: NDArray[Any], start: int) -> None:
        """Fills an array, of the dataset's type and width, with its rows from start on.

        Raises:
            OSError and others: as h5py has them, of damaged chunks.
        """
        if len(rows) and not (self._known and self._inflated(rows, start)):
            rows[:] = self._data[start : start + len(rows)]

    def _inflated(self, rows: NDArray[Any], start: int) -> bool:
        """False if a chunk is not stored as we do, or damaged."""
        size, stop, width = self._data.chunks[0], start + len(rows), math.prod(rows.shape[1:])
        n_bytes, beyond = 4 * size * width, (0,) * (rows.ndim - 1)
        for first in range(start // size * size, stop, size):
            try:
                mask, packed = self._data.id.read_direct_chunk((first, *beyond))
                plain = deflate.zlib_decompress(packed, n_bytes)
            except (OSError, RuntimeError, ValueError, deflate.DeflateError):
                return False
            if mask or len(plain) != n_bytes:
                return False
            begin, end = max(start, first), min(stop, first + size)
            words = rows[begin - start : end - start].reshape(-1).view(np.uint32)
            _unshuffle(np.frombuffer(plain, np.uint8), (begin - first) * width, words)
        return True


@native
def _unshuffle(plain: Vector[np.uint8], start: int, rows: Vector[np.uint32]) -> None:
    """Undoes HDF5's shuffle, which stores the first bytes of all values, then their second bytes, and so on.

    Four slices, because an index that could be negative would not be vectorised: 16 times as slow.
    """
    n = len(plain) // 4
    a, b, c, d = plain[start:], plain[n + start :], plain[2 * n + start :], plain[3 * n + start :]
    one, two, three = np.uint32(8), np.uint32(16), np.uint32(24)
    for i in range(len(rows)):
        rows[i] = np.uint32(a[i]) | np.uint32(b[i]) << one | np.uint32(c[i]) << two | np.uint32(d[i]) << three
