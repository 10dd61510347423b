"""Numpy's random numbers in compiled functions."""

import numpy as np
import pytest

from detector.common.native import External, compiled
from detector.simulation.fast.random_numbers import address, standard_normal, uniform


def test_a_function_of_a_library(rng: np.random.Generator) -> None:
    """As numpy's own generator."""
    again = np.random.default_rng()
    again.bit_generator.state = rng.bit_generator.state
    drawn = np.zeros(10_000)
    _draw(address(rng), drawn)
    np.testing.assert_array_equal(drawn, [f() for _ in range(5000) for f in (again.standard_normal, again.random)])
    assert rng.random() == again.random()
    with pytest.raises(AttributeError, match="no_such_thing"):
        External("libm.so.6", "no_such_thing")


@compiled
def _draw(rng, out):
    for i in range(0, len(out), 2):
        out[i], out[i + 1] = standard_normal(rng), uniform(rng)
