"""Pile-up density: by hand, against FastJet, and against what real Delphes wrote."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import fastjet
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from detector import Detector
from detector.geometry.description import Density
from detector.simulation.fast.crossing import momenta
from detector.simulation.fast.density import densities

WANTED = re.compile(r"(Rho|EFlow\w+)\.(Rho|Edges\[2\]|ET|PT|Eta|Phi|Mass|IsRecoPU)").fullmatch
DATA = Path(__file__).parents[3] / "data"


def at(rapidity: list[float], phi: list[float], pt: list[float]) -> np.ndarray:
    columns = (np.array(column, dtype=float) for column in (pt, rapidity, phi))
    return momenta(*columns, np.full(len(pt), 0.14), rapidity=True)


def test_by_hand() -> None:
    """Two by three tiles of pi/3 by 2 pi/3: the median of 0, 1, 2, 3, 4, 5 GeV is 2.5 GeV."""
    side = np.pi / 3
    described = Density(edges=(0.0, 2 * side), tile=2.0)
    rows, columns = [0.1, 0.1, 0.1, 2.0, 2.0], [0.1, 2.2, 4.3, 0.1, 2.2]
    found = densities(at(rows, columns, [1, 2, 3, 4, 5]), described)
    assert found == pytest.approx([2.5 / (side * 2 * np.pi / 3)])


def test_nothing_has_no_density() -> None:
    assert densities(np.empty((0, 4)), Density(edges=(-1, 0, 1), tile=1.0)).tolist() == [0, 0]


@given(st.integers(0, 2**32), st.integers(0, 400), st.floats(-np.pi, np.pi))
def test_as_fastjet(cms: Detector, seed: int, n: int, turn: float) -> None:
    """In every range, with particles outside of all, along the beam and at the seam; whole turns change nothing."""
    rng = np.random.default_rng(seed)
    phi = np.concatenate([rng.uniform(-np.pi, np.pi, n), [np.pi, -np.pi, turn, 0.0]])
    pt, rapidity = rng.exponential(1.0, n + 4), rng.uniform(-6, 6, n + 4)
    rows = np.concatenate([momenta(pt, rapidity, phi, rng.choice([0.0, 0.5], n + 4), True), [[0, 0, 10, 10]]])
    particles = [fastjet.PseudoJet(*row) for row in rows.tolist()]
    theirs = []
    for low, high in pairwise(cms.density.edges):
        tiles = fastjet.RectangularGrid(low, high, cms.density.tile, cms.density.tile)
        estimator = fastjet.GridMedianBackgroundEstimator(tiles)
        estimator.set_particles(particles)
        theirs.append(estimator.rho())
    assert densities(rows, cms.density) == pytest.approx(theirs)


def test_as_real_delphes(cms: Detector) -> None:
    """Two real events; Delphes smears photons by 1 % more before it takes them, the file has them from before."""
    with uproot.open(DATA / "tt.root") as file:
        for event in file["Delphes"].iterate(filter_name=WANTED, step_size=1, library="np"):
            assert event["Rho.Edges[2]"][0].tolist() == [list(pair) for pair in pairwise(cms.density.edges)]
            assert densities(unmarked(event), cms.density) == pytest.approx(event["Rho.Rho"][0], rel=0.015)


def unmarked(event: dict[str, Any]) -> np.ndarray:
    """What real Delphes takes: all but the tracks that it marks as pile-up."""

    def four(branch: str, pt: str) -> np.ndarray:
        columns = [event[f"{branch}.{leaf}"][0].astype(float) for leaf in (pt, "Eta", "Phi")]
        mass = event[f"{branch}.Mass"][0].astype(float) if pt == "PT" else np.zeros(len(columns[0]))
        return momenta(*columns, mass, rapidity=False)

    tracks = four("EFlowTrack", "PT")[event["EFlowTrack.IsRecoPU"][0] == 0]
    return np.concatenate([tracks, four("EFlowPhoton", "ET"), four("EFlowNeutralHadron", "ET")])
