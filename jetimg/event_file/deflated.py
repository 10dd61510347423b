"""HDF5's byte shuffle and deflate, quickly, with bytes in which nothing is found stored as they are.

The last bytes of a hit's value are noise. libdeflate looks for repeats in them all the same, most of its time, and
finds at the end that they take less room as they are. So the planes of bytes that come first, as long as a sample of
them does not shrink, are put into blocks of stored bytes (RFC 1951, 3.2.4); the rest is libdeflate's. Any inflate
reads both.
"""

import struct
from collections.abc import Iterator
from typing import Any

import deflate
import numpy as np
from numpy.typing import NDArray

from jetimg.common.native import Vector, native

# Deflate, window of 32 kB, fastest (RFC 1950).
_HEADER = b"\x78\x01"

# The most bytes of a stored block.
_BLOCK = 65535

# Bytes of a plane that tell whether it shrinks, by a sixteenth at least; planes of fewer than 16 samples are not asked.
_SAMPLE = 2048


def shuffled(rows: NDArray[Any]) -> NDArray[np.uint8]:
    """The first bytes of all values, then their second bytes, and so on: (bytes of a value, values)."""
    size = rows.dtype.itemsize
    if size != 4:
        return np.ascontiguousarray(rows.view(np.uint8).reshape(rows.size, size).T)
    planes = np.empty((size, rows.size), np.uint8)
    _split(rows.reshape(-1).view(np.uint32), *planes)
    return planes


def compressed(planes: NDArray[np.uint8], level: int, full: bool = True) -> bytes:
    """Planes of bytes as a zlib stream.

    Args:
        planes: as of `shuffled`.
        level: libdeflate's.
        full: not filled up with zeros, of which a sample would say nothing.
    """
    noise = 0
    if full and planes.shape[1] >= 16 * _SAMPLE:
        while noise < len(planes) and not _shrinks(planes[noise, :_SAMPLE], level):
            noise += 1
    if not noise:
        return bytes(deflate.zlib_compress(planes, level))
    checksum = struct.pack(">I", deflate.adler32(planes))
    return b"".join([_HEADER, *_stored(planes[:noise]), deflate.deflate_compress(planes[noise:], level), checksum])


def _shrinks(sample: NDArray[np.uint8], level: int) -> bool:
    return len(deflate.deflate_compress(sample, level)) <= len(sample) * 15 / 16


def _stored(planes: NDArray[np.uint8]) -> Iterator[bytes | memoryview]:
    """Blocks of stored bytes, none of which is the stream's last."""
    content = planes.reshape(-1).data
    for start in range(0, len(content), _BLOCK):
        block = content[start : start + _BLOCK]
        yield struct.pack("<BHH", 0, len(block), len(block) ^ 0xFFFF)
        yield block


@native
def _split(
    words: Vector[np.uint32],
    first: Vector[np.uint8],
    second: Vector[np.uint8],
    third: Vector[np.uint8],
    fourth: Vector[np.uint8],
) -> None:
    """Loops of their own: one with four outputs is not vectorised, since they might overlap."""
    for i in range(len(words)):
        first[i] = words[i]
    for i in range(len(words)):
        second[i] = words[i] >> np.uint32(8)
    for i in range(len(words)):
        third[i] = words[i] >> np.uint32(16)
    for i in range(len(words)):
        fourth[i] = words[i] >> np.uint32(24)
