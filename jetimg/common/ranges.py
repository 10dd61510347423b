"""Stretches of rows: where each begins and how long it is, as one array of indices."""

import numpy as np
from numpy.typing import NDArray


def ranges(first: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of stretches, one after the other: first[i], first[i] + 1, ... counts[i] of them.

    Args:
        first: (stretches), where each begins.
        counts: (stretches), rows of each; none if 0.

    Returns:
        (sum of counts).
    """
    rows: NDArray[np.int64] = np.arange(counts.sum()) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    return rows
