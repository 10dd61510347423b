"""Rounded mantissas: error bound, idempotence, ties to even."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from jetimg.event_file.rounding import max_relative_error, round_mantissa

# Normal float32 that do not round beyond the largest one.
NORMAL = st.floats(2.0**-126, 2.0**127, width=32)
VALUES = st.lists(NORMAL, max_size=20).map(lambda values: np.array(values, np.float32))
BITS = st.integers(1, 23)


@given(VALUES, BITS)
def test_the_error_is_at_most_half_a_unit(value: NDArray[np.float32], bits: int) -> None:
    rounded = round_mantissa(value, bits)
    assert rounded.dtype == np.float32
    assert np.all(np.abs(rounded.astype(np.float64) - value) <= 2.0 ** -(bits + 1) * value)


@given(VALUES, BITS)
def test_rounded_values_have_that_few_bits_and_stay(value: NDArray[np.float32], bits: int) -> None:
    rounded = round_mantissa(value, bits)
    mantissa, _ = np.frexp(rounded.astype(np.float64))
    scaled = mantissa * 2.0 ** (bits + 1)
    np.testing.assert_array_equal(scaled, np.round(scaled))
    np.testing.assert_array_equal(round_mantissa(rounded, bits), rounded)


@given(VALUES, BITS)
def test_nothing_nearer_has_that_few_bits(value: NDArray[np.float32], bits: int) -> None:
    """Against numpy's rint, which rounds ties to even, on the exact mantissa in float64."""
    mantissa, exponent = np.frexp(value.astype(np.float64))
    expected = np.ldexp(np.rint(mantissa * 2.0 ** (bits + 1)), exponent - bits - 1)
    np.testing.assert_array_equal(round_mantissa(value, bits), expected.astype(np.float32))


@pytest.mark.parametrize(
    ("value", "bits", "expected"),
    [
        (1.25, 1, 1.0),
        (1.75, 1, 2.0),
        (1.26, 1, 1.5),
        (1.0 + 2.0**-11, 10, 1.0),
        (1.0 + 3 * 2.0**-11, 10, 1.0 + 2.0**-9),
    ],
)
def test_ties_go_to_the_even_neighbour(value: float, bits: int, expected: float) -> None:
    assert round_mantissa(np.array([value], np.float32), bits)[0] == expected


def test_23_bits_are_lossless() -> None:
    value = np.array([0.1, 1e-30, 3e30], np.float32)
    np.testing.assert_array_equal(round_mantissa(value, 23), value)


def test_the_callers_array_is_not_changed() -> None:
    value = np.array([0.1, 0.2], np.float32)
    before = value.copy()
    round_mantissa(value, 3)
    np.testing.assert_array_equal(value, before)


def test_largest_relative_error_by_hand() -> None:
    value = np.array([1.0, 2.0, 4.0], np.float32)
    assert max_relative_error(value, np.array([1.0, 2.5, 3.5], np.float32)) == 0.25
    assert max_relative_error(value, value) == 0
    assert max_relative_error(value[:0], value[:0].copy()) == 0
