"""Where particles leave the tracker, against straight lines and against the equation of motion."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from detector.geometry.angles import delta, wrap
from detector.simulation.fast.propagation import CURVATURE, circle, eta_of, leave, shorter

RADIUS, HALF_LENGTH, FIELD = 1.29, 3.0, 3.8
angles = st.floats(-math.pi, math.pi)
offsets = st.floats(-0.25, 0.25)


def helix(
    x: float, y: float, z: float, px: float, py: float, pz: float, charge: float
) -> tuple[bool, float, float, float, float]:
    """Whether and where a particle leaves the tracker, and its phi at the closest approach to the beam."""
    way = circle(x, y, px, py, charge, FIELD)
    return (*leave(way, x, y, z, px, py, pz, RADIUS, HALF_LENGTH), way.phi)


def integrate(start: np.ndarray, momentum: np.ndarray, charge: float) -> np.ndarray:
    """The exit point by small steps of d p / d s = 0.2998 q (p / |p|) x B, Runge-Kutta of 4th order."""

    def slope(p: np.ndarray) -> np.ndarray:
        return CURVATURE * charge * np.cross(p / np.linalg.norm(p), [0.0, 0.0, FIELD])

    x, p, step = start.copy(), momentum.copy(), 1e-3
    for _ in range(400_000):
        k1 = slope(p)
        k2 = slope(p + step / 2 * k1)
        k3 = slope(p + step / 2 * k2)
        k4 = slope(p + step * k3)
        following = p + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        moved = x + step * (p + following) / 2 / np.linalg.norm(p)
        if math.hypot(moved[0], moved[1]) > RADIUS or abs(moved[2]) > HALF_LENGTH:
            return moved
        x, p = moved, following
    raise AssertionError("never left")


@pytest.mark.parametrize("charge", [1, -1, 2])
@pytest.mark.parametrize(
    ("pt", "eta", "phi"), [(0.9, 0.3, 3.1), (5.0, -1.0, -3.0), (0.3, 1.2, 0.5), (0.5, 2.5, -2.0), (100.0, 0.0, 1.0)]
)
def test_helix_follows_the_equation_of_motion(charge: int, pt: float, eta: float, phi: float) -> None:
    start = np.array([0.02, -0.05, 0.11])
    momentum = np.array([pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)])
    inside, *there, _ = helix(*start, *momentum, charge)
    assert inside
    # The integration stops within one step of 1 mm behind the surface.
    assert np.linalg.norm(np.array(there) - integrate(start, momentum, charge)) < 2.1e-3


@given(offsets, offsets, offsets, st.floats(0.06, 100), st.floats(-4, 4), angles, st.sampled_from([-1.0, 1.0]))
def test_helix_ends_on_the_surface(
    x: float, y: float, z: float, pt: float, eta: float, phi: float, charge: float
) -> None:
    assume(abs(eta) > 1e-3)
    momentum = (pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta))
    inside, a, b, c, _ = helix(x, y, z, *momentum, charge)
    assert inside
    r = math.hypot(a, b)
    assert r == pytest.approx(RADIUS, abs=1e-9) or abs(c) == pytest.approx(HALF_LENGTH, abs=1e-9)
    assert r <= RADIUS + 1e-6
    assert abs(c) <= HALF_LENGTH + 1e-9


@given(st.floats(0.06, 100), st.floats(-4, 4), angles, angles)
def test_turning_the_particle_turns_the_exit(pt: float, eta: float, phi: float, turn: float) -> None:
    assume(abs(eta) > 1e-3)

    def exit_of(phi: float) -> tuple[float, float, float]:
        momentum = (pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta))
        return helix(0.0, 0.0, 0.0, *momentum, 1.0)[1:4]

    (x, y, z), (u, v, w) = exit_of(phi), exit_of(phi + turn)
    # Slow loopers make hundreds of turns: rounding grows with them.
    assert w == pytest.approx(z, abs=1e-6)
    assert math.hypot(u, v) == pytest.approx(math.hypot(x, y), abs=1e-6)
    if math.hypot(x, y) > 1e-3:
        assert abs(delta(math.atan2(v, u), math.atan2(y, x) + turn)) < 1e-4


def test_opposite_charges_are_mirror_images() -> None:
    _, x, y, z, _ = helix(0.0, 0.0, 0.0, 2.0, 0.0, 1.0, 1.0)
    _, u, v, w, _ = helix(0.0, 0.0, 0.0, 2.0, 0.0, 1.0, -1.0)
    assert (u, v, w) == pytest.approx((x, -y, z))
    assert y < 0  # a positive charge in a field along +z turns clockwise


def test_looper_leaves_through_the_end() -> None:
    _, x, y, z, _ = helix(0.0, 0.0, 0.0, 0.3, 0.0, 0.1, 1.0)
    assert z == pytest.approx(HALF_LENGTH)
    assert math.hypot(x, y) < 2 * 0.3 / (CURVATURE * FIELD)


def test_looper_without_an_end_is_dropped() -> None:
    assert not helix(0.0, 0.0, 0.0, 0.3, 0.0, 0.0, 1.0)[0]


def test_phi_at_the_closest_approach() -> None:
    """A particle that starts on the way comes from the origin with another phi."""
    radius = 2.0 / (CURVATURE * FIELD)
    angle = 0.1
    x, y = radius * math.sin(angle), -radius * (1 - math.cos(angle))
    px, py = 2.0 * math.cos(-angle), 2.0 * math.sin(-angle)
    *_, phi = helix(x, y, 0.0, px, py, 1.0, 1.0)
    assert phi == pytest.approx(0.0, abs=1e-12)


@given(offsets, offsets, offsets, st.floats(0.01, 100), st.floats(-6, 6), angles)
def test_neutral_particles_go_straight(x: float, y: float, z: float, pt: float, eta: float, phi: float) -> None:
    p = np.array([pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)])
    inside, *there, _ = helix(x, y, z, *p, 0.0)
    assert inside
    way = np.array(there) - [x, y, z]
    assert np.linalg.norm(np.cross(way, p)) < 1e-9 * np.linalg.norm(p) * max(1.0, np.linalg.norm(way))
    assert way @ p > 0
    r = math.hypot(there[0], there[1])
    assert r == pytest.approx(RADIUS) or abs(there[2]) == pytest.approx(HALF_LENGTH)


@given(st.floats(1e-9, 1e5), st.floats(-1e4, 1e4))
def test_eta_is_the_inverse_hyperbolic_sine(r: float, z: float) -> None:
    assert eta_of(z, r) == pytest.approx(math.asinh(z / r), rel=1e-12, abs=1e-15)


def test_a_fast_particle_is_nearly_straight() -> None:
    _, x, y, z, _ = helix(0.0, 0.0, 0.1, 1e6, 2e6, 1e6, 1.0)
    assert helix(0.0, 0.0, 0.1, 1e6, 2e6, 1e6, 0.0)[1:4] == pytest.approx((x, y, z), abs=1e-5)


@pytest.mark.parametrize("z", [-3.1, 3.1])
def test_what_is_born_outside_is_dropped(z: float) -> None:
    assert not helix(0.0, 0.0, z, 1.0, 0.0, 0.0, 0.0)[0]
    assert not helix(1.3, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0)[0]


@given(st.floats(-1e3, 1e3))
def test_shorter_is_wrap(angle: float) -> None:
    assert shorter(angle) == wrap(angle)
