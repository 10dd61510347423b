"""Ellipses, their pixels and boxes, by hand and on the seam."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from jetimg.event_file import masks

SHAPE = 20, 30


def ellipse_of(places: list[tuple[int, int]], values: list[float]) -> masks.Ellipses:
    pixel = np.array([row * SHAPE[1] + column % SHAPE[1] for row, column in places])
    return masks.ellipses(np.zeros(len(pixel), np.int64), pixel, np.array(values), 1, SHAPE[1])


def test_one_pixel_has_an_ellipse_of_its_own_size() -> None:
    found = ellipse_of([(4, 7)], [3.0])
    assert_allclose(found.centre, [[4.5, 7.5]])
    assert_allclose(found.axes, [[2 / 12**0.5] * 2])
    owner, pixel = masks.inside(found, SHAPE)
    assert owner.tolist() == [0]
    assert pixel.tolist() == [4 * 30 + 7]


@pytest.mark.parametrize("column", [7, 0, 29])
def test_two_pixels_in_phi_on_the_seam_too(column: int) -> None:
    """Variance 1/4 of the centres of two equal pixels, 1/12 of each: semi-axes 2 sqrt(1/3) and 2 sqrt(1/12)."""
    found = ellipse_of([(4, column), (4, column + 1)], [1.0, 1.0])
    assert_allclose(found.axes, [[2 / 3**0.5, 2 / 12**0.5]])
    assert_allclose(found.angle, [np.pi / 2])
    assert_allclose(np.mod(found.centre[0, 1] - column - 1 + 15, 30) - 15, 0, atol=1e-9)
    owner, pixel = masks.inside(found, SHAPE)
    assert sorted(pixel.tolist()) == sorted(4 * 30 + (column + k) % 30 for k in (0, 1))
    box = masks.boxes(owner, pixel, found.centre, SHAPE)
    assert box.tolist() == [[4, column, 5, column + 2]]


@pytest.mark.parametrize(("slope", "angle"), [(1, np.pi / 4), (-1, 3 * np.pi / 4)])
def test_a_diagonal_has_its_angle(slope: int, angle: float) -> None:
    found = ellipse_of([(8 + k, 15 + slope * k) for k in (-1, 0, 1)], [1.0] * 3)
    assert_allclose(found.angle, [angle])
    assert_allclose(found.axes, [[2 * (2 * 2 / 3 + 1 / 12) ** 0.5, 2 / 12**0.5]])


def test_the_logarithm_of_the_energy_weighs() -> None:
    """Shares 0.75 and 0.25 weigh 4.7 + ln 0.75 + 0.75 = 5.16 and 4.7 + ln 0.25 + 0.25 = 3.56."""
    found = ellipse_of([(4, 7), (4, 9)], [3.0, 1.0])
    first, second = 5.162318, 3.563706
    share = second / (first + second)
    assert_allclose(found.centre, [[4.5, 7.5 + 2 * share]], rtol=1e-6)
    assert_allclose(found.axes[0, 0], 2 * (4 * share * (1 - share) + 1 / 12) ** 0.5, rtol=1e-6)


def test_pixels_are_those_whose_centre_is_inside() -> None:
    """Against the definition, on every pixel; the border in eta cuts, that in phi does not."""
    random = np.random.default_rng(1)
    n = 40
    axes = np.sort(random.uniform(0.6, 8, (n, 2)))[:, ::-1]
    centre = random.uniform(0, 1, (n, 2)) * SHAPE
    found = masks.Ellipses(centre, axes, random.uniform(0, np.pi, n))
    owner, pixel = masks.inside(found, SHAPE)
    row, column = np.divmod(np.arange(SHAPE[0] * SHAPE[1]), SHAPE[1])
    for k in range(n):
        y = row + 0.5 - centre[k, 0]
        x = np.mod(column + 0.5 - centre[k, 1] + SHAPE[1] / 2, SHAPE[1]) - SHAPE[1] / 2
        cosine, sine = np.cos(found.angle[k]), np.sin(found.angle[k])
        along, across = y * cosine + x * sine, x * cosine - y * sine
        expected = set(np.flatnonzero((along / axes[k, 0]) ** 2 + (across / axes[k, 1]) ** 2 <= 1).tolist())
        expected.add(int(centre[k, 0]) * SHAPE[1] + int(centre[k, 1]))
        assert set(pixel[owner == k].tolist()) == expected


def test_a_filled_ellipse_has_its_own_moments() -> None:
    wanted = masks.Ellipses(np.array([[100.3, 2.7]]), np.array([[30.0, 12.0]]), np.array([0.7]))
    _, pixel = masks.inside(wanted, (200, 300))
    found = masks.ellipses(np.zeros(len(pixel), np.int64), pixel, np.ones(len(pixel)), 1, 300)
    for one, two in zip(found, wanted, strict=True):
        assert_allclose(one, two, rtol=0.01)


def test_turning_turns_the_ellipse_alone() -> None:
    random = np.random.default_rng(3)
    row, column, value = random.integers(5, 9, 12), random.integers(0, 5, 12), random.uniform(1, 2, 12)
    pixels = [row * SHAPE[1] + (column + turn) % SHAPE[1] for turn in (0, 27)]
    one, two = (masks.ellipses(np.zeros(12, np.int64), pixel, value, 1, SHAPE[1]) for pixel in pixels)
    assert_allclose(one.axes, two.axes)
    assert_allclose(one.angle, two.angle)
    assert_array_equal(np.round(np.mod(two.centre[:, 1] - one.centre[:, 1], SHAPE[1]), 9), [27])
