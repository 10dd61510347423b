"""Periodic phi, where it hurts: at the seam, and far round the circle."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.geometry.angles import TWO_PI, delta, delta_r, wrap

ANGLES = st.floats(-1e4, 1e4)
NEAR_SEAM = st.builds(
    lambda turns, steps: (2 * turns + 1) * math.pi + steps * 4.4e-16 * max(1, abs(2 * turns + 1)),
    st.integers(-50, 50),
    st.integers(-8, 8),
)


@given(st.one_of(ANGLES, NEAR_SEAM, st.floats(allow_nan=False, allow_infinity=False)))
def test_wrapped_angles_lie_in_the_half_open_interval(phi: float) -> None:
    assert -math.pi <= wrap(phi) < math.pi


@given(st.one_of(ANGLES, NEAR_SEAM))
def test_wrapping_keeps_the_direction(phi: float) -> None:
    turned = float(wrap(phi))
    assert math.isclose(math.sin(turned), math.sin(phi), abs_tol=1e-11)
    assert math.isclose(math.cos(turned), math.cos(phi), abs_tol=1e-11)


@given(st.floats(-math.pi, math.pi, exclude_max=True))
def test_an_angle_inside_is_not_touched(phi: float) -> None:
    assert wrap(phi) == phi


def test_both_names_of_the_seam_are_one_direction() -> None:
    assert wrap(math.pi) == wrap(-math.pi) == wrap(3 * math.pi) == -math.pi


def test_the_last_angles_before_the_seam_stay_before_it() -> None:
    """nextafter(pi, 0) once became -pi - 4e-16, a column left of the image."""
    below = np.nextafter(np.pi, 0.0)
    assert wrap(below) == below
    assert wrap(np.nextafter(-np.pi, -4.0)) == pytest.approx(-math.pi, abs=1e-15)


@pytest.mark.parametrize(
    ("phi", "origin", "expected"),
    [(3.1, -3.1, 6.2 - TWO_PI), (-3.1, 3.1, TWO_PI - 6.2), (0.1, -0.1, 0.2), (math.pi, -math.pi, 0.0)],
)
def test_delta_goes_round_the_shorter_side(phi: float, origin: float, expected: float) -> None:
    assert delta(phi, origin) == pytest.approx(expected, abs=1e-12)


@given(ANGLES, ANGLES)
def test_delta_is_never_more_than_half_a_turn_and_leads_there(phi: float, origin: float) -> None:
    way = float(delta(phi, origin))
    assert abs(way) <= math.pi
    assert math.isclose(math.cos(origin + way), math.cos(phi), abs_tol=1e-10)
    assert math.isclose(math.sin(origin + way), math.sin(phi), abs_tol=1e-10)


@given(ANGLES, ANGLES, st.floats(-5, 5), st.floats(-5, 5))
def test_distance_is_symmetric_and_periodic(phi: float, phi0: float, eta: float, eta0: float) -> None:
    there, back = delta_r(eta, phi, eta0, phi0), delta_r(eta0, phi0, eta, phi)
    assert there == pytest.approx(back, abs=1e-9)
    assert delta_r(eta, phi + TWO_PI, eta0, phi0) == pytest.approx(there, abs=1e-9)


def test_distance_across_the_seam_by_hand() -> None:
    assert delta_r(0.3, math.pi - 0.2, -0.0, -math.pi + 0.2) == pytest.approx(0.5)  # 3-4-5: 0.3, 0.4
