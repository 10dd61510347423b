"""Bytes an event of the hits in other layouts than ours: levels, chunks, pixels as rows and columns or as steps.

    python -m benchmarks.layouts tt.h5 [bb.h5 ...]

Every layout is one of HDF5's own filters, byte shuffle and deflate or scaleoffset, so that any HDF5 library reads it.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import deflate
import numpy as np
from numpy.typing import NDArray

from jetimg.event_file.layout import CHANNELS, HITS_CHUNK
from jetimg.event_file.steps import with_steps
from jetimg.event_file.store import Reader


class Hits(NamedTuple):
    """A channel's hits: where each event's begin, int64 (n_events + 1), pixels uint32 (n) and values float32 (n)."""

    indptr: NDArray[np.int64]
    pixel: NDArray[np.uint32]
    value: NDArray[np.float32]


def read(path: Path) -> tuple[list[Hits], int]:
    """The hits of each channel of an event file or shard, and the number of columns of an image."""
    with Reader(path) as reader:
        channels = reader.read(tables=CHANNELS).tables.values()
        return [Hits(**columns) for columns in channels], int(reader.attributes["image_shape"][1])


def deflated(column: NDArray[Any], level: int = 1, chunk: int = HITS_CHUNK) -> int:
    """Bytes of a column after shuffle and deflate."""
    pieces = (np.ascontiguousarray(column[start : start + chunk]) for start in range(0, len(column), chunk))
    shuffled = (piece.view(np.uint8).reshape(piece.size, -1).T.tobytes() for piece in pieces)
    return sum(len(deflate.zlib_compress(piece, level)) for piece in shuffled)


def packed(column: NDArray[Any]) -> int:
    """Bytes of a column of integers by scaleoffset: in each chunk as many bits as its range needs."""
    total = 0
    for start in range(0, len(column), HITS_CHUNK):
        piece = column[start : start + HITS_CHUNK].astype(np.int64)
        total += int(np.ptp(piece)).bit_length() * len(piece) // 8
    return total


def steps(hits: Hits) -> NDArray[np.uint32]:
    """From each pixel to the next; the first of an event is what it is."""
    return with_steps(hits._asdict())["step"]


def layouts(n_phi: int) -> dict[str, Callable[[Hits], int]]:
    """Bytes of a channel by layout."""
    found: dict[str, Callable[[Hits], int]] = {}
    for level in (1, 6, 12):
        found[f"values, level {level}"] = lambda hits, level=level: deflated(hits.value, level)
        found[f"pixels, level {level}"] = lambda hits, level=level: deflated(hits.pixel, level)
        found[f"steps, level {level}"] = lambda hits, level=level: deflated(steps(hits), level)
    for chunk in (HITS_CHUNK // 4, HITS_CHUNK * 4):
        found[f"pixels and values, level 1, chunks of {chunk}"] = lambda hits, chunk=chunk: (
            deflated(hits.pixel, 1, chunk) + deflated(hits.value, 1, chunk)
        )
    found["rows and columns in uint16, level 1"] = lambda hits: (
        deflated((hits.pixel // n_phi).astype("<u2")) + deflated((hits.pixel % n_phi).astype("<u2"))
    )
    found["pixels by scaleoffset"] = lambda hits: packed(hits.pixel)
    found["steps by scaleoffset"] = lambda hits: packed(steps(hits))
    return found


def main(paths: list[str]) -> None:
    """Prints kB an event of each layout for each file."""
    for path in paths:
        channels, n_phi = read(Path(path))
        n_events = len(channels[0].indptr) - 1
        print(f"{path}: {n_events} events")
        for name, n_bytes in layouts(n_phi).items():
            print(f"  {name:<45} {sum(map(n_bytes, channels)) / n_events / 1000:.3f} kB an event")


if __name__ == "__main__":
    main(sys.argv[1:])
