"""Delphes files to event files: nothing lost, nothing twice, the same bytes each time."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import uproot

import jetimg.imaging.convert
import jetimg.imaging.delphes_reader
from detector import load
from detector.geometry.grid import Grid
from jetimg.common.checksums import sha256
from jetimg.dataset.verify import verify
from jetimg.event_file.layout import CHANNELS
from jetimg.event_file.store import Batch, Reader, concatenate
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from tests.helpers.batches import assert_equal
from tests.helpers.handmade import branches, cell_of, write

DETECTOR = load()
GRID = Grid.of(DETECTOR)
SETUP = Setup(DETECTOR, ImageSettings())


def converted(paths: list[Path], output: Path, **settings: object) -> Batch:
    convert(DelphesInputs(paths), output, Setup(DETECTOR, ImageSettings.model_validate(settings)))
    assert verify(output).faults == []
    with Reader(output) as reader:
        return reader.read()


def test_one_event_by_hand(tmp_path: Path) -> None:
    """A track, a photon, a neutral hadron and a b quark: every number of the event file."""
    batch = converted([write(tmp_path / "x.root", branches(1))], tmp_path / "x.h5")
    tables = batch.tables
    photon = int((0.5 + 2.958) / 0.0174) * 360 + int(np.degrees(1.0) + 180)
    hadron = int((-1.0 + 2.958) / 0.0174) * 360 + int(np.degrees(-2.0) + 180)
    for channel, pixel, value in (("tracker", 170 * 360 + 180, 1), ("ecal", photon, 2), ("hcal", hadron, 3)):
        assert (tables[channel]["pixel"].tolist(), tables[channel]["value"].tolist()) == ([pixel], [value])
    assert tables["jets"]["class_id"].tolist() == [0]
    assert tables["jets"]["pdg_id"].tolist() == [5]
    assert tables["jets"]["pt"].tolist() == [50]
    assert tables["jets"]["box"][0, 3] > 360  # phi = 3.1: across the seam
    assert tables["baseline"]["indptr"].tolist() == [0, 0]
    assert tables["events"]["weight"].tolist() == [1]


def test_spread_shares_a_barrel_tower_over_25_pixels(tmp_path: Path) -> None:
    batch = converted([write(tmp_path / "x.root", branches(1))], tmp_path / "x.h5", hcal="spread")
    np.testing.assert_allclose(batch.tables["hcal"]["value"], [3 / 25] * 25, rtol=1e-6)
    eta, phi = GRID.centre(batch.tables["hcal"]["pixel"])
    low_eta, high_eta, low_phi, high_phi = cell_of("hcal", -1.0, -2.0)
    assert np.all((eta > low_eta) & (eta < high_eta) & (phi > low_phi) & (phi < high_phi))


def test_several_files_in_their_order_with_their_checksums(data: Path, tmp_path: Path) -> None:
    paths = [data / f"{sample}.root" for sample in ("tt", "bb", "hh")]
    batch = converted(paths, tmp_path / "all.h5")
    assert batch.tables["events"]["file"].tolist() == [0, 0, 1, 1, 2, 2]
    assert batch.tables["events"]["entry"].tolist() == [0, 1] * 3
    with Reader(tmp_path / "all.h5") as reader:
        assert [(row.name, row.sha256, row.entries) for row in reader.files] == [
            (str(path), sha256(path), 2) for path in paths
        ]
    alone = [converted([path], tmp_path / "one.h5") for path in paths]
    for part in alone:
        part.tables["events"]["file"][:] = 0
    batch.tables["events"]["file"][:] = 0
    assert_equal(batch, concatenate(alone))


def test_the_same_bytes_whatever_the_name_and_the_chunks(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [data / "tt.root", data / "no_hard_process_tt.root", data / "bb.root"]
    convert(DelphesInputs(paths), tmp_path / "a.h5", SETUP)
    monkeypatch.setattr(jetimg.imaging.delphes_reader, "CHUNK", 1)
    convert(DelphesInputs(paths), tmp_path / "longer_name.h5", SETUP)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "longer_name.h5").read_bytes()


def test_progress_counts_every_event_once(data: Path, tmp_path: Path) -> None:
    done: list[int] = []
    convert(DelphesInputs([data / "tt.root", data / "bb.root"]), tmp_path / "x.h5", SETUP, done.append)
    assert sum(done) == 4


def many_baskets(path: Path, n_baskets: int = 3) -> Path:
    """A file with a basket of 4 events for each branch and each of `n_baskets`."""
    rng = np.random.default_rng(6)
    with uproot.recreate(path) as file:
        for k in range(n_baskets):
            made = branches(4)
            for name, low, high in (("PT", 1, 9), ("Eta", -2, 2), ("Phi", -3, 3)):
                made[f"EFlowTrack.{name}"] = rng.uniform(low, high, (4, 200)).tolist()
            write(path.with_name("part.root"), made)
            with uproot.open(path.with_name("part.root")) as part:
                arrays = {name: part["Delphes"][name].array() for name in made}
            if k == 0:
                file.mktree("Delphes", {name: array.type.content for name, array in arrays.items()})
            file["Delphes"].extend(arrays)
    path.with_name("part.root").unlink()
    return path


def zero_basket(path: Path, branch: str, number: int) -> Path:
    with uproot.open(path) as file:
        member = file["Delphes"][branch].member
        seek, size = int(member("fBasketSeek")[number]), int(member("fBasketBytes")[number])
    content = bytearray(path.read_bytes())
    content[seek : seek + size] = bytes(size)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("number", [1, 2])
def test_a_fault_found_late_takes_back_the_files_first_events(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A zeroed basket shows only when it is read; the events before it were already written."""
    monkeypatch.setattr(jetimg.imaging.delphes_reader, "CHUNK", 3)
    bad = tmp_path / "bad.root"
    assert len(converted([many_baskets(bad)], tmp_path / "whole.h5")) == 12
    zero_basket(bad, "EFlowTrack.PT", number)
    rows = convert(DelphesInputs([data / "tt.root", bad, data / "bb.root"]), tmp_path / "out.h5", SETUP)
    assert [row.verdict for row in rows] == ["ok", "unreadable", "ok"]
    assert rows[1].reason.startswith("after entry ")
    assert (rows[1].entries, rows[1].sha256) == (12, "")
    assert verify(tmp_path / "out.h5").faults == []
    # The same bytes as if the fault had been known before: another file in its place, refused at the start.
    faults = dict(zip(("verdict", "reason"), (rows[1].verdict, rows[1].reason), strict=True))
    known = jetimg.common.errors.BadFile(bad, **faults, entries=12)

    def open_knowing(path: Path, *args: object) -> jetimg.imaging.delphes_reader.DelphesFile:
        if path == bad:
            raise known
        return original(path, *args)

    original = jetimg.imaging.convert.open_checked
    monkeypatch.setattr(jetimg.imaging.convert, "open_checked", open_knowing)
    convert(DelphesInputs([data / "tt.root", bad, data / "bb.root"]), tmp_path / "knowing.h5", SETUP)
    assert (tmp_path / "knowing.h5").read_bytes() == (tmp_path / "out.h5").read_bytes()


@pytest.mark.parametrize(
    ("branch", "value", "verdict", "reason"),
    [
        ("EFlowTrack.PT", float("nan"), "bad-value", "entry 10: `EFlowTrack.PT` is nan"),
        ("EFlowTrack.Eta", float("inf"), "bad-value", "entry 10: `EFlowTrack.Eta` is inf"),
        ("EFlowNeutralHadron.ET", -1.0, "bad-value", "entry 10: `EFlowNeutralHadron.ET` is -1"),
        ("EFlowPhoton.Edges", 0.0123, "wrong-geometry", "ECAL: a cell with edges"),
        ("Particle.Status", 1, "no-hard-process", "entry 10: no particle has"),
    ],
)
def test_faults_of_values_beyond_the_first_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, branch: str, value: float, verdict: str, reason: str
) -> None:
    """In entries 10 and 11, which `check` does not look at; entry 9 of their chunk is good."""
    monkeypatch.setattr(jetimg.imaging.delphes_reader, "CHUNK", 3)
    made = branches(12)
    for entry in (10, 11):
        made[branch][entry] = [value] * len(made[branch][entry])
    path = write(tmp_path / "x.root", made)
    (row,) = convert(DelphesInputs([path]), tmp_path / "x.h5", SETUP)
    assert row.verdict == verdict
    assert reason in row.reason
    with Reader(tmp_path / "x.h5") as reader:
        assert reader.n_events == 0


def test_tracks_where_they_enter_the_calorimeter(data: Path, tmp_path: Path) -> None:
    """A histogram of uproot's EtaOuter, PhiOuter; only the tracker differs from the default."""
    source = data / "tt.root"
    found = converted([source], tmp_path / "outer.h5", tracks="calorimeter")
    usual = converted([source], tmp_path / "x.h5")
    with uproot.open({source: "Delphes"}) as tree:
        tracks = tree.arrays([f"EFlowTrack.{name}" for name in ("PT", "EtaOuter", "PhiOuter")])
    bins = (GRID.eta_edges, GRID.phi_edges)
    for event in range(2):
        pt, eta, phi = (tracks[name][event].to_numpy().astype(float) for name in tracks.fields)
        expected, _, _ = np.histogram2d(eta, phi, bins, weights=pt)
        np.testing.assert_allclose(dense(found, "tracker", event), expected, rtol=1e-5, atol=1e-9)
        assert np.any(dense(found, "tracker", event) != dense(usual, "tracker", event))
        np.testing.assert_array_equal(dense(found, "hcal", event), dense(usual, "hcal", event))


def test_a_chunk_without_fat_jets_is_converted(tmp_path: Path) -> None:
    made = branches(2)
    for name in ("PT", "Eta", "Phi", "SoftDroppedMass"):
        made[f"JetPUPPIAK8.{name}"] = [[], []]
    made["JetPUPPIAK8.Tau"] = [[], []]
    batch = converted([write(tmp_path / "x.root", made)], tmp_path / "x.h5")
    assert batch.tables["baseline"]["indptr"].tolist() == [0, 0, 0]


def test_flat_taus_are_five_a_jet(tmp_path: Path) -> None:
    made = branches(2)
    for name, value in (("PT", 300.0), ("Eta", 0.5), ("Phi", 0.5), ("SoftDroppedMass", 80.0)):
        made[f"JetPUPPIAK8.{name}"] = [[value], [value, value]]
    made["JetPUPPIAK8.Tau"] = [[0.8, 0.4, 0.1, 0.1, 0.1], [0.8, 0.2, 0.1, 0.1, 0.1, 0.5, 0.4, 0.1, 0.1, 0.1]]
    batch = converted([write(tmp_path / "x.root", made)], tmp_path / "x.h5")
    np.testing.assert_allclose(batch.tables["baseline"]["score"], [0.5, 0.75, 0.2], rtol=1e-6)


def test_weights_of_the_generator(tmp_path: Path) -> None:
    made = branches(3) | {"Event.Weight": [[0.5], [2.0], [-1.0]]}
    batch = converted([write(tmp_path / "x.root", made)], tmp_path / "x.h5")
    assert batch.tables["events"]["weight"].tolist() == [0.5, 2.0, -1.0]


@pytest.mark.parametrize("hcal", ["point", "spread"])
def test_tower_images_against_plain_numpy(data: Path, tmp_path: Path, hcal: str) -> None:
    """Histograms of Tower.Eem and Tower.Ehad over cosh(eta), from uproot's arrays."""
    source = data / "tower_tt.root"
    batch = converted([source], tmp_path / "x.h5", source="tower", hcal=hcal)
    with uproot.open(source) as file:
        tree = file["Delphes"]
        keys = {name.partition("[")[0]: name for name in tree.keys(full_paths=False)}
        names = ("Eem", "Ehad", "Eta", "Phi", "Edges")
        towers = {name: tree[keys[f"Tower.{name}"]].array() for name in names}
    assert len(batch) == len(towers["Eta"]) == 3
    bins = (GRID.eta_edges, GRID.phi_edges)
    for event in range(3):
        energy_em, energy_had, eta, phi = (towers[name][event].to_numpy() for name in names[:4])
        edges = towers["Edges"][event].to_numpy().astype(float)
        middle_eta, middle_phi = edges[:, :2].mean(axis=1), edges[:, 2:].mean(axis=1)
        ecal, _, _ = np.histogram2d(middle_eta, middle_phi, bins, weights=energy_em / np.cosh(eta.astype(float)))
        np.testing.assert_allclose(dense(batch, "ecal", event), ecal, rtol=1e-5, atol=1e-9)
        et = energy_had / np.cosh(eta.astype(float))
        if hcal == "point":
            expected, _, _ = np.histogram2d(eta, phi, bins, weights=et)
            np.testing.assert_allclose(dense(batch, "hcal", event), expected, rtol=1e-5, atol=1e-9)
        else:
            inside = np.abs(middle_eta) < 2.958
            assert dense(batch, "hcal", event).sum() == pytest.approx(et[inside].sum(), rel=1e-6)


def dense(batch: Batch, channel: str, event: int) -> np.ndarray:
    image = np.zeros((340, 360))
    table = batch.tables[channel]
    mine = slice(*table["indptr"][event : event + 2])
    image.flat[table["pixel"][mine]] = table["value"][mine]
    return image


def test_counts_in_are_counts_out(data: Path, tmp_path: Path) -> None:
    batch = converted([data / "tt.root", data / "bb.root"], tmp_path / "x.h5")
    with Reader(tmp_path / "x.h5") as reader:
        counts = reader.attributes["hit_counts"]
    inputs = dict.fromkeys(("EFlowTrack", "EFlowPhoton", "EFlowNeutralHadron"), 0)
    for name in ("tt", "bb"):
        with uproot.open({data / f"{name}.root": "Delphes"}) as tree:
            for branch in inputs:
                inputs[branch] += int(tree[f"{branch}_size"].array().to_numpy().sum())
    assert [counts[channel]["inputs"] for channel in ("tracker", "ecal", "hcal")] == list(inputs.values())
    for channel, count in counts.items():
        assert count["pixels"] == len(batch.tables[channel]["pixel"])
        assert 0 < count["pixels"] <= count["inputs"] - count["outside"]
    ecal = counts["ecal"]
    assert ecal["shared_pixels"] == 0  # one crystal, one pixel
    assert ecal["pixels"] == ecal["inputs"] - ecal["outside"]


def test_ten_bits_record_their_error(data: Path, tmp_path: Path) -> None:
    exact = converted([data / "tt.root"], tmp_path / "exact.h5")
    rounded = converted([data / "tt.root"], tmp_path / "rounded.h5", value_bits=10)
    worst = 0.0
    for channel in ("tracker", "ecal", "hcal"):
        before, after = exact.tables[channel], rounded.tables[channel]
        np.testing.assert_array_equal(before["pixel"], after["pixel"])
        error = np.abs(after["value"].astype(float) - before["value"]) / before["value"]
        worst = max(worst, float(error.max()))
    with Reader(tmp_path / "rounded.h5") as reader:
        assert reader.attributes["largest_relative_error"] == worst
    assert 0 < worst <= 2**-11
    with Reader(tmp_path / "exact.h5") as reader:
        assert reader.attributes["largest_relative_error"] == 0
    assert (tmp_path / "rounded.h5").stat().st_size < (tmp_path / "exact.h5").stat().st_size


def test_only_bad_files_give_an_event_file_without_events(data: Path, tmp_path: Path) -> None:
    rows = convert(DelphesInputs([data / "no_hard_process_tt.root"]), tmp_path / "x.h5", SETUP)
    assert [row.verdict for row in rows] == ["no-hard-process"]
    assert verify(tmp_path / "x.h5").faults == []


def test_a_file_given_twice_with_a_late_fault_is_bad_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jetimg.imaging.delphes_reader, "CHUNK", 3)
    bad = zero_basket(many_baskets(tmp_path / "bad.root"), "Particle.PT", 2)
    rows = convert(DelphesInputs([bad, bad]), tmp_path / "x.h5", SETUP)
    assert [row.verdict for row in rows] == ["unreadable", "unreadable"]


@pytest.mark.parametrize(
    ("hcal", "digest"),
    [
        ("spread", "f2f31c937c903301b5113f1dbe06bd00d312edd6a8349e63eb4d2e05f145350c"),
        ("point", "b4558c1dbab1d116ab3d5d37fe0a3da7dafb39ec922bd17d0684a838387de986"),
    ],
)
def test_the_hits_of_real_files_are_those_of_uproot_and_numba(
    hcal: str, digest: str, data: Path, tmp_path: Path
) -> None:
    """Digests of what was made before baskets were read and images compiled by other means; no bit may change."""
    paths = [data / f"{name}.root" for name in ("bb", "tt", "hh", "WW", "qq", "tth")]
    tables = converted(paths, tmp_path / "x.h5", hcal=hcal).tables
    found = hashlib.sha256()
    for channel in CHANNELS:
        for name in ("indptr", "pixel", "value"):
            found.update(tables[channel][name].tobytes())
    assert found.hexdigest() == digest
