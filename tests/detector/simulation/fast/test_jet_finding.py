"""Anti-kt jets of several events at once."""

import math

import numpy as np
import pytest

from detector import Detector
from detector.simulation.fast.crossing import momenta
from detector.simulation.fast.jet_finding import find, inside


def event(rows: list[tuple[float, float, float]]) -> np.ndarray:
    """Massless particles from pt, eta, phi."""
    pt, eta, phi = np.array(rows, dtype=float).reshape(-1, 3).T
    return momenta(pt, eta, phi, np.zeros(len(pt)), rapidity=False)


def test_jets_of_each_event(cms: Detector) -> None:
    events = [
        event([(30, 0, 0), (10, 0.1, 0.1), (50, 2, 2)]),
        event([]),
        event([(14, 0, 1)]),
        event([(20, -1, 3.1), (20, -1, -3.1)]),
    ]
    jets = find(events, cms.jets.generator[0], members=True)
    assert jets.counts.tolist() == [2, 0, 0, 1]
    assert jets.pt[:2] == pytest.approx([50, 40], rel=0.01)
    assert [sorted(part.tolist()) for part in jets.constituents] == [[2], [0, 1], [0, 1]]
    assert abs(jets.phi[2]) == pytest.approx(math.pi)  # over the seam
    assert jets.mass[0] == pytest.approx(0, abs=1e-4)


def test_no_jets_at_all(cms: Detector) -> None:
    jets = find([event([(1, 0, 0)])], cms.jets.baseline, members=True)
    assert jets.counts.tolist() == [0]
    assert inside([event([(1, 0, 0)])], jets, cms.jets.baseline).tau.shape == (0, 5)


def test_substructure_of_the_right_event(cms: Detector) -> None:
    w = [(200.0, 0.0, 0.0), (150.0, 0.3, 0.2)]
    events = [event([(300.0, 0.0, 1.0), (2.0, 0.3, 1.3)]), event(w)]
    found = inside(events, find(events, cms.jets.baseline, members=True), cms.jets.baseline)
    px, py, pz, e = event(w).sum(axis=0)
    assert found.mass == pytest.approx([0.0, math.sqrt(e**2 - px**2 - py**2 - pz**2)], abs=1e-3)
    assert found.tau[1, 0] > 5 * found.tau[0, 0]


def test_rapidity_or_eta() -> None:
    pt, y, phi, mass = (np.array([x]) for x in (3.0, 1.5, 0.2, 2.0))
    px, py, pz, e = momenta(pt, y, phi, mass, rapidity=True)[0]
    assert 0.5 * math.log((e + pz) / (e - pz)) == pytest.approx(1.5)
    px, py, pz, e = momenta(pt, y, phi, mass, rapidity=False)[0]
    assert math.asinh(pz / math.hypot(px, py)) == pytest.approx(1.5)
    assert e**2 - px**2 - py**2 - pz**2 == pytest.approx(4.0)


def test_nothing_is_printed(cms: Detector, capfd: pytest.CaptureFixture[str]) -> None:
    find([event([(30, 0, 0)])], cms.jets.baseline)
    assert capfd.readouterr().out == ""
