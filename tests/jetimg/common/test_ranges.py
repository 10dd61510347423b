import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jetimg.common.ranges import ranges


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=12))
def test_rows_of_stretches_one_after_the_other(stretches: list[tuple[int, int]]) -> None:
    first, counts = np.array(stretches, np.int64).reshape(-1, 2).T
    expected = [row for start, n in stretches for row in range(start, start + n)]
    assert ranges(first, counts).tolist() == expected
