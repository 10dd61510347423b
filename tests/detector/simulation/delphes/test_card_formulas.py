"""The card's formulas have the description's values everywhere."""

import math
import re

import numpy as np
import pytest

from detector.geometry.description import Detector, load
from detector.simulation.delphes.card import render
from tests.helpers.cards import Card


@pytest.fixture(scope="module")
def detector() -> Detector:
    return load()


@pytest.fixture(scope="module")
def card(detector: Detector) -> Card:
    return Card(render(detector, tower=True))


def evaluate(formula: str, pt: float = 0.0, eta: float = 0.0, energy: float = 0.0) -> float:
    """A Delphes formula's value; only its own words are allowed, as Delphes replaces them inside others too."""
    assert set(re.findall(r"[A-Za-z_]\w*", re.sub(r"\d[\d.]*(e[+-]?\d+)?", "0", formula))) <= {
        "pt", "eta", "energy", "abs", "sqrt",
    }  # fmt: skip
    text = " ".join(formula.replace("&&", " and ").replace("^", "**").split())
    return float(
        eval(text, {"__builtins__": {}, "abs": abs, "sqrt": math.sqrt}, {"pt": pt, "eta": eta, "energy": energy})
    )


ETAS = [0.0, 0.1, 0.2, -0.3, 1.2, 1.3, -1.5, 1.6, 1.75, -2.0, 2.15, 2.5, 2.6, 2.8, -2.9, 3.0, 3.7, 3.99, 4.0, -4.2, 4.9]
PTS = [0.05, 0.2, 0.3, 0.99, 1.0, 1.5, 5.0, 9.9, 10.0, 30.0, 100.0, 250.0, 1500.0]


@pytest.mark.parametrize(
    ("module", "name"),
    [("ChargedHadronsEfficiency", "charged_hadron"), ("ElectronsEfficiency", "electron"), ("MuonsEfficiency", "muon")],
)
def test_efficiencies(card, detector, module, name):
    described = getattr(detector.tracker.efficiency, name)
    for eta in ETAS:
        for pt in PTS:
            pieces = next((b.pieces for b in described if abs(eta) <= b.abs_eta_max), ())
            piece = next((p for p in pieces if pt <= p.pt_max), None)
            expected = piece.constant + piece.slope * pt if piece else 0.0
            assert evaluate(card[module]["EfficiencyFormula"], pt, eta) == pytest.approx(expected), (eta, pt)


@pytest.mark.parametrize(("module", "name"), [("ChargedHadronsSmearing", "charged_hadron"), ("MuonsSmearing", "muon")])
def test_momentum_resolutions(card, detector, module, name):
    file = detector.folder / getattr(detector.tracker.momentum_resolution, name)
    rows = np.genfromtxt(file, delimiter=",", skip_header=1)
    for eta in ETAS:
        for pt in PTS:
            here = rows[(rows[:, 0] <= abs(eta)) & (abs(eta) < rows[:, 1]) & (rows[:, 2] <= pt) & (pt < rows[:, 3])]
            expected = sum(c0 + slope * (pt - reference) for c0, reference, slope in here[:, 4:])
            assert evaluate(card[module]["ResolutionFormula"], pt, eta) == pytest.approx(expected), (eta, pt)


def energy_pieces(detector: Detector) -> list:
    response = detector.response
    return [
        ("ECal", response.ecal.resolution),
        ("HCal", response.hcal.resolution),
        ("ElectronsSmearing", detector.tracker.electron_energy_resolution),
    ]


@pytest.mark.parametrize(("module", "pieces"), energy_pieces(load()))
def test_energy_resolutions(card, module, pieces):
    for eta in ETAS:
        for energy in (0.1, 1.0, 20.0, 1000.0):
            piece = next((p for p in pieces if abs(eta) <= p.abs_eta_max), None)
            expected = 0.0
            if piece:
                expected = math.hypot(piece.constant * energy, piece.stochastic * math.sqrt(energy), piece.noise)
            found = evaluate(card[module]["ResolutionFormula"], eta=eta, energy=energy)
            assert found == pytest.approx(expected), (eta, energy)
