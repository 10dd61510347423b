"""Lateral shower profiles: shares by the formula, energy conserved, tracks and deposits alike."""

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import dblquad
from scipy.stats import gamma

from detector import Detector, load
from detector.common.errors import CallError
from detector.geometry.description import DEFAULT
from detector.simulation.delphes import card
from detector.simulation.fast.calorimeter import cell_of
from detector.simulation.fast.parameters import CalorimeterTables, Tables, tables
from detector.simulation.fast.showers import Profile, corner, lever
from tests.helpers.builders import tracks
from tests.helpers.stages import measure, spread

NOBODY = tracks([], [], [], [])
PITCH, LEVER = 0.0174, 1.29
CENTRE = PITCH / 2, math.radians(0.5)  # of a crystal


@pytest.fixture(scope="module")
def wide() -> Detector:
    return load(DEFAULT.with_name("cms_showers.yaml"))


@pytest.fixture(scope="module")
def numbers(wide: Detector) -> Tables:
    return tables(wide)


def exact(tables: CalorimeterTables) -> CalorimeterTables:
    """The same calorimeter without smearing and thresholds."""
    return tables._replace(sigma=np.full_like(tables.sigma, 1e-12), energy_min=0.0, significance_min=0.0)


def density(profile: Profile, x: float, y: float) -> float:
    """f(r) / (2 pi r) of hep-ex/0001020."""
    p, r2 = profile.core_fraction, x * x + y * y
    parts = ((p, profile.core), (1 - p, profile.tail))
    return sum(share * scale**2 / (math.pi * (r2 + scale**2) ** 2) for share, scale in parts)


def integral(profile: Profile, half_x: float, half_y: float) -> float:
    """Over a rectangle round the axis, by numbers."""
    return float(4 * dblquad(lambda y, x: density(profile, x, y), 0, half_x, 0, half_y, epsabs=1e-8)[0])


@pytest.mark.parametrize("pid", [22, 211])
def test_containment_is_the_formula_s_integral(numbers: Tables, pid: int) -> None:
    """In 1 x 1, 3 x 3 and 5 x 5 crystals round a particle in the middle of one."""
    profile = numbers.ecal.showers.electromagnetic if pid == 22 else numbers.ecal.showers.hadronic
    cells, shares = spread(numbers.ecal, pid, *CENTRE)
    ring = np.searchsorted(numbers.ecal.first_cell, cells, side="right") - 1
    column = cells - numbers.ecal.first_cell[ring]
    middle = cell_of(numbers.ecal, *CENTRE)
    middle_ring = np.searchsorted(numbers.ecal.first_cell, middle, side="right") - 1
    away = np.maximum(np.abs(ring - middle_ring), np.abs(column - (middle - numbers.ecal.first_cell[middle_ring])))
    found = [shares[away <= k].sum() for k in (0, 1, 2)]
    whole = integral(profile, profile.reach, profile.reach)
    for k, share in enumerate(found):
        sides = (k + 0.5) * PITCH * LEVER, (k + 0.5) * math.radians(1) * LEVER
        assert share == pytest.approx(integral(profile, *sides) / whole, rel=1e-6)
    # A hadron is wider than a photon.
    expected = (0.80, 0.94, 0.97) if pid == 22 else (0.09, 0.50, 0.79)
    assert found == pytest.approx(expected, abs=0.03)


def test_the_primitive_of_a_plane_is_one() -> None:
    assert 4 * corner(1e6, 1e6, 1.0) == pytest.approx(1.0, abs=1e-5)


def test_the_profile_is_that_of_grindhammer_and_peters(numbers: Tables, wide: Detector) -> None:
    """Averaged over the depth of the crystals: from 5 to 100 GeV, to 0.02 of the energy in every circle."""
    assert wide.showers is not None
    profile, moliere = numbers.ecal.showers.electromagnetic, wide.showers.electromagnetic.unit
    radius = np.linspace(0.05, 5, 100)
    ours = np.zeros(100)
    for share, scale in ((profile.core_fraction, profile.core), (1 - profile.core_fraction, profile.tail)):
        ours += share * radius**2 / (radius**2 + (scale / moliere) ** 2)
    for energy in (5.0, 20.0, 100.0):
        assert ours == pytest.approx(_published(energy, radius), abs=0.02)
        assert _published(energy, np.array([1.0])) == pytest.approx(0.88, abs=0.02)  # some 90 % in a Moliere radius


def _published(energy: float, radius: NDArray[np.float64]) -> NDArray[np.float64]:
    """Energy within radii (Moliere) in lead tungstate, 25.8 radiation lengths: hep-ex/0001020, appendix A.1."""
    z, critical, depth = 68.4, 0.00964, 25.8
    log_y, log_e = math.log(energy / critical), math.log(energy)
    top, alpha = log_y - 0.858, 0.21 + (0.492 + 2.38 / z) * log_y
    edges = np.linspace(0, depth, 200)
    weight = np.diff(gamma.cdf(edges * (alpha - 1) / top, alpha))
    tau = (edges[1:] + edges[:-1]) / 2 / top
    core = 0.0251 + 0.00319 * log_e + (0.1162 - 0.000381 * z) * tau
    k4 = 0.3585 + 0.0421 * log_e
    tail = (0.659 - 0.00309 * z) * (np.exp(-2.59 * (tau - 0.645)) + np.exp(k4 * (tau - 0.645)))
    u = (0.401 + 0.00187 * z - tau) / (1.313 - 0.0686 * log_e)
    p = (2.632 - 0.00094 * z) * np.exp(u - np.exp(u))
    r2 = radius[:, None] ** 2
    return np.asarray((p * r2 / (r2 + core**2) + (1 - p) * r2 / (r2 + tail**2)) @ weight / weight.sum())


def test_a_step_is_as_long_in_eta_as_in_phi(numbers: Tables) -> None:
    """A crystal of the barrel is 22 mm wide; the endcap's surface comes nearer to the beam with eta."""
    assert lever(numbers.ecal.showers, 0.3) * PITCH == pytest.approx(0.0224, abs=1e-4)
    assert lever(numbers.ecal.showers, -2.5) == pytest.approx(3.0 / math.sinh(2.5))


def test_energy_is_conserved(numbers: Tables, rng: np.random.Generator) -> None:
    """At the seam, at the border between lists of cells, and up to the calorimeter's end."""
    n = 150
    pid = rng.choice([22, 130, 310], n).tolist()
    energy, eta = rng.exponential(5, n), rng.uniform(-4.9, 4.9, n)
    phi = rng.choice([rng.uniform(-math.pi, math.pi), math.pi, -math.pi, 3.141], n)
    all_ = tracks(pid, energy.tolist(), eta.tolist(), phi.tolist(), charge=0)
    seen = sum(measure(all_, NOBODY, exact(t), rng).towers.energy.sum() for t in (numbers.ecal, numbers.hcal))
    assert seen == pytest.approx(energy.sum(), rel=1e-9)


@pytest.mark.parametrize("eta", [0.0005, 1.49, -1.7, 2.9])
@pytest.mark.parametrize("pid", [22, 130])
def test_the_seam_is_like_any_other_direction(numbers: Tables, eta: float, pid: int) -> None:
    """Turned by half a circle, each cell has the same share."""
    for part in (numbers.ecal, numbers.hcal):
        one, other = (_by_cell(part, pid, eta, phi) for phi in (0.004, 0.004 - math.pi))
        ring = np.searchsorted(part.first_cell, np.arange(len(one)), side="right") - 1
        column = np.arange(len(one)) - part.first_cell[ring]
        turned = part.first_cell[ring] + (column + part.n_phi[ring] // 2) % part.n_phi[ring]
        assert one == pytest.approx(other[turned], abs=1e-12)
        assert np.count_nonzero(one) > 20 or part is numbers.hcal


def _by_cell(part: CalorimeterTables, pid: int, eta: float, phi: float) -> NDArray[np.float64]:
    cells, shares = spread(part, pid, eta, phi)
    assert shares.sum() == pytest.approx(1.0)
    return np.bincount(cells, weights=shares, minlength=int(part.first_cell[-1]))


def test_tracks_spread_as_their_deposits_do(numbers: Tables, rng: np.random.Generator) -> None:
    """With a perfect calorimeter, no photon is left beside an electron, and its track stays as it is."""
    for eta, phi in zip(rng.uniform(-2.4, 2.4, 20), rng.uniform(-math.pi, math.pi, 20), strict=True):
        electron = tracks([11], [20.0], [eta], [phi], 0.01)
        found = measure(electron, electron, exact(numbers.ecal), rng)
        assert found.neutrals.energy.sum() == pytest.approx(0.0, abs=1e-6)
        assert found.tracks.energy[0] == pytest.approx(20.0)
        assert len(found.towers.energy) > 20


def test_a_photon_beside_an_electron_is_found(numbers: Tables, rng: np.random.Generator) -> None:
    electron = tracks([11], [20.0], [0.1], [0.0], 0.01)
    both = tracks([11, 22], [20.0, 10.0], [0.1, 0.13], [0.0, 0.01])
    found = measure(both, electron, exact(numbers.ecal), rng)
    assert found.neutrals.energy.sum() == pytest.approx(10.0, rel=1e-3)


def test_hadrons_begin_in_the_crystals(numbers: Tables, rng: np.random.Generator) -> None:
    kaon = tracks([130], [50.0], [0.1], [0.1], charge=0)
    ecal, hcal = (measure(kaon, NOBODY, exact(part), rng).towers.energy for part in (numbers.ecal, numbers.hcal))
    assert (ecal.sum(), hcal.sum()) == (pytest.approx(15.0), pytest.approx(35.0))
    assert ecal.max() < 0.1 * ecal.sum()  # wider than a photon


def test_without_a_profile_a_shower_is_a_point(cms: Detector) -> None:
    part = tables(cms).ecal
    cells, shares = spread(part, 22, *CENTRE)
    assert (cells.tolist(), shares.tolist()) == ([cell_of(part, *CENTRE)], [1.0])
    assert len(spread(part, 22, 5.5, 0.0)[0]) == 0


def test_real_delphes_has_no_profile(wide: Detector) -> None:
    with pytest.raises(CallError, match="no lateral showers"):
        card.render(wide)


def test_the_forward_calorimeter_has_points(tmp_path: Path, numbers: Tables) -> None:
    assert len(spread(numbers.ecal, 22, 3.5, 0.0)[0]) == 1
