"""A digest of each event's hits: the same event in two files is found by it, whatever the files are called.

64 bits: among ten million different events, two have the same digest with a probability of 3e-6. It is no
protection against forgery.
"""

import numpy as np
from numpy.typing import NDArray

from jetimg.common.native import native
from jetimg.event_file.layout import CHANNELS


def digests(tables: dict[str, dict[str, NDArray[np.generic]]]) -> NDArray[np.uint64]:
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
        _mix(number, columns["indptr"], columns["pixel"], bits, found)
    return found


@native("void(u8, i8[::1], u4[::1], u4[::1], u8[::1])")
def _mix(channel, indptr, pixel, bits, found):  # type: ignore[no-untyped-def]
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
