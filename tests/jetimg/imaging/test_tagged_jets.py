"""The classical taggers: windows in mass, scores, and jets that are not there."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import load
from detector.geometry.grid import Grid
from jetimg.imaging.delphes_reader import Chunk, DelphesFile, wanted
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.tagged_jets import Baseline, tagged
from tests.helpers.handmade import jagged, objects

GRID = Grid.of(load())
NAMES = list(ImageSettings().classes)
TAU = [0.8, 0.4, 0.1, 0.05, 0.04]  # tau21 0.5, tau32 0.25


def jet(mass: float, tau: list[float] = TAU, pt: float = 500.0, eta: float = 0.0) -> dict[str, Any]:
    return {"PT": pt, "Eta": eta, "Phi": 1.0, "SoftDroppedMass": mass, "Tau": tau}


def chunk(events: list[list[dict[str, Any]]]) -> Chunk:
    found = objects("JetPUPPIAK8", events, ("PT", "Eta", "Phi", "SoftDroppedMass"))
    return found | {"JetPUPPIAK8.Tau": jagged([[one["Tau"] for one in event] for event in events], width=5)}


def found(events: list[list[dict[str, Any]]], settings: ImageSettings | None = None) -> Baseline:
    return tagged(chunk(events), len(events), GRID, settings or ImageSettings())


def names(baseline: Baseline) -> list[str]:
    return [NAMES[k] for k in baseline.class_id]


@pytest.mark.parametrize(
    ("mass", "classes"),
    [
        (64.9, []),
        (65.0, ["V"]),
        (104.9, ["V"]),
        (105.0, ["t", "H"]),
        (139.9, ["t", "H"]),
        (140.0, ["t"]),
        (209.9, ["t"]),
        (210.0, []),
        (0.0, []),
    ],
)
def test_mass_windows(mass: float, classes: list[str]) -> None:
    assert names(found([[jet(mass)]])) == classes


def test_scores_by_hand() -> None:
    baseline = found([[jet(125.0)]])
    assert names(baseline) == ["t", "H"]
    np.testing.assert_allclose(baseline.score, [0.75, 0.5], rtol=1e-6)


def test_a_tau_of_zero_below_gives_score_zero() -> None:
    """No substructure to speak of: 0, not a division by zero."""
    baseline = found([[jet(150.0, [0.5, 0.0, 0.0, 0, 0]), jet(80.0, [0.0, 0.0, 0, 0, 0])]])
    assert baseline.score.tolist() == [0, 0]


def test_order_events_and_columns() -> None:
    baseline = found([[jet(150.0, pt=300.0), jet(110.0, pt=700.0, eta=1.5)], [], [jet(10.0)], [jet(80.0)]])
    assert baseline.indptr.tolist() == [0, 3, 3, 3, 4]
    assert names(baseline) == ["t", "t", "H", "V"]
    assert baseline.pt.tolist() == [300, 700, 700, 500]
    assert baseline.eta.tolist() == [0, 1.5, 1.5, 0]
    assert baseline.mass.tolist() == [150, 110, 110, 80]


@pytest.mark.parametrize(("eta", "kept"), [(2.95, 1), (-2.959, 0), (3.5, 0)])
def test_jets_outside_the_image_are_left_out(eta: float, kept: int) -> None:
    assert len(found([[jet(80.0, eta=eta)]]).pt) == kept


def test_events_without_any_fat_jet() -> None:
    """Soft events have no jet above the 200 GeV of the card: a chunk without jets once failed to reshape."""
    assert found([[], []]).indptr.tolist() == [0, 0, 0]


def test_no_branch_no_jets() -> None:
    baseline = tagged({}, 3, GRID, ImageSettings())
    assert baseline.indptr.tolist() == [0, 0, 0, 0]
    assert len(baseline.score) == 0


def test_no_tags_no_jets() -> None:
    assert found([[jet(80.0)]], ImageSettings(tags={})).indptr.tolist() == [0, 0]


def test_mass_of_a_soft_dropped_four_momentum() -> None:
    """(px, py, pz, E) = (30, 40, 0, 130): mass 120; a square below 0 by rounding is mass 0."""
    made = chunk([[jet(0.0), jet(0.0)]])
    del made["JetPUPPIAK8.SoftDroppedMass"]
    made["JetPUPPIAK8.SoftDroppedJet"] = jagged([[[30, 40, 0, 130], [30, 40, 0, 49.999]]], np.float64, width=4)
    baseline = tagged(made, 1, GRID, ImageSettings())
    assert names(baseline) == ["t", "H"]
    np.testing.assert_allclose(baseline.mass, 120.0)


def test_real_jets_against_their_branches_read_plainly(data: Path) -> None:
    """tt.root with a loop over the file's own values."""
    settings = ImageSettings()
    file = DelphesFile(data / "tt.root", wanted(settings))
    read = file.head(2)
    file.close()
    p4, tau = read["JetPUPPIAK8.SoftDroppedJet"].content, read["JetPUPPIAK8.Tau"].content
    expected = []
    for k, (px, py, pz, energy) in enumerate(p4.tolist()):
        mass = math.sqrt(max(energy**2 - px**2 - py**2 - pz**2, 0))
        if 105 <= mass < 210:
            expected.append(("t", mass, 1 - tau[k][2] / tau[k][1]))
        if 105 <= mass < 140:
            expected.append(("H", mass, 1 - tau[k][1] / tau[k][0]))
        if 65 <= mass < 105:
            expected.append(("V", mass, 1 - tau[k][1] / tau[k][0]))
    baseline = tagged(read, 2, GRID, settings)
    assert names(baseline) == [name for name, _, _ in expected]
    assert expected
    np.testing.assert_allclose(baseline.mass, [mass for _, mass, _ in expected], rtol=1e-5)
    np.testing.assert_allclose(baseline.score, [score for _, _, score in expected], rtol=1e-5, atol=1e-6)
