"""Soft drop and N-subjettiness on jets made by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.simulation.fast.substructure import CAMBRIDGE, KT, direction, history, soft_drop, subjettiness


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


@given(st.floats(0.1, 1e3), st.floats(-6, 6), st.floats(-3.14, 3.14), st.floats(0, 10))
def test_direction(pt: float, y: float, phi: float, mass: float) -> None:
    mt = math.hypot(pt, mass)
    p = np.array([pt * math.cos(phi), pt * math.sin(phi), mt * math.sinh(y), mt * math.cosh(y)])
    assert direction(p) == pytest.approx((pt, y, phi), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("power", [KT, CAMBRIDGE])
def test_history_keeps_the_momentum(power: int, rng: np.random.Generator) -> None:
    jet = massless([(pt, *xy) for pt, xy in zip(rng.exponential(5, 40), rng.normal(0, 0.2, (40, 2)), strict=True)])
    momenta, parents = history(jet, power)
    assert momenta[-1] == pytest.approx(jet.sum(axis=0))
    assert sorted(parents[40:].ravel().tolist()) == list(range(78))  # each is merged once, but for the jet


@pytest.mark.filterwarnings("ignore:dcut and exclusive")
def test_history_agrees_with_fastjet(rng: np.random.Generator) -> None:
    import awkward as ak

    from detector.simulation.fast.jet_finding import _silent

    with _silent():
        import fastjet

        jet = massless([(pt, *xy) for pt, xy in zip(rng.exponential(5, 40), rng.normal(0, 0.2, (40, 2)), strict=True)])
        array = ak.zip(dict(zip(("px", "py", "pz", "E"), jet.T, strict=True)), with_name="Momentum4D")
        theirs = fastjet.ClusterSequence(array, fastjet.JetDefinition(fastjet.kt_algorithm, 1000.0)).exclusive_jets(3)
    momenta, parents = history(jet, KT)
    undone = len(momenta) - 2
    ours = {int(c) for c in parents[undone:].ravel() if c < undone}
    assert sorted(momenta[sorted(ours), 3]) == pytest.approx(sorted(ak.to_numpy(theirs.E)))


def test_two_prongs() -> None:
    tau = subjettiness(prongs([(100, 0.0, 0.0), (80, 0.3, 0.4)]), 3, 1.0, 0.8)
    # All of tau_2 is the spread inside the prongs: 0.4 of the pt at 0.02, over R = 0.8.
    assert tau[1] == pytest.approx(0.4 * 0.02 / 0.8, rel=0.01)
    # One axis, on the harder prong for beta = 1: the other prong's pt at Delta R = 0.5, and the spread of the first.
    assert tau[0] == pytest.approx((80 * 0.5 + 100 * 0.4 * 0.02) / 180 / 0.8, rel=0.01)
    assert tau[1] / tau[0] < 0.05
    assert tau[2] / tau[1] > 0.6


def test_three_prongs_over_the_seam() -> None:
    tau = subjettiness(prongs([(100, 0.0, 3.1), (90, 0.4, -3.1), (80, -0.2, -2.8)]), 3, 1.0, 0.8)
    assert tau[2] == pytest.approx(0.4 * 0.02 / 0.8, rel=0.01)
    assert tau[2] / tau[1] < 0.15


@given(st.floats(-math.pi, math.pi))
def test_subjettiness_does_not_know_phi_zero(turn: float) -> None:
    still = subjettiness(prongs([(100, 0.0, 0.0), (80, 0.3, 0.4)]), 3, 1.0, 0.8)
    turned = subjettiness(prongs([(100, 0.0, turn), (80, 0.3, 0.4 + turn)]), 3, 1.0, 0.8)
    assert turned == pytest.approx(still, rel=1e-3)


def test_few_constituents() -> None:
    assert subjettiness(massless([(10, 0, 0)]), 5, 1.0, 0.8).tolist() == [0.0] * 5
    assert subjettiness(massless([(10, 0, 0), (5, 0.1, 0.1)]), 5, 1.0, 0.8)[1:].tolist() == [0.0] * 4


def test_soft_drop_drops_soft_radiation() -> None:
    """A W of two quarks, with 5 % of soft radiation at the jet's edge."""
    pair = [(200.0, 0.0, 0.0), (120.0, 0.3, 0.2)]
    groomed = soft_drop(massless([*pair, (8.0, -0.5, -0.4), (5.0, 0.1, 0.7)]), 0.0, 0.1, 0.8)
    assert groomed == pytest.approx(massless(pair).sum(axis=0))


def test_soft_drop_of_one_prong_goes_down_to_a_particle() -> None:
    jet = massless([(200.0, 0.0, 0.0), (8.0, 0.3, 0.2)])
    assert soft_drop(jet, 0.0, 0.1, 0.8) == pytest.approx(jet[0])


def test_soft_drop_with_an_angle() -> None:
    """With beta 2 the threshold at half the radius is a quarter of zcut."""
    jet = massless([(100.0, 0.0, 0.0), (4.0, 0.4, 0.0)])
    assert soft_drop(jet, 2.0, 0.1, 0.8) == pytest.approx(jet.sum(axis=0))
    assert soft_drop(jet, 0.0, 0.1, 0.8) == pytest.approx(jet[0])
