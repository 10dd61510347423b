"""Streams with stored planes: zlib reads them back, and they are no larger than libdeflate's own."""

import zlib
from collections.abc import Callable

import deflate
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from jetimg.event_file import deflated

N = 65536
RNG = np.random.default_rng(3)

NOISE = RNG.integers(0, 2**32, N, dtype=np.uint32)
VALUES = RNG.exponential(3, N).astype(np.float32)
KINDS: dict[str, Callable[[], NDArray[np.generic]]] = {
    "noise in all bytes": lambda: NOISE,
    "noise in the last three bytes": lambda: VALUES,
    "noise in the last byte": lambda: NOISE & np.uint32(0x1FF),
    "noise in the first byte": lambda: NOISE & np.uint32(0xFF000000),
    "noise in bytes of two": lambda: NOISE.astype(np.uint16),
    "noise in bytes of eight": lambda: NOISE.astype(np.int64),
    "no noise": lambda: np.arange(N, dtype=np.uint32) // 7,
    "nothing": lambda: np.zeros(N, np.float32),
}
STORED = dict(zip(KINDS, (4, 3, 1, 0, 2, 4, 0, 0), strict=True))


@pytest.mark.parametrize("name", KINDS)
def test_zlib_reads_it_back_and_it_is_no_larger(name: str) -> None:
    rows = KINDS[name]()
    planes = deflated.shuffled(rows)
    stream, plain = deflated.compressed(planes, 1), deflate.zlib_compress(planes, 1)
    assert zlib.decompress(stream) == planes.tobytes()
    assert len(stream) < len(plain) * 1.01
    places = [2 + k * (65535 + 5) for k in range(-(-STORED[name] * N // 65535))]
    assert [stream[place : place + 3] for place in places[:-1]] == [b"\0\xff\xff"] * (len(places) - 1)
    assert (stream == plain) == (not places)


@given(st.sampled_from(["u1", "u2", "u4", "f4", "i8"]), st.integers(0, 40), st.integers(1, 3))
def test_the_shuffle_is_hdf5s(dtype: str, n: int, width: int) -> None:
    rows = np.random.default_rng(n).integers(0, 250, (n, width)).astype(dtype)
    expected = rows.view(np.uint8).reshape(rows.size, rows.dtype.itemsize).T
    np.testing.assert_array_equal(deflated.shuffled(rows), expected)


def test_chunks_that_are_filled_up_or_short_are_left_to_libdeflate() -> None:
    """The zeros behind 4,000 rows of noise take no room."""
    rows = np.zeros(N, np.uint32)
    rows[:4000] = NOISE[:4000]
    planes = deflated.shuffled(rows)
    assert len(deflated.compressed(planes, 1, full=False)) < 4 * 4000 * 1.1
    short = deflated.shuffled(NOISE[:4096])
    assert deflated.compressed(short, 1) == deflate.zlib_compress(short, 1)
