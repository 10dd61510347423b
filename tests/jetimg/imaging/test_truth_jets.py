"""Boxes from the generator's particles: which particles, which order."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import load
from detector.geometry.grid import Grid
from jetimg.imaging.delphes_reader import DelphesFile, wanted
from jetimg.imaging.jet_labels import Labels
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.truth_jets import has_hard_process, jets
from tests.helpers.handmade import particles

GRID = Grid.of(load())
NAMES = list(ImageSettings().classes)
STATUS = ImageSettings(truth="status")


def particle(pid: int, status: int = 0, pt: float = 100.0, eta: float = 0.0, phi: float = 0.0) -> dict[str, Any]:
    usual = 23 if abs(pid) in (1, 2, 3, 4, 5, 21) else 22
    return {"PID": pid, "Status": status or usual, "PT": pt, "Eta": eta, "Phi": phi, "Mass": 1.5}


def named(found: Labels) -> list[str]:
    return [NAMES[k] for k in found.class_id]


def test_three_events_by_hand() -> None:
    """A b at the seam, a W; nothing; two tops in the order of their pt."""
    chunk = particles(
        [
            [particle(24, pt=30, eta=1.0), particle(-5, pt=50, eta=-0.5, phi=math.pi)],
            [],
            [particle(6, pt=100), particle(-6, pt=200)],
        ]
    )
    found = jets(chunk, GRID, STATUS)
    assert found.indptr.tolist() == [0, 2, 2, 4]
    assert named(found) == ["b", "V", "t", "t"]
    assert found.pdg_id.tolist() == [-5, 24, -6, 6]
    assert found.pt.tolist() == [50, 30, 200, 100]
    assert found.mass.tolist() == [1.5] * 4
    row = -0.5 / 0.0174 + 170
    np.testing.assert_allclose(found.box[0], [row - 23, 337, row + 23, 383], atol=1e-4)


@pytest.mark.parametrize(
    ("pid", "status", "label"),
    [
        (5, 23, "b"),
        (-5, 23, "b"),
        (5, 22, None),
        (5, 71, None),
        (6, 22, "t"),
        (6, 62, None),
        (25, 22, "H"),
        (23, 22, "V"),
        (-24, 22, "V"),
        (24, 23, None),
        (21, 23, "q"),
        (1, 23, "q"),
        (-4, 23, "q"),
        (21, 21, None),
        (22, 23, None),
        (11, 23, None),
        (5, -23, "b"),
        (5100039, 22, None),
    ],
)
def test_particle_and_status_make_the_class(pid: int, status: int, label: str | None) -> None:
    found = jets(particles([[particle(pid, status)]]), GRID, STATUS)
    assert named(found) == ([] if label is None else [label])


@pytest.mark.parametrize(("eta", "kept"), [(2.957, 1), (-2.957, 1), (2.9581, 0), (-2.9581, 0), (5.0, 0), (999.9, 0)])
def test_axes_outside_the_image_have_no_box(eta: float, kept: int) -> None:
    assert len(jets(particles([[particle(5, eta=eta)]]), GRID, STATUS).pt) == kept


def test_equal_pt_keeps_the_files_order() -> None:
    found = jets(particles([[particle(5), particle(-5), particle(6)]]), GRID, STATUS)
    assert found.pdg_id.tolist() == [5, -5, 6]


@pytest.mark.parametrize(
    ("status", "expected"), [(21, True), (29, True), (-23, True), (1, False), (20, False), (30, False)]
)
def test_hard_process_status_codes(status: int, expected: bool) -> None:
    chunk = particles([[particle(5, 1), particle(5, status)], [], [particle(5, 1)], [particle(6, 22)]])
    assert has_hard_process(chunk).tolist() == [expected, False, False, True]


REAL = {
    # Everything of the hard process comes from these: the samples' definition.
    "tt": {6: 1, -6: 1},
    "hh": {25: 2},
    "tth": {6: 1, -6: 1, 25: 1},
    "bb": {5: 1, -5: 1},
}


@pytest.mark.parametrize("sample", REAL)
def test_outermost_leaves_the_samples_own_particles(data: Path, sample: str) -> None:
    settings = ImageSettings(truth="status", nested="outermost")
    file = DelphesFile(data / f"{sample}.root", wanted(settings))
    chunk = file.head(2)
    file.close()
    every, outermost = jets(chunk, GRID, STATUS), jets(chunk, GRID, settings)
    for event in (0, 1):
        mine = slice(outermost.indptr[event], outermost.indptr[event + 1])
        pdg_ids, counts = np.unique(outermost.pdg_id[mine], return_counts=True)
        assert dict(zip(pdg_ids.tolist(), counts.tolist(), strict=True)) == REAL[sample]
    if sample != "bb":
        assert {"t": 0, "V": 0, "b": 0, "q": 0, "H": 0}.keys() >= set(named(every))
        assert len(every.pt) > len(outermost.pt)
        assert "V" in named(every)
        assert "V" not in named(outermost)


def test_real_labels_are_pythias_status_codes(data: Path) -> None:
    """tt, event 0: t, W+, tbar, bbar, W-, b by descending pt (read off the file)."""
    file = DelphesFile(data / "tt.root", wanted(STATUS))
    found = jets(file.head(1), GRID, STATUS)
    file.close()
    assert found.pdg_id.tolist() == [6, 24, -6, -5, -24, 5]
    np.testing.assert_allclose(found.pt, [855.7, 687.9, 619.5, 355.7, 276.5, 180.1], atol=0.05)
