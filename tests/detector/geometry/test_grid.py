"""Crystal <-> pixel: against numpy's histogram, at every edge, and at the seam."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import load
from detector.geometry.grid import Grid

GRID = Grid.of(load())


def test_shape_and_borders() -> None:
    assert (GRID.n_eta, GRID.n_phi, GRID.size) == (340, 360, 122_400)
    assert GRID.eta_max == pytest.approx(2.958, abs=1e-12)
    assert GRID.phi_pitch == pytest.approx(math.pi / 180)
    assert (len(GRID.eta_edges), len(GRID.phi_edges)) == (341, 361)
    assert GRID.phi_edges[0] == -math.pi
    assert GRID.phi_edges[-1] == math.pi


def test_corners_by_hand() -> None:
    assert GRID.pixel(-2.958 + 0.001, -math.pi + 0.001) == 0
    assert GRID.pixel(-2.958 + 0.001, math.pi - 0.001) == 359
    assert GRID.pixel(0.001, 0.001) == 170 * 360 + 180
    assert GRID.pixel(2.957, math.pi - 0.001) == 122_399


def test_every_pixel_comes_back_from_its_centre() -> None:
    pixels = np.arange(GRID.size)
    eta, phi = GRID.centre(pixels)
    np.testing.assert_array_equal(GRID.pixel(eta, phi), pixels)
    np.testing.assert_array_equal(GRID.pixel(eta.astype(np.float32), phi.astype(np.float32)), pixels)


def test_the_lower_edge_belongs_to_a_pixel_the_upper_one_does_not() -> None:
    rows = np.arange(340)
    np.testing.assert_array_equal(GRID.pixel(GRID.eta_edges[:-1], 0.001), rows * 360 + 180)
    np.testing.assert_array_equal(GRID.pixel(np.nextafter(GRID.eta_edges[1:], -9), 0.001), rows * 360 + 180)
    columns = np.arange(360)
    np.testing.assert_array_equal(GRID.pixel(0.001, GRID.phi_edges[:-1]), 170 * 360 + columns)
    np.testing.assert_array_equal(GRID.pixel(0.001, np.nextafter(GRID.phi_edges[1:], -9)), 170 * 360 + columns)


@pytest.mark.parametrize("eta", [2.958, np.nextafter(-2.958, -3), 4.0, -5.0, math.inf, -math.inf, math.nan])
def test_outside_the_image_is_minus_one(eta: float) -> None:
    assert GRID.pixel(GRID.eta_max if eta == 2.958 else eta, 0.0) == -1


def test_a_phi_that_is_not_a_number_has_no_pixel() -> None:
    assert GRID.pixel(0.0, math.nan) == -1


def test_plus_pi_is_minus_pi_also_as_float32() -> None:
    assert GRID.pixel(0.001, math.pi) == GRID.pixel(0.001, -math.pi) == 170 * 360
    above = np.float32(math.pi)  # 3.14159274, a little more than pi: past the seam
    assert GRID.pixel(0.001, above) == 170 * 360
    assert GRID.pixel(0.001, -above) == 170 * 360 + 359
    assert GRID.pixel(0.001, np.nextafter(math.pi, 0)) == 170 * 360 + 359


@given(st.floats(-2.95, 2.95), st.floats(-math.pi, math.pi, exclude_max=True), st.integers(-3, 3))
def test_turning_by_whole_circles_moves_a_pixel_at_most_by_rounding(eta: float, phi: float, turns: int) -> None:
    here, there = int(GRID.pixel(eta, phi)), int(GRID.pixel(eta, phi + turns * 2 * math.pi))
    assert here // 360 == there // 360
    assert (here - there + 1) % 360 in (0, 1, 2)


@given(st.floats(-6, 6), st.floats(allow_nan=False, allow_infinity=False))
def test_any_angle_stays_in_its_row(eta: float, phi: float) -> None:
    """An angle a rounding away from the seam once fell into the row below."""
    pixel = int(GRID.pixel(eta, phi))
    row = math.floor(eta / 0.0174 + 170)
    if pixel == -1:
        assert not -2.958 + 1e-9 < eta < 2.958 - 1e-9
    else:
        assert abs(pixel // 360 - row) <= (1 if abs(eta / 0.0174 - round(eta / 0.0174)) < 1e-9 else 0)


def test_agrees_with_numpys_histogram_on_random_points() -> None:
    rng = np.random.default_rng(1)
    eta, phi = rng.uniform(-3.2, 3.2, 20_000), rng.uniform(-math.pi, math.pi, 20_000)
    counts, _, _ = np.histogram2d(eta, phi, bins=(GRID.eta_edges, GRID.phi_edges))
    pixel = GRID.pixel(eta, phi)
    np.testing.assert_array_equal(np.bincount(pixel[pixel >= 0], minlength=GRID.size), counts.ravel())
    assert 0 < np.sum(pixel < 0) < 20_000


@given(st.floats(-5, 5), st.floats(-math.pi, math.pi, exclude_max=True))
def test_continuous_coordinates_come_back(eta: float, phi: float) -> None:
    row, column = GRID.to_continuous(eta, phi)
    assert 0 <= column < 360
    eta_again, phi_again = GRID.to_angles(row, column)
    assert eta_again == pytest.approx(eta, abs=1e-12)
    assert math.cos(phi_again - phi) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("pixel", [-1, 122_400])
def test_a_pixel_that_is_not_there_has_no_centre(pixel: int) -> None:
    with pytest.raises(ValueError, match=r"0\.\.122399"):
        GRID.centre(pixel)
