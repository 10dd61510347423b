"""Baskets of jagged branches, decompressed by libdeflate straight into flat arrays.

uproot finds the tree and its branches. Its own way from a basket to an array, zlib and a layer of awkward arrays, takes
three times as long as this one, and has no public place for another decompressor. What this reader does not know
(another compression, no offsets, a branch that is not jagged, baskets inside the tree's header) goes through uproot.

A basket in a file (ROOT, io/io/src/TKey.cxx and tree/tree/src/TBasket.cxx): a key, whose last fields are the basket's;
then, in compressed blocks, the values of its entries, big-endian, and the offsets of the entries from the key's start.
"""

import struct
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, BinaryIO

import deflate
import numpy as np
import uproot
from numpy.typing import NDArray

# Number of bytes, version, uncompressed bytes, date, bytes of the key, cycle.
_KEY = struct.Struct(">ihiIhh")

# The key's end: version, buffer size, entry size, entries, where the values end, a flag.
_KEY_END = struct.Struct(">HiiiiB")

# Before each compressed block: "ZL", a method, compressed and uncompressed bytes in 3 bytes each, little-endian.
_BLOCK, _ZLIB = 9, b"ZL"


@dataclass(frozen=True)
class Jagged:
    """A variable number of values an event: event i has content[offsets[i] : offsets[i + 1]].

    Attributes:
        offsets: int64 (n_events + 1), from 0.
        content: (n,) or (n, k).
    """

    offsets: NDArray[np.int64]
    content: NDArray[Any]


class UnknownBasket(Exception):
    """A basket of a kind that only uproot reads."""


class JaggedBranch:
    """A branch with a variable number of fixed-size values in each entry, read in ranges of entries."""

    def __init__(self, branch: Any, stream: BinaryIO) -> None:
        """Takes a branch.

        Args:
            branch: of an open uproot tree.
            stream: the tree's file.

        Raises:
            UnknownBasket: it is of a kind that only uproot reads.
            ValueError: its baskets do not hold as many entries as it should have.
        """
        interpretation = branch.interpretation
        jagged = isinstance(interpretation, uproot.AsJagged) and interpretation.header_bytes == 0
        if not jagged or branch.num_baskets == 0 or len(branch.embedded_baskets):
            raise UnknownBasket(f"`{branch.name}` is {interpretation}")
        self.dtype: np.dtype[Any] = interpretation.content.from_dtype
        self._name, self._stream = branch.name, stream
        self._seeks = [int(seek) for seek in branch.member("fBasketSeek")[: branch.num_baskets]]
        self._sizes = [int(size) for size in branch.member("fBasketBytes")[: branch.num_baskets]]
        self._entries: list[int] = branch.entry_offsets
        self._kept: tuple[int, Jagged] | None = None

    def read(self, start: int, stop: int) -> Jagged:
        """The values of entries start to stop, big-endian and of the branch's dtype, as in the file.

        Raises:
            UnknownBasket: see above.
            ValueError, struct.error, deflate.DeflateError: damaged.
            OSError, MemoryError: as the stream has them.
        """
        parts, number = [], bisect_right(self._entries, start) - 1
        while start < stop:
            basket, first = self._basket(number), self._entries[number]
            end = min(stop, self._entries[number + 1])
            parts.append(_entries(basket, start - first, end - first))
            start, number = end, number + 1
        return _joined(parts, self.dtype)

    def _basket(self, number: int) -> Jagged:
        """The last basket is kept: the next range often begins in it."""
        if self._kept is None or self._kept[0] != number:
            self._kept = None
            self._kept = number, self._decoded(number)
        return self._kept[1]

    def _decoded(self, number: int) -> Jagged:
        size = self._sizes[number]
        self._stream.seek(self._seeks[number])
        raw = self._stream.read(size)
        n_bytes, _, n_data, _, n_key, _ = _KEY.unpack_from(raw)
        if len(raw) != size or n_bytes != size or not _KEY.size + _KEY_END.size <= n_key <= size:
            raise ValueError(f"basket {number} of `{self._name}` is not one of {size} bytes")
        _, _, _, n_entries, last, _ = _KEY_END.unpack_from(raw, n_key - _KEY_END.size)
        if n_entries != self._entries[number + 1] - self._entries[number]:
            raise ValueError(f"basket {number} of `{self._name}` has {n_entries} entries; the branch says otherwise")
        data, end = _decompressed(raw, n_key, n_data), last - n_key
        if end == n_data:
            raise UnknownBasket(f"basket {number} of `{self._name}` has no offsets")
        return Jagged(self._offsets(number, data, n_key, end, n_entries), np.frombuffer(data[:end], self.dtype))

    def _offsets(self, number: int, data: memoryview, n_key: int, end: int, n_entries: int) -> NDArray[np.int64]:
        """Where entries begin, in values; the file has a count, then bytes from the key's start, and no last end."""
        found = np.frombuffer(data[end:], ">i4").astype(np.int64)[1:] - n_key
        if len(found) != n_entries + 1:
            raise ValueError(f"basket {number} of `{self._name}` has {len(found)} offsets for {n_entries} entries")
        found[-1] = end
        offsets, rest = np.divmod(found, self.dtype.itemsize)
        if offsets[0] or rest.any() or np.any(offsets[1:] < offsets[:-1]):
            raise ValueError(f"the offsets of basket {number} of `{self._name}` do not rise from 0 to its end")
        return offsets


def _decompressed(raw: bytes, start: int, n_data: int) -> memoryview:
    """A basket's content, n_data bytes."""
    view, blocks = memoryview(raw), []
    if len(raw) - start == n_data:
        return view[start:]
    while start < len(raw):
        head = raw[start : start + _BLOCK]
        if len(head) < _BLOCK or head[:2] != _ZLIB:
            raise UnknownBasket(f"compression {head[:2]!r}")
        n_compressed, n_plain = int.from_bytes(head[3:6], "little"), int.from_bytes(head[6:9], "little")
        start += _BLOCK
        blocks.append(deflate.zlib_decompress(view[start : start + n_compressed], n_plain))
        start += n_compressed
    data = blocks[0] if len(blocks) == 1 else b"".join(blocks)
    if len(data) != n_data:
        raise ValueError(f"a basket of {len(data)} bytes; its key says {n_data}")
    return memoryview(data)


def _entries(basket: Jagged, start: int, stop: int) -> Jagged:
    offsets = basket.offsets[start : stop + 1]
    return Jagged(offsets - offsets[0], basket.content[offsets[0] : offsets[-1]])


def _joined(parts: list[Jagged], dtype: np.dtype[Any]) -> Jagged:
    """One array of all, in the machine's byte order if it is one of plain numbers."""
    offsets = np.zeros(sum(len(part.offsets) - 1 for part in parts) + 1, np.int64)
    content = np.empty((sum(len(part.content) for part in parts), *dtype.shape), dtype.base.newbyteorder("="))
    entry = row = 0
    for part in parts:
        offsets[entry + 1 : entry + len(part.offsets)] = part.offsets[1:] + row
        content[row : row + len(part.content)] = part.content
        entry, row = entry + len(part.offsets) - 1, row + len(part.content)
    return Jagged(offsets, content)
