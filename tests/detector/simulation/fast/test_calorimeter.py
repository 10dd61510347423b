"""Towers and energy flow, by hand where there are few particles."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import Detector
from detector.geometry.grid import Grid
from detector.simulation.fast.calorimeter import cell_of, fraction_of, sigma_of
from detector.simulation.fast.parameters import CalorimeterTables, Tables
from detector.simulation.particles import Tracks
from tests.helpers.builders import tracks
from tests.helpers.stages import measure

NOBODY = tracks([], [], [], [])


def exact(tables: CalorimeterTables) -> CalorimeterTables:
    """The same calorimeter without smearing and thresholds."""
    return tables._replace(sigma=np.full_like(tables.sigma, 1e-12), energy_min=0.0, significance_min=0.0)


@given(st.floats(-4.99, 4.99), st.floats(-math.pi, math.pi))
def test_every_point_lies_in_its_cell(eta: float, phi: float) -> None:
    tables = _numbers().hcal
    cell = cell_of(tables, eta, phi)
    ring = int(np.searchsorted(tables.first_cell, cell, side="right") - 1)
    assert tables.eta_edges[ring] < eta <= tables.eta_edges[ring + 1]
    column = cell - tables.first_cell[ring]
    width = 2 * math.pi / tables.n_phi[ring]
    low = -math.pi + column * width
    assert low - 1e-12 <= phi <= low + width + 1e-12 or phi == -math.pi


def test_crystals_are_pixels(cms: Detector, numbers: Tables, rng: np.random.Generator) -> None:
    grid = Grid.of(cms)
    for eta, phi in zip(rng.uniform(-2.95, 2.95, 500), rng.uniform(-math.pi, math.pi, 500), strict=True):
        forward = int(numbers.ecal.first_cell[11])  # eleven forward rings come first
        assert cell_of(numbers.ecal, eta, phi) - forward == grid.pixel(eta, phi)


def test_the_seam_is_one_direction(numbers: Tables) -> None:
    """+pi is -pi: both lie in the last cell of the ring, whose upper edge they are."""
    last = cell_of(numbers.ecal, 0.01, math.pi)
    assert cell_of(numbers.ecal, 0.01, -math.pi) == last
    assert cell_of(numbers.ecal, 0.01, -math.pi + 1e-6) == last - 359


@pytest.mark.parametrize("eta", [-5.01, 5.01, -5.0])
def test_outside(numbers: Tables, eta: float) -> None:
    assert cell_of(numbers.ecal, eta, 0.0) == -1


@pytest.mark.parametrize(
    ("pid", "ecal", "hcal"),
    [(22, 1, 0), (-11, 1, 0), (310, 0.3, 0.7), (-3122, 0.3, 0.7), (211, 0, 1), (130, 0, 1), (13, 0, 0), (-14, 0, 0),
     (2112, 0, 1), (1000022, 0, 0)],
)  # fmt: skip
def test_fractions(numbers: Tables, pid: int, ecal: float, hcal: float) -> None:
    assert fraction_of(numbers.ecal, pid) == ecal
    assert fraction_of(numbers.hcal, pid) == hcal


def test_energy_is_conserved_without_smearing(numbers: Tables, rng: np.random.Generator) -> None:
    n = 400
    pid = rng.choice([22, 130, 310, 2112], n).tolist()
    energy, eta, phi = rng.exponential(5, n), rng.uniform(-4.9, 4.9, n), rng.uniform(-math.pi, math.pi, n)
    all_ = tracks(pid, energy.tolist(), eta.tolist(), phi.tolist(), charge=0)
    seen = sum(measure(all_, NOBODY, exact(t), rng).neutrals.energy.sum() for t in (numbers.ecal, numbers.hcal))
    assert seen == pytest.approx(energy.sum(), rel=1e-9)


def test_towers_stand_in_their_cells(numbers: Tables, rng: np.random.Generator) -> None:
    eta, phi = rng.uniform(-4.9, 4.9, 300), rng.uniform(-math.pi, math.pi, 300)
    photons = tracks([22] * 300, [10.0] * 300, eta.tolist(), phi.tolist(), charge=0)
    found = measure(photons, NOBODY, exact(numbers.ecal), rng).neutrals
    low_eta, high_eta, low_phi, high_phi = found.edges.T
    assert np.all((low_eta < found.eta) & (found.eta < high_eta))
    assert np.all((low_phi < found.phi) & (found.phi < high_phi))
    assert np.all((low_phi >= -math.pi) & (high_phi <= math.pi + 1e-12))


def test_thresholds(numbers: Tables, rng: np.random.Generator) -> None:
    """In the barrel 0.45 GeV of noise and 0.5 GeV of threshold: 0.3 GeV is never seen whole."""
    photons = tracks([22], [0.3], [0.1], [0.1], charge=0)
    for _ in range(200):
        energy = measure(photons, NOBODY, numbers.ecal, rng).neutrals.energy
        assert len(energy) == 0 or energy[0] > 0.5


def test_resolution_of_a_tower(numbers: Tables, rng: np.random.Generator) -> None:
    photon = tracks([22], [50.0], [0.1], [0.1], charge=0)
    drawn = np.array([measure(photon, NOBODY, numbers.ecal, rng).towers.energy[0] for _ in range(1000)])
    sigma = math.sqrt((0.009 * 50) ** 2 + 0.12**2 * 50 + 0.45**2)
    assert drawn.mean() == pytest.approx(50.0, abs=5 * sigma / math.sqrt(1000))
    assert drawn.std() == pytest.approx(sigma, rel=4 / math.sqrt(2000))


def _one_cell(hadron: float, photon: float, resolution: float) -> tuple[Tracks, Tracks]:
    """A charged pion and a neutral kaon in one HCAL cell; and the pion's track."""
    everything = tracks([211, 130], [hadron, photon], [0.04, 0.05], [0.04, 0.05])
    return everything, tracks([211], [hadron], [0.04], [0.04], resolution)


def test_track_alone_with_a_perfect_calorimeter_stays(numbers: Tables, rng: np.random.Generator) -> None:
    everything, track = _one_cell(10.0, 0.0, 0.01)
    found = measure(everything, track, exact(numbers.hcal), rng)
    assert found.tracks.energy[0] == pytest.approx(10.0)
    assert found.neutrals.energy.sum() == pytest.approx(0.0, abs=1e-6)


def test_neutral_excess_leaves_the_track_alone(numbers: Tables, rng: np.random.Generator) -> None:
    everything, track = _one_cell(10.0, 8.0, 0.01)
    found = measure(everything, track, exact(numbers.hcal), rng)
    assert found.neutrals.energy.tolist() == pytest.approx([8.0])
    assert found.tracks.energy.tolist() == [10.0]
    assert found.towers.energy.tolist() == pytest.approx([18.0])
    assert found.towers.track_energy.tolist() == [10.0]


def test_insignificant_excess_scales_the_track(numbers: Tables) -> None:
    """By the formulas of the design, with the energy that was drawn read back from the tower."""
    everything, track = _one_cell(10.0, 0.5, 0.2)
    tables = numbers.hcal
    scaled = 0
    for seed in range(50):
        found = measure(everything, track, tables, np.random.default_rng(seed))
        energy = found.towers.energy[0] if len(found.towers.energy) else 0.0
        ring = int(np.searchsorted(tables.eta_edges, 0.04) - 1)
        sigma = sigma_of(tables, ring, energy)
        # sigma(10) / 10 = 0.32 is worse than the track's 0.2: the full track energy is the guess.
        track_sigma = 0.2 * 10.0
        excess = max(energy - 10.0, 0.0)
        if excess > 1.0 and excess > math.hypot(sigma, track_sigma):
            assert found.neutrals.energy[0] == pytest.approx(excess)
            assert found.tracks.energy[0] == 10.0
        elif energy > 0:
            best = (10.0 / track_sigma**2 + energy / sigma**2) / (1 / track_sigma**2 + 1 / sigma**2)
            assert found.tracks.energy[0] == pytest.approx(best)
            assert len(found.neutrals.energy) == 0
            scaled += 1
    assert scaled > 20


def test_scaling_keeps_the_mass(numbers: Tables, rng: np.random.Generator) -> None:
    everything, track = _one_cell(5.0, 0.0, 0.5)
    track = track._replace(mass=np.array([1.0]), energy=np.sqrt(track.energy**2 + 1.0))
    found = measure(everything, track, numbers.hcal, rng).tracks
    momentum = found.pt * np.cosh(found.eta)
    assert found.pt[0] != track.pt[0]
    assert found.energy**2 - momentum**2 == pytest.approx([1.0])


def test_tracks_without_a_fraction_pass(numbers: Tables, rng: np.random.Generator) -> None:
    everything, track = _one_cell(10.0, 8.0, 0.01)
    found = measure(everything, track, numbers.ecal, rng)
    assert found.tracks.energy.tolist() == [10.0]
    assert len(found.neutrals.energy) == 0


def test_a_track_far_from_its_deposit_is_scaled_down(numbers: Tables, rng: np.random.Generator) -> None:
    """A cell with a track and no energy counts as a measurement of nothing."""
    electron = tracks([11], [5.0], [0.04], [0.04], 0.5)
    found = measure(NOBODY, electron, numbers.ecal, rng).tracks
    weights = 1 / (0.5 * 5.0) ** 2, 1 / 0.45**2
    assert found.energy[0] == pytest.approx(weights[0] * 5.0 / sum(weights))


def test_tracks_come_in_the_order_of_cells(numbers: Tables, rng: np.random.Generator) -> None:
    eta = rng.uniform(-3.9, 3.9, 50)
    some = tracks([211] * 50, [5.0] * 50, eta.tolist(), [0.0] * 50, 0.01)
    found = measure(some, some, exact(numbers.hcal), rng).tracks
    assert len(found.pid) == 50
    assert np.all(np.diff([cell_of(numbers.hcal, e, 0.0) for e in found.eta_outer]) >= 0)


def _numbers() -> Tables:
    from detector import load
    from detector.simulation.fast.parameters import tables

    return tables(load())
