"""Soft drop: of jets made by hand, and as FastJet does it."""

import math
from pathlib import Path

import awkward as ak
import fastjet
import numpy as np
import pytest
import uproot

from detector.geometry.description import SoftDrop
from detector.simulation.fast.crossing import momenta
from detector.simulation.fast.soft_drop import mass, soft_drop

DATA = Path(__file__).parents[3] / "data"

PLAIN, WITH_ANGLE = SoftDrop(beta=0.0, zcut=0.1, r0=0.8), SoftDrop(beta=2.0, zcut=0.1, r0=0.8)


def massless(rows: list[tuple[float, float, float]]) -> np.ndarray:
    """From pt, eta, phi."""
    pt, eta, phi = np.array(rows, dtype=float).T
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)], axis=1)


def polar(p: np.ndarray) -> tuple[float, float, float, float]:
    """The pt, rapidity, phi from 0 to 2 pi and mass of a four-momentum px, py, pz, E."""
    px, py, pz, e = p
    mass = math.sqrt(max(e**2 - px**2 - py**2 - pz**2, 0.0))
    return math.hypot(px, py), math.atanh(pz / e), math.atan2(py, px) % (2 * math.pi), mass


def groom(jet: np.ndarray, chosen: SoftDrop) -> tuple[float, float, float, float]:
    """What is left of one jet, as `polar` has it."""
    return polar(soft_drop([jet], chosen)[0])


def test_soft_drop_drops_soft_radiation() -> None:
    """A W of two quarks, with 5 % of soft radiation at the jet's edge."""
    pair = [(200.0, 0.0, 0.0), (120.0, 0.3, 0.2)]
    groomed = groom(massless([*pair, (8.0, -0.5, -0.4), (5.0, 0.1, 0.7)]), PLAIN)
    assert groomed == pytest.approx(polar(massless(pair).sum(axis=0)))


def test_soft_drop_over_the_seam() -> None:
    pair = [(200.0, 0.0, 3.1), (120.0, 0.3, -3.0)]
    groomed = groom(massless([*pair, (8.0, -0.5, -2.7)]), PLAIN)
    assert groomed == pytest.approx(polar(massless(pair).sum(axis=0)))


def test_soft_drop_of_one_prong_goes_down_to_a_particle() -> None:
    jet = massless([(200.0, 0.0, 0.1), (8.0, 0.3, 0.2)])
    assert groom(jet, PLAIN) == pytest.approx(polar(jet[0]), abs=1e-4)


def test_soft_drop_with_an_angle() -> None:
    """With beta 2 the threshold at half the radius is a quarter of zcut."""
    jet = massless([(100.0, 0.0, 0.1), (4.0, 0.4, 0.1)])
    assert groom(jet, WITH_ANGLE) == pytest.approx(polar(jet.sum(axis=0)), abs=1e-4)
    assert groom(jet, PLAIN) == pytest.approx(polar(jet[0]), abs=1e-4)


def theirs(jet: np.ndarray, chosen: SoftDrop) -> tuple[np.ndarray, float]:
    """Four-momentum and mass by FastJet's clustering and a walk down its tree, one Python object a constituent."""
    definition = fastjet.JetDefinition(fastjet.cambridge_algorithm, fastjet.JetDefinition.max_allowable_R)
    sequence = fastjet.ClusterSequence([fastjet.PseudoJet(*row) for row in jet.tolist()], definition)
    (left,) = sequence.exclusive_jets(1)
    while left.has_parents(one := fastjet.PseudoJet(), other := fastjet.PseudoJet()):
        threshold = chosen.zcut * (one.delta_R(other) / chosen.r0) ** chosen.beta
        if min(one.pt(), other.pt()) > threshold * (one.pt() + other.pt()):
            break
        left = one if one.pt() >= other.pt() else other
    return np.array([left.px(), left.py(), left.pz(), left.E()]), left.m()


@pytest.mark.parametrize("chosen", [PLAIN, WITH_ANGLE])
def test_as_fastjet_to_the_last_bit(chosen: SoftDrop, rng: np.random.Generator) -> None:
    sizes = rng.integers(1, 60, 200)
    jets = [massless(np.column_stack([rng.exponential(8, n), rng.normal(0, 0.3, (n, 2))]).tolist()) for n in sizes]
    groomed, expected = soft_drop(jets, chosen), [theirs(jet, chosen) for jet in jets]
    np.testing.assert_array_equal(groomed, [momentum for momentum, _ in expected])
    np.testing.assert_array_equal(mass(groomed), [value for _, value in expected])


@pytest.mark.parametrize("sample", ["tt", "bb"])
def test_as_fastjet_on_real_events(sample: str) -> None:
    """All tracks of a real event as one jet: hundreds of constituents, all round the beam, massive."""
    names = ("PT", "Eta", "Phi", "Mass")
    with uproot.open(DATA / f"{sample}.root") as file:
        columns = [file[f"Delphes/EFlowTrack.{name}"].array(library="np") for name in names]
    jets = [
        momenta(*(column.astype(float) for column in event), rapidity=False)[::2]
        for event in zip(*columns, strict=True)
    ]
    groomed = soft_drop(jets, PLAIN)
    np.testing.assert_array_equal(groomed, [theirs(jet, PLAIN)[0] for jet in jets])
    assert min(map(len, jets)) > 200


@pytest.mark.parametrize("chosen", [PLAIN, WITH_ANGLE])
def test_as_fastjet_contrib(chosen: SoftDrop, rng: np.random.Generator) -> None:
    sizes = rng.integers(1, 60, 50)
    jets = [massless(np.column_stack([rng.exponential(8, n), rng.normal(0, 0.3, (n, 2))]).tolist()) for n in sizes]
    columns = dict(zip(("px", "py", "pz", "E"), np.concatenate(jets).T, strict=True))
    definition = fastjet.JetDefinition(fastjet.cambridge_algorithm, 1000.0)
    sequence = fastjet.ClusterSequence(ak.unflatten(ak.zip(columns, with_name="Momentum4D"), sizes), definition)
    grooming = sequence.exclusive_jets_softdrop_grooming(beta=chosen.beta, symmetry_cut=chosen.zcut, R0=chosen.r0)
    np.testing.assert_allclose(mass(soft_drop(jets, chosen)), grooming.msoftdrop, rtol=1e-9, atol=1e-6)


def test_no_jets() -> None:
    assert soft_drop([], PLAIN).shape == (0, 4)
