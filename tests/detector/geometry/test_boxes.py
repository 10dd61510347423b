"""Boxes on the cylinder: size, centre, and the seam."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import load
from detector.geometry import boxes
from detector.geometry.grid import Grid

GRID = Grid.of(load())
ETAS = st.floats(-2.957, 2.957)
PHIS = st.one_of(
    st.floats(-math.pi, math.pi),
    st.integers(-20, 20).map(lambda k: math.pi + k * 1e-7),
    st.integers(-20, 20).map(lambda k: math.radians(-157) + k * 1e-7),  # where phi_min passes 0
)


def test_the_box_of_a_cone_of_0_4_is_46_by_46() -> None:
    assert boxes.size(GRID, 0.4) == (46, 46)
    assert boxes.size(GRID, 0.8) == (92, 92)


def test_three_boxes_by_hand() -> None:
    """At the image's centre; at phi = +pi and 0.5 degrees before it, where the box wraps."""
    found = boxes.around(GRID, [0.0, 0.0174, -2.9406], [0.0, math.pi, math.radians(179.5)], 0.4)
    expected = [[147, 157, 193, 203], [148, 337, 194, 383], [-22, 336.5, 24, 382.5]]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found.dtype == np.float32


@given(ETAS, PHIS, st.floats(0.1, 1.5))
def test_a_box_has_its_size_its_corner_and_its_centre(eta: float, phi: float, radius: float) -> None:
    box = boxes.around(GRID, [eta], [phi], radius)
    rows, columns = boxes.size(GRID, radius)
    low_eta, low_phi, high_eta, high_phi = box[0].astype(float)
    assert 0 <= low_phi < 360
    assert high_eta - low_eta == pytest.approx(rows, abs=1e-4)
    assert high_phi - low_phi == pytest.approx(columns, abs=1e-4)
    (eta_again,), (phi_again,) = boxes.centre(GRID, box)
    assert eta_again == pytest.approx(eta, abs=1e-5)
    assert math.cos(phi_again - phi) == pytest.approx(1, abs=1e-9)


@given(ETAS, st.floats(-3, 3))
def test_turning_a_jet_turns_its_box(eta: float, phi: float) -> None:
    here, there = boxes.around(GRID, [eta, eta], [phi, phi + math.pi], 0.4)
    assert (there[1] - here[1]) % 360 == pytest.approx(180, abs=1e-3)
    np.testing.assert_allclose(here[[0, 2]], there[[0, 2]])


def test_a_corner_that_rounds_up_to_360_is_0() -> None:
    """23 pixels left of this axis lies column -1e-9, which float32 would make 360."""
    box = boxes.around(GRID, [0.0], [math.radians(-157) - 1e-11], 0.4)
    assert box[0, 1] == 0
    assert box[0, 3] == 46


def test_no_jets_no_boxes() -> None:
    assert boxes.around(GRID, [], [], 0.4).shape == (0, 4)
