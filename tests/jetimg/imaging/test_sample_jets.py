"""Truth mode genjet: all jets of a sample of one class; elsewhere the first class in priority that fits."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import load
from detector.geometry.grid import Grid
from jetimg.event_file.store import Reader
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.delphes_reader import Chunk, DelphesFile, wanted
from jetimg.imaging.jet_labels import Labels
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.truth_jets import jets
from tests.helpers.handmade import objects, particles

GRID = Grid.of(load())
GENJET = ImageSettings(truth="genjet")
NAMES = list(GENJET.classes)
MINIMUM = {"bb": ("b", 20.9), "tt": ("t", 432.75), "hh": ("H", 312.425), "WW": ("V", 200.975), "qq": ("q", 0.48)}


def particle(pid: int, eta: float = 0.0, phi: float = 0.0, pt: float = 100.0) -> dict[str, Any]:
    return {"PID": pid, "Status": 23 if abs(pid) in (1, 2, 3, 4, 5, 21) else 22, "PT": pt, "Eta": eta, "Phi": phi}


def genjet(pt: float, eta: float = 0.0, phi: float = 0.0) -> dict[str, Any]:
    return {"PT": pt, "Eta": eta, "Phi": phi, "Mass": 20.0}


def chunk_of(events: list[list[dict[str, Any]]], found: list[list[dict[str, Any]]]) -> Chunk:
    return particles(events) | objects("GenJet", found, ("PT", "Eta", "Phi", "Mass"))


def made(
    event: list[dict[str, Any]], found: list[dict[str, Any]], sample: str = "tth", settings: ImageSettings = GENJET
) -> Labels:
    return jets(chunk_of([event], [found]), GRID, settings, sample=sample)


def named(found: Labels) -> list[str]:
    return [NAMES[k] for k in found.class_id]


@pytest.mark.parametrize("sample", MINIMUM)
def test_every_jet_above_the_least_pt_is_of_the_samples_class(sample: str) -> None:
    """Whatever is near it, or nothing; the least pt is 2 m / R."""
    name, minimum = MINIMUM[sample]
    below = float(np.nextafter(np.float32(minimum), np.float32(0)))
    found = made([particle(21)], [genjet(minimum, 1.0), genjet(900.0, 0.0), genjet(below, 2.0)], sample)
    assert named(found) == [name, name]
    assert found.eta.tolist() == [0.0, 1.0]


def test_minimum_pt_are_twice_the_mass_over_the_radius() -> None:
    of = {"b": (4.18, 0.4), "t": (173.1, 0.8), "H": (124.97, 0.8), "V": (80.39, 0.8), "q": (0.096, 0.4)}
    for name, (mass, radius) in of.items():
        assert GENJET.classes[name].genjet_min_pt == pytest.approx(2 * mass / radius, rel=1e-9)


def test_what_made_a_jet_is_the_nearest_particle_of_its_class() -> None:
    event = [particle(5, 0.3, pt=70), particle(-5, -0.1, pt=80), particle(21, 0.0)]
    found = made(event, [genjet(50), genjet(40, 2.0), genjet(30, 0.6)], "bb")
    assert found.pdg_id.tolist() == [-5, 0, 5]
    assert found.parton_pt.tolist() == [80, 0, 70]
    assert found.pt.tolist() == [50, 40, 30]


def test_jets_outside_the_image_make_no_label() -> None:
    assert len(made([], [genjet(50, 2.96), genjet(50, -2.96)], "bb").pt) == 0
    assert made([], [genjet(50, 2.95)], "bb").pdg_id.tolist() == [0]


def test_elsewhere_a_jet_takes_the_first_class_in_priority_near_it() -> None:
    """b at 0.1, W at 0.2, t at 0.3 of one jet: t wins; with t first out of reach, V wins."""
    event = [particle(5, eta=0.1), particle(24, eta=-0.2), particle(6, phi=0.3)]
    found = made(event, [genjet(500)])
    assert (named(found), found.pdg_id.tolist(), found.pt.tolist(), found.mass.tolist()) == (["t"], [6], [500], [20])
    event[2]["Phi"] = 0.41
    assert named(made(event, [genjet(500)])) == ["V"]
    other = ImageSettings(truth="genjet", priority=("b", "q", "H", "V", "t"))
    assert named(made(event, [genjet(500)], settings=other)) == ["b"]


@pytest.mark.parametrize(
    ("pt", "name"), [(433, "t"), (432, "H"), (313, "H"), (312, "V"), (201, "V"), (200, "b"), (21, "b"), (20, "q")]
)
def test_a_jet_too_soft_for_one_class_is_tried_for_the_next(pt: float, name: str) -> None:
    event = [particle(pid, eta=0.01 * pid) for pid in (6, 25, 24, 5, 1)]
    order = ImageSettings(truth="genjet", priority=("t", "H", "V", "b", "q"))
    assert named(made(event, [genjet(pt)], settings=order)) == [name]


def test_the_nearest_of_one_class_gives_the_pdg_id() -> None:
    event = [particle(1, eta=0.3), particle(-3, eta=0.1), particle(2, eta=-0.2)]
    assert made(event, [genjet(50)]).pdg_id.tolist() == [-3]


def test_matching_goes_across_the_seam() -> None:
    found = made([particle(5, phi=math.pi - 0.1)], [genjet(30, phi=-math.pi + 0.2)])
    assert named(found) == ["b"]
    assert found.phi[0] == pytest.approx(-math.pi + 0.2)
    assert len(made([particle(5, phi=math.pi - 0.1)], [genjet(30, phi=-2.7)]).pt) == 0


def test_elsewhere_no_label_far_away_or_without_particles() -> None:
    assert len(made([particle(5)], [genjet(50, eta=0.5)]).pt) == 0
    assert made([], [genjet(50)]).indptr.tolist() == [0, 0]
    assert made([particle(5)], []).indptr.tolist() == [0, 0]


def test_events_do_not_mix() -> None:
    """The particle of event 0 lies on the jet of event 1, which has none of its own."""
    chunk = chunk_of(
        [[particle(5, eta=1.0)], [particle(1, eta=-1.0)], [particle(5)]],
        [[genjet(40, eta=-1.0)], [genjet(50, eta=1.0)], [genjet(30), genjet(60)]],
    )
    found = jets(chunk, GRID, GENJET, sample="tth")
    assert (found.indptr.tolist(), found.pt.tolist()) == ([0, 0, 0, 2], [60, 30])
    found = jets(chunk, GRID, GENJET, sample="bb")
    assert (found.indptr.tolist(), found.pdg_id.tolist()) == ([0, 1, 2, 4], [0, 0, 5, 5])


@pytest.mark.parametrize("sample", ["bb", "tt", "hh", "WW"])
def test_real_jets_are_counted_as_a_loop_counts_them(data: Path, sample: str) -> None:
    file = DelphesFile(data / f"{sample}.root", wanted(GENJET))
    chunk = file.head(file.n_events)
    file.close()
    pt, eta = (chunk[f"GenJet.{name}"] for name in ("PT", "Eta"))
    name, minimum = MINIMUM[sample]
    expected = [
        sum(pt.content[k] >= minimum and abs(eta.content[k]) < 2.958 for k in range(*pt.offsets[event : event + 2]))
        for event in range(len(pt.offsets) - 1)
    ]
    found = jets(chunk, GRID, GENJET, sample=sample)
    assert np.diff(found.indptr).tolist() == expected
    assert set(named(found)) <= {name}


def test_convert_hands_on_the_samples_name(data: Path, tmp_path: Path) -> None:
    setup, counts = Setup(load(), GENJET), {}
    for sample in ("bb", "events"):
        path = tmp_path / f"{sample}.h5"
        convert(DelphesInputs([data / "bb.root"], sample), path, setup)
        with Reader(path) as reader:
            rows = reader.read(0, reader.n_events).tables["jets"]
        counts[sample] = (len(rows["pt"]), int((rows["pdg_id"] == 0).sum()), int((rows["contained"] == -1).sum()))
    assert counts["bb"][0] > counts["events"][0]
    assert counts["bb"][1] > 0
    assert counts["events"][1] == 0
