"""Truth mode `jets`: which generator jet is whose, by hand and on the real files."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import load
from detector.geometry.angles import delta_r
from detector.geometry.grid import Grid
from jetimg.imaging.decays import find
from jetimg.imaging.delphes_reader import Chunk, DelphesFile, wanted
from jetimg.imaging.jet_labels import OUTCOMES, Labels, TruthCounts
from jetimg.imaging.settings import DEFAULT_CLASSES, ImageSettings, JetClass
from jetimg.imaging.truth_jets import jets
from tests.helpers.decaying import Momentum, genjet, massive, particle, total
from tests.helpers.handmade import objects, particles

GRID = Grid.of(load())
SETTINGS = ImageSettings()
AXIS = ("PT", "Eta", "Phi", "Mass")


def event_of(quarks: tuple[Momentum, Momentum, Momentum]) -> list[dict[str, Any]]:
    """t -> b W -> b q q', from the momenta of b, q, q'."""
    b, *pair = quarks
    w = total(*pair)
    return [
        particle(6, 22, total(b, w), 3, 30, 31),
        particle(24, 22, w, 20, 40, 41),
        particle(5, 23, b, 20),
        particle(4, 23, pair[0], 35),
        particle(-3, 23, pair[1], 35),
    ]


def chunk_of(event: list[dict[str, Any]], thin: list[dict[str, Any]], fat: list[dict[str, Any]] | None = None) -> Chunk:
    found = particles([event]) | objects("GenJet", [thin], AXIS)
    return found if fat is None else found | objects("GenJetAK8", [fat], AXIS)


def label(chunk: Chunk, settings: ImageSettings = SETTINGS) -> tuple[list[str], Labels, dict[str, dict[str, int]]]:
    counts = TruthCounts()
    found = jets(chunk, GRID, settings, counts)
    return [list(settings.classes)[k] for k in found.class_id], found, counts.as_dict()


MERGED = (massive(4.8, 300, 0.4, 0.0), massive(0.5, 200, -0.2, 0.4), massive(0.5, 150, -0.1, -0.4))
# The b is far from the W, whose quarks are together.
HALF = (massive(4.8, 300, 2.0, 0.0), *MERGED[1:])
APART = (massive(4.8, 300, 2.0, 0.0), massive(0.5, 200, -1.5, 2.0), massive(0.5, 150, 0.0, -2.0))
THIN = [genjet(310, 2.05), genjet(190, -1.5, 2.1), genjet(140, 0.1, -2.0)]


def test_a_contained_top_is_its_large_jet() -> None:
    names, found, counts = label(chunk_of(event_of(MERGED), [genjet(600, 0.1)], [genjet(640, 0.12, 0.02, 170)]))
    assert names == ["t"]
    assert (found.pt[0], found.mass[0], found.pdg_id[0], found.decay_pdg_id[0], found.contained[0]) == (
        640, 170, 6, 5, 1,
    )  # fmt: skip
    assert found.parton_pt[0] == pytest.approx(math.hypot(*total(*MERGED)[:2]), rel=1e-6)
    inside = {"inside a labelled one": 1}
    assert counts == {"t": {"labelled": 1}, "V": inside, "b": inside, "q": {"inside a labelled one": 2}}


def test_a_top_whose_w_alone_is_contained_gives_v_and_b() -> None:
    names, found, counts = label(chunk_of(event_of(HALF), [genjet(310, 2.05)], [genjet(340, -0.15, 0.05, 81)]))
    assert names == ["V", "b"]
    assert found.decay_pdg_id.tolist() == [4, 0]
    assert counts["t"] == {"not contained": 1}


def test_a_resolved_top_gives_b_and_two_q() -> None:
    names, found, counts = label(chunk_of(event_of(APART), THIN, [genjet(400, 2.0)]))
    assert names == ["b", "q", "q"]
    assert found.pdg_id.tolist() == [5, 4, -3]
    assert found.parton_pt.tolist() == pytest.approx([300, 200, 150])
    assert counts["V"] == {"not contained": 1}


def test_without_large_jets_the_small_ones_serve() -> None:
    assert label(chunk_of(event_of(MERGED), [genjet(640, 0.12, 0.02)]))[0] == ["t"]


def test_an_event_without_jets_says_so() -> None:
    counts = label(chunk_of(event_of(MERGED), [], []))[2]
    assert counts == {name: {"no jet": n} for name, n in (("t", 1), ("V", 1), ("b", 1), ("q", 2))}


@pytest.mark.parametrize(("phi", "names"), [(0.0, ["t"]), (math.pi, ["t"]), (-math.pi + 0.1, ["t"]), (2.0, ["t"])])
def test_containment_goes_across_the_seam(phi: float, names: list[str]) -> None:
    turned = tuple(
        massive(mass, pt, eta, phi + dphi)
        for mass, pt, eta, dphi in ((4.8, 300, 0.4, 0.0), (0.5, 200, -0.2, 0.4), (0.5, 150, -0.1, -0.4))
    )
    axis = float(np.float32(math.remainder(phi - 0.02, 2 * math.pi)))
    assert label(chunk_of(event_of(turned), [], [genjet(640, 0.1, axis)]))[0] == names  # type: ignore[arg-type]


def test_partons_are_matched_across_the_seam() -> None:
    names, found, _ = label(chunk_of([particle(5, 23, massive(4.8, 50, 0, math.pi - 0.1), 3)], [genjet(45, 0, -3.0)]))
    assert names == ["b"]
    assert found.box[0, 3] > 360 or found.box[0, 1] < 25


def test_the_largest_distance_counts() -> None:
    """The b is the farthest quark: 0.795 and 0.805 away; beyond 0.8 the W alone is contained."""
    for eta, names in ((-0.395, ["t"]), (-0.405, ["V"])):
        assert label(chunk_of(event_of(MERGED), [], [genjet(640, eta)]))[0] == names


@pytest.mark.parametrize("pid", [-11, -13])
def test_a_leptonic_w_makes_no_label_but_its_tops_b_does(pid: int) -> None:
    event = event_of(MERGED)
    event[3] |= {"PID": pid, "Status": 1}
    event[4] |= {"PID": -pid + 1, "Status": 1}
    names, _, counts = label(chunk_of(event, [genjet(290, 0.4)], [genjet(640, 0.1)]))
    assert names == ["b"]
    assert counts == {"t": {"another decay": 1}, "V": {"another decay": 1}, "b": {"labelled": 1}}


def higgs(pid: int) -> list[dict[str, Any]]:
    one, two = massive(4.8, 200, 0.3, 0.2), massive(4.8, 150, -0.3, 0.0)
    return [
        particle(25, 22, total(one, two), 3, 30, 31),
        particle(pid, 23, one, 20),
        particle(pid if pid == 21 else -pid, 23, two, 20),
    ]


@pytest.mark.parametrize(
    ("pid", "settings", "expected"),
    [
        (5, SETTINGS, ["H"]),
        (4, SETTINGS, ["q", "q"]),
        (21, SETTINGS, ["q", "q"]),
        (4, ImageSettings(higgs_decays=(1, 2, 3, 4, 5)), ["H"]),
        (21, ImageSettings(higgs_decays=(1, 2, 3, 4, 5)), ["q", "q"]),
        (15, SETTINGS, []),
    ],
)
def test_a_higgs_is_labelled_by_what_it_decays_to(pid: int, settings: ImageSettings, expected: list[str]) -> None:
    jets_ = [genjet(190, 0.3, 0.2), genjet(140, -0.3)]
    assert label(chunk_of(higgs(pid), jets_, [genjet(345, 0.0, 0.1, 125)]), settings)[0] == expected


def test_nested_all_labels_what_is_inside_by_its_own_jets() -> None:
    """The W's large jet is the top's: its quarks are labelled instead, each jet once."""
    thin = [genjet(290, 0.4), genjet(190, -0.2, 0.4), genjet(140, -0.1, -0.4)]
    chunk = chunk_of(event_of(MERGED), thin, [genjet(640, 0.1)])
    names, _, counts = label(chunk, ImageSettings(nested="all"))
    assert names == ["t", "b", "q", "q"]
    assert counts["V"] == {"jet taken": 1}
    assert label(chunk)[0] == ["t"]


def test_a_jet_in_the_core_of_a_labelled_one_is_not_labelled_again() -> None:
    stranger = particle(1, 23, massive(0.3, 80, 0.2, 0.0), 3)
    names, _, counts = label(chunk_of([*event_of(MERGED), stranger], [genjet(600, 0.15)], [genjet(640, 0.1)]))
    assert names == ["t"]
    assert counts["q"] == {"jet taken": 1, "inside a labelled one": 2}


def test_two_partons_of_one_jet_make_one_label_the_b_first() -> None:
    event = [particle(1, 23, massive(0.3, 50, 0.0, 0.0), 3), particle(5, 23, massive(4.8, 50, 0.3, 0.0), 3)]
    names, _, counts = label(chunk_of(event, [genjet(90, 0.01)]))
    assert names == ["b"]
    assert counts == {"b": {"labelled": 1}, "q": {"jet taken": 1}}


def test_the_nearest_pair_comes_first() -> None:
    """The first parton's nearest jet is nearer to the second, so the first takes the other."""
    event = [particle(1, 23, massive(0.3, 50, 0.2, 0.0), 3), particle(2, 23, massive(0.3, 50, 0.0, 0.0), 3)]
    _, found, _ = label(chunk_of(event, [genjet(60, 0.05), genjet(40, 0.55)]))
    assert found.pdg_id.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("jet", "outcome"),
    [
        (genjet(20, 2.9), "labelled"),
        (genjet(19.9, 2.9), "below min_pt"),
        (genjet(20, 2.97), "outside the image"),
        (genjet(20, 2.3), "no jet"),
    ],
)
def test_why_a_parton_has_no_label(jet: dict[str, Any], outcome: str) -> None:
    chunk = chunk_of([particle(5, 23, massive(4.8, 50, 2.8, 1.0), 3)], [jet | {"Phi": 1.0}])
    assert label(chunk)[2] == {"b": {outcome: 1}}


def test_a_jet_that_fails_one_class_is_tried_for_the_next() -> None:
    classes = DEFAULT_CLASSES | {"b": JetClass(pdg_ids=(5,), status=23, min_pt=100)}
    event = [particle(5, 23, massive(4.8, 50, 0.0, 0.0), 3), particle(1, 23, massive(0.3, 50, 0.3, 0.0), 3)]
    names, _, counts = label(chunk_of(event, [genjet(90, 0.01)]), ImageSettings(classes=classes))
    assert names == ["q"]
    assert counts["b"] == {"below min_pt": 1}


def test_c_is_a_class_of_its_own_on_request() -> None:
    classes = DEFAULT_CLASSES | {"c": JetClass(pdg_ids=(4,), status=23)}
    settings = ImageSettings(classes=classes, priority=("t", "V", "H", "b", "c", "q"))
    assert label(chunk_of(event_of(APART), THIN), settings)[0] == ["b", "c", "q"]


def test_classes_that_are_not_asked_for_let_their_products_through() -> None:
    """Without a class for t and W, b and q are labelled wherever they come from."""
    classes = {name: DEFAULT_CLASSES[name] for name in ("b", "q")}
    settings = ImageSettings(classes=classes, priority=("b", "q"), tags={})
    thin = [genjet(290, 0.4), genjet(190, -0.2, 0.4), genjet(140, -0.1, -0.4)]
    assert label(chunk_of(event_of(MERGED), thin, [genjet(640, 0.1)]), settings)[0] == ["b", "q", "q"]


def test_status_labels_say_what_they_decayed_to_and_hold() -> None:
    settings = ImageSettings(truth="status")
    names, found, _ = label(particles([event_of(HALF)]), settings)
    by_class = dict(zip(names, zip(found.decay_pdg_id.tolist(), found.contained.tolist(), strict=True), strict=False))
    assert by_class["V"] == (4, 1)
    assert by_class["b"] == (0, 1)
    assert by_class["t"][0] == 5
    assert 0 <= by_class["t"][1] < 1


def test_outermost_keeps_no_parton_of_a_labelled_top_whose_w_was_dropped() -> None:
    """Below the filter's minimum pt the W is not written; its b is inside the top all the same."""
    event = event_of(MERGED)
    copy = particle(6, 44, total(*MERGED), 1, 20, 20)
    event = [copy, event[0], *event[2:]]
    for quark in event[3:]:
        quark["M1"] = 31
    chunk = particles([event])
    assert label(chunk, ImageSettings(truth="status", nested="outermost"))[0] == ["t"]
    assert label(chunk, ImageSettings(truth="status"))[0] == ["t", "b", "q", "q"]


# Real Delphes, 50 events a sample: resonances whose decay is found, to quarks, and in a GenJetAK8 jet.
HAND_COUNTED = {
    ("tt", 6): (100, 73, 40),
    ("WW", 24): (100, 76, 65),
    ("hh", 25): (100, 60, 48),
    ("tth", 6): (100, 68, 1),
    ("tth", 25): (49, 26, 1),
}


@pytest.mark.shared
@pytest.mark.parametrize(("sample", "code"), HAND_COUNTED)
def test_decays_of_real_resonances(shared: Path, sample: str, code: int) -> None:
    """All quark pairs of H, as they were counted by hand; one H in tth has a W below the filter's minimum pt."""
    settings = ImageSettings(higgs_decays=(1, 2, 3, 4, 5))
    counts, known = TruthCounts(), 0
    for number in (0, 1):
        chunk = real(shared / f"{sample}_{number}.root", settings)
        decays = find(chunk)
        known += int((decays.known & (np.abs(chunk["Particle.PID"].content[decays.row]) == code)).sum())
        jets(chunk, GRID, settings, counts)
    found = counts.as_dict()[{6: "t", 25: "H", 24: "V"}[code]]
    assert (known, known - found["another decay"], found["labelled"]) == HAND_COUNTED[sample, code]


@pytest.mark.shared
def test_six_of_79_hadronic_w_and_z_of_tth_are_contained(shared: Path) -> None:
    """With V alone as a class, so that those inside a labelled t count too."""
    settings = ImageSettings(classes={"V": DEFAULT_CLASSES["V"]}, priority=("V",), tags={})
    counts = TruthCounts()
    for number in (0, 1):
        jets(real(shared / f"tth_{number}.root", settings), GRID, settings, counts)
    found = counts.as_dict()["V"]
    assert (sum(found.values()) - found["another decay"], found["labelled"]) == (79, 6)


def real(path: Path, settings: ImageSettings) -> Chunk:
    file = DelphesFile(path, wanted(settings))
    chunk = file.head(file.n_events)
    file.close()
    return chunk


@pytest.mark.shared
@pytest.mark.parametrize("sample", ["bb", "tt", "hh", "WW", "qq", "tth"])
def test_every_label_of_real_files_is_a_jet_of_a_hadronic_decay(shared: Path, sample: str) -> None:
    counts = TruthCounts()
    candidates: Counter[int] = Counter()
    for number in (0, 1):
        chunk = real(shared / f"{sample}_{number}.root", SETTINGS)
        found = jets(chunk, GRID, SETTINGS, counts)
        assert len(found.indptr) == 26
        for event in range(25):
            mine = slice(*found.indptr[event : event + 2])
            away = []
            for branch in ("GenJet", "GenJetAK8"):
                a, b = chunk[f"{branch}.PT"].offsets[event : event + 2]
                eta, phi = (chunk[f"{branch}.{name}"].content[a:b] for name in ("Eta", "Phi"))
                away.append(delta_r(found.eta[mine, None], found.phi[mine, None], eta, phi))
            assert (np.concatenate(away, axis=1).min(axis=1, initial=np.inf) < 0.05).all()
            assert len(
                {(float(eta), float(phi)) for eta, phi in zip(found.eta[mine], found.phi[mine], strict=True)}
            ) == (mine.stop - mine.start)
        merged = np.isin(found.class_id, [1, 2, 3])
        assert ((found.decay_pdg_id[merged] >= 1) & (found.decay_pdg_id[merged] <= 5)).all()
        assert not found.decay_pdg_id[~merged].any()
        assert (found.contained == 1).all()
        assert (found.pt >= 20).all()
        status, code = np.abs(chunk["Particle.Status"].content), np.abs(chunk["Particle.PID"].content)
        candidates.update(code[((status == 23) & np.isin(code, (1, 2, 3, 4, 5, 21)))].tolist())
        candidates.update(code[((status == 22) & np.isin(code, (6, 23, 24, 25)))].tolist())
    # Nothing silent: every candidate of the hard process has an outcome.
    assert sum(sum(outcomes.values()) for outcomes in counts.as_dict().values()) == sum(candidates.values())
    assert {outcome for outcomes in counts.as_dict().values() for outcome in outcomes} <= OUTCOMES.keys()
