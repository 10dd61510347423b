"""The description as arrays."""

from pathlib import Path

import numpy as np
import pytest

from detector import Detector
from detector.simulation.fast.parameters import Tables, read_resolution
from detector.simulation.fast.tracking import piecewise

HEADER = "abs_eta_min,abs_eta_max,pt_min_gev,pt_max_gev,c0,pt_ref_gev,slope_per_gev\n"


@pytest.mark.parametrize("name", ["charged_hadron", "muon"])
def test_resolution_is_that_of_the_table(cms: Detector, name: str) -> None:
    path = cms.folder / getattr(cms.tracker.momentum_resolution, name)
    table = read_resolution(path)
    for line in np.genfromtxt(path, delimiter=",", skip_header=1):
        eta_min, eta_max, pt_min, pt_max, c0, pt_ref, slope = line
        pt = (pt_min + min(pt_max, 2 * pt_min + 10)) / 2
        expected = c0 + slope * (pt - pt_ref)
        assert piecewise(table, (eta_min + eta_max) / 2, pt, False) == pytest.approx(expected, rel=1e-9)
        assert piecewise(table, eta_min, pt_min, False) == pytest.approx(c0 + slope * (pt_min - pt_ref), rel=1e-9)


def test_nothing_is_known_beyond_the_table(numbers: Tables) -> None:
    assert piecewise(numbers.tracker.momentum[0], 4.0, 10.0, False) == 0.0


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "begin"),
        ("0,1,0,inf,0.1,0,0\n1.5,2,0,inf,0.1,0,0\n", "gap"),
        ("0,1,0,5,0.1,0,0\n0,1,6,inf,0.1,0,0\n", "gap"),
        ("0,1,0,inf,0.1,0,0\n0,1,5,inf,0.1,0,0\n", "overlap"),
    ],
)
def test_a_table_with_gaps_is_refused(tmp_path: Path, lines: str, message: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(HEADER + lines)
    with pytest.raises(ValueError, match=f"table.csv.*{message}"):
        read_resolution(path)


def test_another_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="columns"):
        read_resolution(path)


def test_cells_are_those_of_the_geometry(numbers: Tables) -> None:
    assert numbers.ecal.first_cell[-1] == 340 * 360 + 22 * 36
    # Each HCAL barrel tower holds 5 x 5 crystals.
    inner = np.flatnonzero(np.isclose(np.diff(numbers.hcal.eta_edges), 0.087))
    assert set(numbers.hcal.n_phi[inner].tolist()) == {72}


def test_sigma_is_taken_at_the_cells_centre(numbers: Tables) -> None:
    ring = np.searchsorted(numbers.ecal.eta_edges, 1.0) - 1
    assert numbers.ecal.sigma[ring].tolist() == [0.009, 0.12, 0.45]
    assert numbers.ecal.sigma[-1].tolist() == [0.08, 1.98, 0.0]
    assert numbers.hcal.sigma[len(numbers.hcal.sigma) // 2].tolist() == [0.05, 1.0, 0.0]
