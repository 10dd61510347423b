"""Real Delphes' own jets, found again from its energy-flow objects: PUPPI, anti-kt, soft drop, N-subjettiness."""

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from detector import Detector
from detector.simulation.fast.crossing import LEPTONS, momenta
from detector.simulation.fast.jet_finding import FoundJets, Substructure, find, inside
from detector.simulation.fast.puppi import NEUTRAL, PILEUP, PRIMARY, Candidates, puppi_tables, weights

pytestmark = pytest.mark.shared
EVENTS = 15


@pytest.fixture(scope="module")
def tree(shared: Path) -> Any:
    with uproot.open(shared / "delphes" / "tt_0.root") as file:
        yield file["Delphes"]


@pytest.fixture(scope="module")
def ours(tree: Any, cms: Detector) -> tuple[FoundJets, Substructure]:
    events = [_candidates(tree, k, cms) for k in range(EVENTS)]
    jets = find(events, cms.jets.baseline, members=True)
    return jets, inside(events, jets, cms.jets.baseline)


def _candidates(tree: Any, entry: int, cms: Detector) -> np.ndarray:
    def column(name: str) -> np.ndarray:
        return np.asarray(tree[name].array(entry_start=entry, entry_stop=entry + 1)[0], dtype=float)

    track = [column(f"EFlowTrack.{x}") for x in ("PT", "Eta", "Phi", "Mass")]
    lepton, pileup = np.isin(np.abs(column("EFlowTrack.PID")), LEPTONS), column("EFlowTrack.IsRecoPU") == 1
    neutral = [
        np.concatenate([column(f"EFlowPhoton.{x}"), column(f"EFlowNeutralHadron.{x}")]) for x in ("ET", "Eta", "Phi")
    ]
    neutral.append(np.zeros(len(neutral[0])))
    pt, eta, phi, mass = (np.concatenate([a[~lepton], b]) for a, b in zip(track, neutral, strict=True))
    kind = np.full(len(pt), NEUTRAL)
    kind[: np.count_nonzero(~lepton)] = np.where(pileup[~lepton], PILEUP, PRIMARY)
    n_vertices = int(tree["Vertex_size"].array(entry_start=entry, entry_stop=entry + 1)[0])
    weight = weights(Candidates(pt, eta, phi, mass, kind), n_vertices, puppi_tables(cms.puppi))
    weighted = weight[:, None] * momenta(pt, eta, phi, mass, rapidity=True)
    chosen = lepton & ~pileup
    return np.concatenate([weighted[weight > 0], momenta(*(x[chosen] for x in track), rapidity=False)])


def _theirs(tree: Any, name: str) -> np.ndarray:
    return np.asarray(ak.to_numpy(ak.flatten(tree[name].array(entry_stop=EVENTS))), dtype=float)


def test_the_same_jets(tree: Any, ours: tuple[FoundJets, Substructure]) -> None:
    jets, _ = ours
    assert ak.sum(tree["JetPUPPIAK8_size"].array(entry_stop=EVENTS)) == len(jets.pt)
    # Delphes clusters photons after 1 % more smearing, the file holds them before it.
    ratio = jets.pt / _theirs(tree, "JetPUPPIAK8.PT")
    assert np.median(np.abs(ratio - 1)) < 0.003
    # A neutral kept or weighed wrongly shows in single jets; the 529 jets of all files are within 0.009.
    assert np.abs(ratio - 1).max() < 0.01
    assert np.median(np.abs(jets.eta - _theirs(tree, "JetPUPPIAK8.Eta"))) < 1e-3


def test_the_same_substructure(tree: Any, ours: tuple[FoundJets, Substructure]) -> None:
    _, contents = ours
    tau = _theirs(tree, "JetPUPPIAK8/JetPUPPIAK8.Tau[5]").reshape(-1, 5)
    for k in range(5):
        assert np.median(np.abs(contents.tau[:, k] / tau[:, k] - 1)) < 0.01
    groomed = ak.flatten(tree["JetPUPPIAK8/JetPUPPIAK8.SoftDroppedJet"].array(entry_stop=EVENTS))
    square = groomed.fE**2 - groomed.fP.fX**2 - groomed.fP.fY**2 - groomed.fP.fZ**2
    mass = np.sqrt(np.maximum(ak.to_numpy(square), 0.0))
    assert np.median(np.abs(contents.mass - mass)) < 0.5
