"""Other layouts of the hits: what is measured holds the same pixels."""

import numpy as np

from benchmarks.layouts import Hits, deflated, packed, steps

HITS = Hits(np.array([0, 2, 2, 5]), np.array([7, 9, 3, 400, 122_399], np.uint32), np.ones(5, np.float32))


def test_steps_sum_to_the_pixels_of_each_event() -> None:
    found = steps(HITS)
    assert found.tolist() == [7, 2, 3, 397, 121_999]
    events = [np.cumsum(found[a:b]).tolist() for a, b in zip(HITS.indptr, HITS.indptr[1:], strict=False)]
    assert events == [[7, 9], [], [3, 400, 122_399]]


def test_bytes_are_those_of_hdf5() -> None:
    """17 bits hold 3 to 122,399; shuffled zeros take next to nothing."""
    many = np.tile(HITS.pixel, 1000)
    assert packed(many) == 17 * 5000 // 8
    assert deflated(np.zeros(100_000, np.uint32)) < 2000
    assert deflated(many) < many.nbytes / 10
