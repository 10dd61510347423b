"""The tracker: dense-track filter, efficiencies, resolutions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.simulation.fast.parameters import Tables
from detector.simulation.fast.propagation import circle, leave
from detector.simulation.fast.random_numbers import address
from detector.simulation.fast.tracking import beyond, log_normal, piecewise
from tests.helpers.builders import particles, tracks
from tests.helpers.stages import arrived, reconstructed, survivors

N = 20_000


def test_the_hardest_track_of_a_cell_survives(numbers: Tables) -> None:
    """Fast particles of one direction meet the inner cylinder in one cell (0.003 x 0.003)."""
    crowd = particles([211] * 4, [1] * 4, [900.0, 1000.0, 950.0, 990.0], [0.5011] * 3 + [0.52], [1.0005] * 4)
    assert survivors(crowd, numbers.tracker) == [1, 3]


def test_neutral_particles_do_not_count(numbers: Tables) -> None:
    crowd = particles([22, 211], [0, 1], [1000.0, 900.0], [0.5011] * 2, [1.0005] * 2)
    assert survivors(crowd, numbers.tracker) == [1]


def test_cells_at_the_seam(numbers: Tables) -> None:
    """Just below +pi and just above -pi are neighbours, not one cell; -pi itself is +pi."""
    pt, eps = 1e6, 1e-4
    crowd = particles([211] * 3, [1] * 3, [pt, pt + 1, pt + 2], [0.001] * 3, [math.pi - eps, -math.pi + eps, math.pi])
    left = survivors(crowd, numbers.tracker)
    assert 1 in left
    assert 0 not in left


def test_the_filter_ends_at_eta_4(numbers: Tables) -> None:
    crowd = particles([211] * 4, [1] * 4, [50.0] * 4, [3.9, 4.05, -3.9, -4.05], [0.0] * 4)
    assert survivors(crowd, numbers.tracker) == [0, 2]


@given(st.floats(0.05, 50), st.floats(-6, 6), st.floats(-math.pi, math.pi), st.floats(-200, 200), st.floats(-200, 200))
def test_beyond_is_right_when_it_says_yes(pt: float, eta: float, phi: float, x: float, z: float) -> None:
    one = particles([211], [1], [pt], [eta], [phi])
    where, momentum = (x / 1e3, 0.0, z / 1e3), (float(one.px[0]), float(one.py[0]), float(one.pz[0]))
    if beyond(*where, *momentum, 0.7, math.sinh(4.0)):
        way = circle(*where[:2], *momentum[:2], 1.0, 3.8)
        inside, a, b, c = leave(way, *where, *momentum, 0.3, 0.7)
        assert not inside or abs(math.asinh(c / math.hypot(a, b))) > 4.0


@pytest.mark.parametrize("seed", range(5))
def test_the_filter_is_that_of_a_table_of_all_cells(numbers: Tables, seed: int) -> None:
    """Against a dictionary, with many particles in few cells and equal pt."""
    rng = np.random.default_rng(seed)
    n = 60
    pt, eta, phi = rng.choice([900.0, 950.0], n), rng.uniform(0.5, 0.51, n), rng.uniform(1.0, 1.01, n)
    crowd = particles([211] * n, [1] * n, pt.tolist(), eta.tolist(), phi.tolist())
    best: dict[tuple[int, int], int] = {}
    for i in range(n):
        px, py, pz = float(crowd.px[i]), float(crowd.py[i]), float(crowd.pz[i])
        way = circle(0.0, 0.0, px, py, 1.0, numbers.tracker.field)
        _, x, y, z = leave(way, 0.0, 0.0, 0.0, px, py, pz, numbers.tracker.inner_radius, 3.0)
        row = math.ceil(math.asinh(z / math.hypot(x, y)) / numbers.tracker.inner_cell)
        column = math.ceil((math.atan2(y, x) + math.pi) * numbers.tracker.inner_phi_cells / (2.0 * math.pi))
        rival = best.setdefault((row, column), i)
        if px**2 + py**2 > crowd.px[rival] ** 2 + crowd.py[rival] ** 2:
            best[row, column] = i
    assert survivors(crowd, numbers.tracker) == sorted(best.values())


def test_survivors_keep_their_direction_and_pt(numbers: Tables) -> None:
    """As in real Delphes 3.5 files, where prompt leptons have their generated eta."""
    eta = np.linspace(-2, 2, 1000)
    many = particles([211] * len(eta), [1] * len(eta), [1e5] * len(eta), eta.tolist(), [0.3] * len(eta))
    there = arrived(many, numbers.tracker)
    assert np.allclose(np.sort(there.eta), eta)
    assert np.allclose(there.phi, 0.3)
    assert np.allclose(there.pt, 1e5)


def test_neutral_particles_arrive_unchanged(numbers: Tables) -> None:
    there = arrived(particles([22], [0], [2.0], [-1.0], [3.1]), numbers.tracker)
    assert (there.pt[0], there.eta[0], there.phi[0]) == pytest.approx((2.0, -1.0, 3.1))
    assert (there.eta_outer[0], there.phi_outer[0]) == pytest.approx((-1.0, 3.1))
    assert there.energy[0] == pytest.approx(2.0 * math.cosh(1.0))


def test_what_is_born_outside_the_inner_cylinder_is_lost(numbers: Tables, rng: np.random.Generator) -> None:
    one = particles([22], [0], [2.0], [0.1], [0.0])._replace(x=np.array([310.0]))
    assert len(arrived(one, numbers.tracker).pid) == 0


@pytest.mark.parametrize(
    ("pid", "eta", "pt", "expected"),
    [
        (211, 0.5, 0.15, 0.0),
        (211, 0.5, 0.6, 0.6 * 0.96),
        (211, 0.5, 5.0, 0.97),
        (-321, 2.0, 5.0, 0.87),
        (2212, 3.5, 0.5, 0.40),
        (211, 4.2, 5.0, 0.0),
        (11, 2.0, 5.0, 0.87),
        (-11, 2.0, 50.0, 0.90),
        (11, 3.0, 5.0, 0.85),
        (13, 2.7, 5.0, 1.0),
        (-13, 3.0, 0.5, 0.475),
    ],
)
def test_efficiency_is_that_of_the_table(
    numbers: Tables, rng: np.random.Generator, pid: int, eta: float, pt: float, expected: float
) -> None:
    many = tracks([pid] * N, [pt * math.cosh(eta)] * N, [eta] * N, [0.0] * N)
    found = len(reconstructed(many, numbers.tracker, rng).pid) / N
    sigma = math.sqrt(expected * (1 - expected) / N)
    assert abs(found - expected) <= 4.5 * sigma


def test_efficiency_edges_belong_below(numbers: Tables) -> None:
    table = numbers.tracker.efficiency[0]
    assert piecewise(table, 1.2, 1.0, True) == pytest.approx(0.96)
    assert piecewise(table, 1.2, 0.2, True) == 0.0


@settings(max_examples=10)
@given(st.floats(0.1, 1e3), st.floats(0.01, 1.0))
def test_log_normal_has_mean_and_width(mean: float, relative: float) -> None:
    rng = np.random.default_rng(3)
    drawn = np.array([log_normal(mean, relative * mean, address(rng)) for _ in range(N)])
    assert drawn.min() > 0
    assert drawn.mean() == pytest.approx(mean, rel=5 * relative / math.sqrt(N))
    # The variance's own relative error, sqrt((kurtosis - 1) / n), is below 0.08 for relative = 1.
    assert drawn.std() == pytest.approx(relative * mean, rel=0.02 if relative < 0.5 else 0.25)


def test_nothing_stays_nothing(rng: np.random.Generator) -> None:
    assert log_normal(0.0, 1.0, address(rng)) == 0.0


@pytest.mark.parametrize(("pid", "sigma"), [(211, 0.004579 + 4 * 0.000045), (13, 0.00519)])
def test_momentum_resolution(numbers: Tables, rng: np.random.Generator, pid: int, sigma: float) -> None:
    many = tracks([pid] * N, [5.0] * N, [0.0] * N, [0.0] * N)
    found = reconstructed(many, numbers.tracker, rng)
    assert found.resolution[0] == pytest.approx(sigma, rel=1e-4)
    assert found.pt.mean() == pytest.approx(5.0, abs=5 * 5.0 * sigma / math.sqrt(N))
    assert found.pt.std() == pytest.approx(5.0 * sigma, rel=0.03)
    assert np.all(found.energy == found.pt)  # massless, at eta 0


def test_electrons_are_smeared_in_energy(numbers: Tables, rng: np.random.Generator) -> None:
    many = tracks([11] * N, [40.0] * N, [1.7] * N, [0.0] * N)
    found = reconstructed(many, numbers.tracker, rng)
    assert found.energy.std() == pytest.approx(40.0 * 0.037, rel=0.03)
    assert found.resolution.mean() == pytest.approx(0.037, rel=0.01)
