"""The oracle: labels as detections, by hand, and on the real files."""

from pathlib import Path

import pytest

from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from models.evaluation.oracle import ceilings, suppressed
from tests.conftest import MadeEvent, MakeEvents
from tests.helpers.jets import N_PHI, jets


def test_suppression_is_within_a_class_and_an_event() -> None:
    """Boxes 10 pixels apart overlap by 0.64; across the seam too."""
    found = jets(
        [
            (0, 0, 100, 355, 0.9, 50),
            (0, 0, 100, 5, 0.8, 40),
            (0, 1, 100, 355, 0.7, 30),
            (1, 0, 100, 5, 0.6, 20),
        ]
    )
    assert suppressed(found, 0.25, N_PHI).pt.tolist() == [50, 30, 20]
    assert suppressed(found, 0.65, N_PHI).pt.tolist() == [50, 40, 30, 20]


def test_labels_that_lie_too_close_are_lost(tmp_path: Path, make_events: MakeEvents) -> None:
    """Of two b at a distance of 0.3 the softer one is suppressed; IoU = 0.625 * 1 / (2 - 0.625) = 0.45."""
    events = [
        MadeEvent(jets=[(0, 50, 0.0, 3.1), (0, 40, 0.3, 3.1), (1, 30, 0.0, 3.1)]),
        MadeEvent(jets=[(0, 20, 1, 0)]),
    ]
    path = make_events(tmp_path / "made.h5", events)
    found = {(one.class_name, one.nms_threshold): one for one in ceilings([path], [0.25, 0.5])}
    assert found["b", 0.25].true_jets == 3
    assert found["b", 0.25].recall == pytest.approx(2 / 3)
    assert found["b", 0.25].ap_all == pytest.approx(2 / 3)
    assert found["b", 0.5].recall == found["t", 0.25].recall == found["t", 0.25].ap_11 == 1


@pytest.mark.shared
def test_recall_on_real_files(shared: Path, tmp_path: Path, setup: Setup) -> None:
    """Truth mode jets: at 0.25 all but 3 of the q of H -> V V -> 4q are left, at 0.3 every label is."""
    paths = []
    for sample in ("bb", "qq", "tt", "WW", "hh", "tth"):
        paths.append(tmp_path / f"{sample}.h5")
        convert(DelphesInputs([shared / f"{sample}_0.root", shared / f"{sample}_1.root"], sample), paths[-1], setup)
    found = ceilings(paths, [0.25, 0.3])
    assert {one.class_name for one in found} == {"b", "t", "H", "V", "q"}
    assert {one.recall for one in found if one.nms_threshold == 0.3} == {1.0}
    lost = {(one.sample, one.class_name): one for one in found if one.recall < 1}
    assert lost.keys() == {("hh", "q"), ("all", "q")}
    assert lost["all", "q"].recall == pytest.approx(270 / 273)
    assert lost["hh", "q"].recall == lost["hh", "q"].ap_all == pytest.approx(20 / 23)
