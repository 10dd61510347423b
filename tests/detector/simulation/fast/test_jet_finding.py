"""Anti-kt jets of several events at once; soft drop and N-subjettiness of jets made by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import Detector
from detector.simulation.fast.crossing import momenta
from detector.simulation.fast.jet_finding import N_TAU, find, inside, subjettiness


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


def massless(rows: list[tuple[float, float, float]]) -> np.ndarray:
    """From pt, eta, phi."""
    pt, eta, phi = np.array(rows, dtype=float).T
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)], axis=1)


def prongs(centres: list[tuple[float, float, float]], spread: float = 0.02) -> np.ndarray:
    """Each prong (pt, eta, phi) as five particles: one in the middle, four round it."""
    rows = []
    for pt, eta, phi in centres:
        rows += [(0.6 * pt, eta, phi), (0.1 * pt, eta + spread, phi), (0.1 * pt, eta - spread, phi)]
        rows += [(0.1 * pt, eta, phi + spread), (0.1 * pt, eta, phi - spread)]
    return massless(rows)


def test_two_prongs() -> None:
    tau = subjettiness([prongs([(100, 0.0, 0.0), (80, 0.3, 0.4)])], 1.0, 0.8)[0]
    # All of tau_2 is the spread inside the prongs: 0.4 of the pt at 0.02, over R = 0.8.
    assert tau[1] == pytest.approx(0.4 * 0.02 / 0.8, rel=0.01)
    # One axis, on the harder prong for beta = 1: the other prong's pt at Delta R = 0.5, and the spread of the first.
    assert tau[0] == pytest.approx((80 * 0.5 + 100 * 0.4 * 0.02) / 180 / 0.8, rel=0.01)
    assert tau[1] / tau[0] < 0.05
    assert tau[2] / tau[1] > 0.6


def test_three_prongs_over_the_seam() -> None:
    tau = subjettiness([prongs([(100, 0.0, 3.1), (90, 0.4, -3.1), (80, -0.2, -2.8)])], 1.0, 0.8)[0]
    assert tau[2] == pytest.approx(0.4 * 0.02 / 0.8, rel=0.01)
    assert tau[2] / tau[1] < 0.15


@given(st.floats(-math.pi, math.pi))
def test_subjettiness_does_not_know_phi_zero(turn: float) -> None:
    still = subjettiness([prongs([(100, 0.0, 0.0), (80, 0.3, 0.4)])], 1.0, 0.8)[0]
    turned = subjettiness([prongs([(100, 0.0, turn), (80, 0.3, 0.4 + turn)])], 1.0, 0.8)[0]
    assert turned == pytest.approx(still, rel=1e-3)


def test_few_constituents() -> None:
    tau = subjettiness([massless([(10, 0, 0)]), massless([(10, 0, 0), (5, 0.1, 0.1)])], 1.0, 0.8)
    assert tau.shape == (2, N_TAU)
    assert tau[0].tolist() == [0.0] * 5
    assert tau[1, 0] == pytest.approx(5 * math.hypot(0.1, 0.1) / 15 / 0.8, rel=1e-3)  # one axis, on the harder one
    assert tau[1, 1:].tolist() == [0.0] * 4
