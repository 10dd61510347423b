"""Baskets of jagged branches, decompressed by libdeflate straight into flat arrays.

uproot's own way from a basket to an array, zlib and a layer of awkward arrays, takes three times as long as this one,
and has no public place for another decompressor. What this reader does not know (another compression, no offsets, a
branch that is not jagged, baskets inside the tree's header) goes through uproot.

A basket in a file (ROOT, io/io/src/TKey.cxx and tree/tree/src/TBasket.cxx): a key, whose last fields are the basket's;
then, in compressed blocks, the values of its entries, big-endian, and the offsets of the entries from the key's start.
"""

import struct
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from jetimg.common.native import Matrix, Vector, native
from jetimg.imaging.root_objects import KEY, UnknownObject, decompressed
from jetimg.imaging.root_tree import LORENTZ_VECTOR, Branch

# The key's end: version, buffer size, entry size, entries, where the values end, a flag.
_KEY_END = struct.Struct(">HiiiiB")

# What a basket is copied in; its offsets have this size, and are one more than its entries, after their number.
_WORD = 4

# Counts of bytes and versions of a TLorentzVector of version 4, its TVector3 of version 3, and their TObjects.
_VECTOR_HEAD, _SPACE_HEAD = bytes.fromhex("4000003c00040001"), bytes.fromhex("4000002400030001")


@dataclass(frozen=True)
class Jagged:
    """A variable number of values an event: event i has content[offsets[i] : offsets[i + 1]].

    Attributes:
        offsets: int64 (n_events + 1), from 0.
        content: (n,) or (n, k).
    """

    offsets: NDArray[np.int64]
    content: NDArray[Any]


@dataclass(frozen=True)
class _Basket:
    """A basket's bytes: values to `end`, then offsets, that count from `n_key` bytes before the values."""

    data: bytes | bytearray | memoryview
    n_key: int
    end: int


class JaggedBranch:
    """A branch with a variable number of fixed-size values in each entry, read in ranges of entries."""

    def __init__(self, branch: Branch, stream: BinaryIO) -> None:
        """Takes a branch of the tree in this file.

        Raises:
            UnknownObject: it is of a kind that only uproot reads.
        """
        if branch.dtype is None:
            raise UnknownObject(f"`{branch.name}` is not jagged, or not of numbers")
        self._branch, self._stream, self._dtype = branch, stream, branch.dtype
        self._kept: tuple[int, _Basket] | None = None

    def read(self, start: int, stop: int) -> Jagged:
        """The values of entries start to stop, in the machine's byte order; of a TLorentzVector (px, py, pz, E).

        Raises:
            UnknownObject: see above.
            ValueError, struct.error, deflate.DeflateError: damaged.
            OSError, MemoryError: as the stream has them.
        """
        entries, number = self._branch.entries, bisect_right(self._branch.entries, start) - 1
        parts: list[bytes | bytearray | memoryview] = []
        ranges: list[tuple[int, int, int, int, int, int]] = []
        place, at = 0, start
        while at < stop:
            basket, first, last = self._basket(number), entries[number], entries[number + 1]
            end = min(stop, last)
            parts.append(basket.data)
            ranges.append((place, basket.end // _WORD, basket.n_key, last - first, at - first, end - first))
            place += len(basket.data) // _WORD
            at, number = end, number + 1
        return self._joined(parts, np.array(ranges, np.int64).reshape(-1, 6), stop - start)

    def _joined(self, parts: list[bytes | bytearray | memoryview], ranges: NDArray[np.int64], n_entries: int) -> Jagged:
        words = np.frombuffer(parts[0] if len(parts) == 1 else b"".join(parts), np.uint32)
        offsets, content = np.zeros(n_entries + 1, np.int64), np.empty(ranges[:, 1].sum(), np.uint32)
        swap = self._dtype.base.itemsize == _WORD
        n_words = _copy(words, ranges, self._dtype.itemsize // _WORD, swap, offsets, content)
        if n_words < 0:
            raise ValueError(f"the offsets of a basket of `{self._branch.name}` do not rise from 0 to its end")
        content = content[:n_words]
        if self._dtype == LORENTZ_VECTOR:
            return Jagged(offsets, self._vectors(content.view(LORENTZ_VECTOR)))
        if not swap:
            content = content.view(self._dtype.base).astype(self._dtype.base.newbyteorder("="))
        native_order = content.view(self._dtype.base.newbyteorder("="))
        return Jagged(offsets, native_order.reshape(-1, *self._dtype.shape))

    def _vectors(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        heads = {"head": _VECTOR_HEAD, "space head": _SPACE_HEAD}
        if any(np.any(rows[name] != np.frombuffer(head, ">u8")) for name, head in heads.items()):
            raise ValueError(f"`{self._branch.name}` holds damaged vectors")
        return np.stack([rows[name].astype(np.float64) for name in ("x", "y", "z", "E")], axis=1)

    def _basket(self, number: int) -> _Basket:
        """The last basket is kept: the next range often begins in it."""
        if self._kept is None or self._kept[0] != number:
            self._kept = None
            self._kept = number, self._decoded(number)
        return self._kept[1]

    def _decoded(self, number: int) -> _Basket:
        name, size = f"basket {number} of `{self._branch.name}`", self._branch.sizes[number]
        self._stream.seek(self._branch.seeks[number])
        raw = self._stream.read(size)
        n_bytes, _, n_data, _, n_key, _ = KEY.unpack_from(raw)
        if len(raw) != size or n_bytes != size or not KEY.size + _KEY_END.size <= n_key <= size:
            raise ValueError(f"{name} is not one of {size} bytes")
        _, _, _, n_entries, last, _ = _KEY_END.unpack_from(raw, n_key - _KEY_END.size)
        if n_entries != self._branch.entries[number + 1] - self._branch.entries[number]:
            raise ValueError(f"{name} has {n_entries} entries; the branch says otherwise")
        data, end = decompressed(raw, n_key, n_data), last - n_key
        if end == n_data:
            raise UnknownObject(f"{name} has no offsets")
        if self._dtype == LORENTZ_VECTOR and end and data[: len(_VECTOR_HEAD)] != _VECTOR_HEAD:
            raise UnknownObject(f"{name} holds no TLorentzVector")
        if end < 0 or end % self._dtype.itemsize or n_data - end != _WORD * (n_entries + 2):
            raise ValueError(f"{name} has {n_data - end} bytes of offsets for {n_entries} entries")
        return _Basket(data, n_key, end)


@native
def _copy(
    words: Vector[np.uint32],
    ranges: Matrix[np.int64],
    width: int,
    swap: int,
    offsets: Vector[np.int64],
    content: Vector[np.uint32],
) -> int:
    """Copies ranges of entries one after the other, from big-endian if `swap`.

    Args:
        words: of all baskets.
        ranges: a row for each: where it begins and where its values end, in words; bytes of its key; entries; the first
            and the end of those that are wanted.
        width: words of a value.
        swap: whether values are of one word each.
        offsets, content: to be filled; the first of `offsets` is 0.

    Returns:
        The number of words copied; -1 if offsets do not rise from 0 to the end.
    """
    mask, low, high, half = np.uint32(0xFF00), np.uint32(8), np.uint32(24), np.uint32(0xFF)
    entry = n = 0
    for b in range(len(ranges)):
        base, end, n_key, n_entries, first, last = ranges[b]
        before = start = stop = 0
        for i in range(n_entries + 1):
            x = words[base + end + 1 + i]
            at = np.int64((x >> high) | ((x >> low) & mask) | ((x & mask) << low) | ((x & half) << high)) - n_key
            if i == n_entries:
                at = end * 4
            if at < before or at > end * 4 or at % (4 * width) or (i == 0 and at):
                return -1
            before = at
            if i == first:
                start = at // 4
            if first < i <= last:
                offsets[entry + i - first] = (n + at // 4 - start) // width
            if i == last:
                stop = at // 4
        source, target = words[base + start : base + stop], content[n : n + stop - start]
        if swap:
            for i in range(len(source)):
                x = source[i]
                target[i] = (x >> high) | ((x >> low) & mask) | ((x & mask) << low) | ((x & half) << high)
        else:
            for i in range(len(source)):
                target[i] = source[i]
        n += stop - start
        entry += last - first
    return n
