"""A digest of each event's hits: the same event in two files is found by it, whatever the files are called.

64 bits: among ten million different events, two have the same digest with a probability of 3e-6. It is no
protection against forgery.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetimg.common.native import Vector, native
from jetimg.event_file.layout import CHANNELS


def digests(tables: dict[str, dict[str, NDArray[Any]]]) -> NDArray[np.uint64]:
    """The digest of each event's pixels and values in all channels; 0 where it has none.

    Args:
        tables: of each channel indptr (n_events + 1), pixel and value, as in the event file.

    Returns:
        uint64 (n_events).
    """
    found = np.zeros(len(tables[CHANNELS[0]]["indptr"]) - 1, np.uint64)
    for number, name in enumerate(CHANNELS, 1):
        columns = tables[name]
        bits = np.ascontiguousarray(columns["value"], np.float32).view(np.uint32)
        _mix(np.uint64(number), columns["indptr"], columns["pixel"], bits, found)
    return found


@native
def _mix(
    channel: np.uint64,
    indptr: Vector[np.int64],
    pixel: Vector[np.uint32],
    bits: Vector[np.uint32],
    found: Vector[np.uint64],
) -> None:
    """Multiply and shift (the constant is 2 ** 64 over the golden ratio, odd)."""
    factor, half = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
    for event in range(len(indptr) - 1):
        if indptr[event] == indptr[event + 1]:
            continue
        state = found[event] ^ channel
        for i in range(indptr[event], indptr[event + 1]):
            state = (state ^ ((np.uint64(pixel[i]) << half) | np.uint64(bits[i]))) * factor
            state ^= state >> half
        found[event] = max(state, np.uint64(1))
