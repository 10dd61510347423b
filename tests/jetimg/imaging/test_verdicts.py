"""Every bad file gets its verdict, and the good one beside it is converted."""

import json
import struct
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import uproot

from detector import load
from detector.geometry.description import DEFAULT
from jetimg.common.checksums import sha256
from jetimg.event_file.store import Reader
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from jetimg.imaging.simulation_record import SimulationRecord
from jetimg.imaging.verdicts import VERDICTS, Verdict, check
from tests.helpers.handmade import branches, write

DETECTOR = load()


def verdict(path: Path, expected: int | None = None, settings: ImageSettings | None = None) -> Verdict:
    found = check(path, DETECTOR, settings or ImageSettings(), expected)
    assert found.verdict in VERDICTS
    assert found.ok == (found.verdict == "ok") == (found.reason == "")
    assert "\n" not in found.reason
    json.dumps(found.as_dict())
    return found


@pytest.fixture(scope="module")
def good(data: Path) -> bytes:
    return (data / "bb.root").read_bytes()


@pytest.mark.parametrize("sample", ["bb", "tt", "hh", "WW", "qq", "tth"])
def test_real_files_are_ok(data: Path, sample: str) -> None:
    found = verdict(data / f"{sample}.root", expected=2)
    assert (found.verdict, found.entries, found.expected, found.absent) == ("ok", 2, 2, ("mean pile-up", "missing pt"))
    assert found.size == (data / f"{sample}.root").stat().st_size


def test_a_file_made_by_hand_is_ok_without_the_optional_branches(tmp_path: Path) -> None:
    found = verdict(write(tmp_path / "x.root", branches(3)))
    assert (found.verdict, found.entries) == ("ok", 3)
    assert found.absent == (
        "baseline",
        "large generator jets",
        "mean pile-up",
        "missing pt",
        "rho",
        "vertices",
        "weights",
    )


@pytest.mark.parametrize("place", range(20))
def test_cut_at_any_place_is_truncated(tmp_path: Path, good: bytes, place: int) -> None:
    length = int(np.random.default_rng(20).integers(1, len(good), 20)[place])
    path = tmp_path / "cut.root"
    path.write_bytes(good[:length])
    found = verdict(path)
    assert (found.verdict, found.size) == ("truncated", length)


@pytest.mark.parametrize("length", [1, 3, 4, 19, 20, 100])
def test_cut_within_the_header_is_truncated(tmp_path: Path, good: bytes, length: int) -> None:
    path = tmp_path / "cut.root"
    path.write_bytes(good[:length])
    assert verdict(path).verdict == "truncated"


def test_cut_with_a_header_that_agrees(tmp_path: Path, good: bytes) -> None:
    """Some copy tools leave a shorter file whose header was patched: its baskets tell."""
    assert struct.unpack(">i", good[4:8])[0] < 1_000_000  # the small header
    path = tmp_path / "cut.root"
    cut = len(good) // 2
    path.write_bytes(good[:12] + struct.pack(">i", cut) + good[16:cut])
    assert verdict(path).verdict in ("unreadable", "truncated")


def test_header_of_a_file_beyond_2_gb(tmp_path: Path, good: bytes) -> None:
    """Version above 1,000,000: fEND has 64 bits."""
    path = tmp_path / "big.root"
    head = good[:4] + struct.pack(">iiq", 1_063_202, 100, 3 * 2**31)
    path.write_bytes(head + good[20:])
    found = verdict(path)
    assert (found.verdict, f"of {3 * 2**31}" in found.reason) == ("truncated", True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "zero bytes long"),
        (b"\x89HDF\r\n\x1a\n" * 100, "not a ROOT file: it is HDF5"),
        (b"<html>404</html>", "not a ROOT file"),
        (b"root" + b"\x00" * 16, ""),
        (b"root" + b"\xff" * 400, ""),
    ],
)
def test_what_is_not_root_is_unreadable(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "x.root"
    path.write_bytes(content)
    found = verdict(path)
    assert found.verdict == "unreadable"
    assert reason in found.reason


def test_nothing_and_a_folder_are_unreadable(tmp_path: Path) -> None:
    assert verdict(tmp_path / "nothing.root").reason == "no such file"
    assert verdict(tmp_path).reason == f"a folder; name its files: {tmp_path}/*.root"
    assert verdict(tmp_path).verdict == "unreadable"


def test_zeroed_metadata_is_a_verdict(tmp_path: Path, good: bytes) -> None:
    path = tmp_path / "zeroed.root"
    path.write_bytes(good[: len(good) // 2] + bytes(len(good) - len(good) // 2))
    assert verdict(path).verdict in ("unreadable", "no-tree")


def test_bits_flipped_anywhere_never_raise(tmp_path: Path, good: bytes) -> None:
    rng = np.random.default_rng(21)
    path = tmp_path / "flipped.root"
    for _ in range(15):
        broken = bytearray(good)
        for place in rng.integers(0, len(good), 30):
            broken[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(broken)
        verdict(path)


def test_no_tree(tmp_path: Path) -> None:
    found = verdict(write(tmp_path / "x.root", branches(1), tree="Events"))
    assert found.verdict == "no-tree"
    assert "no tree `Delphes`; the file holds Events" in found.reason


def test_an_object_of_that_name_that_is_no_tree(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "x.root") as file:
        file["Delphes"] = "a text"
    assert verdict(tmp_path / "x.root").verdict == "no-tree"


@pytest.mark.parametrize(
    ("missing", "settings"),
    [
        ("EFlowPhoton.Edges", ImageSettings()),
        ("EFlowTrack.PT", ImageSettings()),
        ("EFlowNeutralHadron.Eta", ImageSettings(hcal="point")),
        ("EFlowNeutralHadron.Edges", ImageSettings(hcal="spread")),
        ("Particle.Status", ImageSettings()),
        ("Particle.M1", ImageSettings(truth="status", nested="outermost")),
        ("Particle.D1", ImageSettings()),
        ("GenJet.PT", ImageSettings()),
        ("GenJet.PT", ImageSettings(truth="genjet")),
        ("Tower.Eem", ImageSettings(source="tower")),
    ],
)
def test_a_missing_branch_is_named(tmp_path: Path, missing: str, settings: ImageSettings) -> None:
    made = {name: values for name, values in branches(1).items() if name != missing}
    found = verdict(write(tmp_path / "x.root", made), settings=settings)
    assert found.verdict == "missing-branch"
    assert missing in found.reason


def test_a_branch_not_needed_is_not_missed(tmp_path: Path) -> None:
    made = branches(1)
    del made["EFlowNeutralHadron.Edges"], made["Particle.M1"], made["GenJet.PT"]
    assert verdict(write(tmp_path / "x.root", made), settings=ImageSettings(truth="status")).ok


def test_without_generator_jets_the_remedy_names_the_mode_that_needs_none(tmp_path: Path) -> None:
    made = {name: values for name, values in branches(1).items() if not name.startswith("GenJet.")}
    found = verdict(write(tmp_path / "x.root", made))
    assert found.verdict == "missing-branch"
    assert "GenJet.PT" in found.reason
    assert "or choose truth status, which needs none" in found.reason


def test_a_near_name_is_proposed(tmp_path: Path) -> None:
    made = branches(1)
    made["EFlowTrack.Pt"] = made.pop("EFlowTrack.PT")
    assert "nearest to the first: EFlowTrack.Pt" in verdict(write(tmp_path / "x.root", made)).reason


def test_no_entries_and_fewer_than_expected(tmp_path: Path) -> None:
    assert verdict(write(tmp_path / "empty.root", branches(0))).verdict == "empty"
    path = write(tmp_path / "short.root", branches(3))
    found = verdict(path, expected=4)
    assert (found.verdict, found.entries, found.expected) == ("short", 3, 4)
    assert found.reason == "3 events of 4 expected"
    assert verdict(path, expected=3).ok
    assert verdict(path, expected=2).ok


def test_a_writer_that_was_killed_leaves_branches_of_unequal_length(tmp_path: Path) -> None:
    """uproot fills all branches at once, so the tree's own count is raised in the file: 3 entries become 4."""
    path = write(tmp_path / "x.root", branches(3))
    with uproot.open(path) as file:
        key = file.key("Delphes")
    content = path.read_bytes()
    place = key.fSeekKey
    while True:
        place = content.index(struct.pack(">q", 3), place + 1, key.fSeekKey + key.fNbytes)
        path.write_bytes(content[:place] + struct.pack(">q", 4) + content[place + 8 :])
        with uproot.open(path) as file:
            if file["Delphes"].num_entries == 4:
                break
    found = verdict(path)
    assert (found.verdict, found.entries) == ("truncated", 4)
    assert "3 entries, the tree 4: its writer was stopped" in found.reason


def test_branches_of_one_object_that_differ_in_length_are_unreadable(tmp_path: Path) -> None:
    """The kernels do not check bounds: this once read beyond the shorter one."""
    made = branches(2)
    made["EFlowTrack.Phi"][1] = []
    found = verdict(write(tmp_path / "x.root", made))
    assert found.verdict == "unreadable"
    assert "`EFlowTrack.Phi` and `EFlowTrack.PT` differ" in found.reason


def test_no_hard_process(data: Path, tmp_path: Path) -> None:
    found = verdict(data / "no_hard_process_tt.root")
    assert (found.verdict, found.entries) == ("no-hard-process", 1)
    assert "StatusPidFilter" in found.reason
    made = branches(2)
    made["Particle.Status"] = [[1], [1]]
    assert verdict(write(tmp_path / "x.root", made)).verdict == "no-hard-process"


def test_one_event_without_a_hard_process_is_named(tmp_path: Path) -> None:
    made = branches(3) | {"Particle.Status": [[23], [1], [23]]}
    found = verdict(write(tmp_path / "x.root", made))
    assert (found.verdict, found.reason.partition(":")[0]) == ("no-hard-process", "entry 1")
    empty = {name: [events[0], [], events[2]] for name, events in made.items() if name.startswith("Particle")}
    assert verdict(write(tmp_path / "x.root", made | empty)).reason.startswith("entry 1: no particle")


@pytest.mark.shared
def test_a_real_file_of_another_detector(shared: Path) -> None:
    found = verdict(shared / "tiny" / "other_detector_tt.root")
    assert found.verdict == "wrong-geometry"
    assert found.reason.startswith("HCAL: a cell with edges")
    assert "340 x 360 crystals" in found.reason


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("eta_pitch: 0.0174", "eta_pitch: 0.0175", None),  # the ECAL's cells are not its pixels
        (
            "{phi_degrees: 5, pitch: 0.087, first: -18, last: 18}",
            "{phi_degrees: 5, pitch: 0.174, first: -9, last: 9}",
            "HCAL",
        ),
    ],
)
def test_another_description_does_not_fit_a_real_file(
    data: Path, tmp_path: Path, old: str, new: str, part: str | None
) -> None:
    text = DEFAULT.read_text()
    assert old in text
    other = tmp_path / "other.yaml"
    other.write_text(text.replace(old, new))
    if part is None:
        with pytest.raises(ValueError, match=r"are not its 340 x 360 pixels|crosses the image's border"):
            check(data / "tt.root", load(other), ImageSettings())
        return
    found = check(data / "tt.root", load(other), ImageSettings())
    assert found.verdict == "wrong-geometry"
    assert found.reason.startswith(f"{part}: a cell with edges")


def test_shifted_edges_are_another_geometry(tmp_path: Path) -> None:
    made = branches(2)
    made["EFlowPhoton.Edges"] = [[edge + 0.005 for edge in event] for event in made["EFlowPhoton.Edges"]]
    assert verdict(write(tmp_path / "x.root", made)).verdict == "wrong-geometry"


def _cut(path: Path, good: bytes) -> None:
    path.write_bytes(good[: len(good) // 3])


def _flipped_after_its_record(path: Path, _: bytes) -> None:
    """One bit of a float in a basket that uproot stored raw: the file opens, and a pt is another."""
    write(path, branches(2))
    content = bytearray(path.read_bytes())
    record = SimulationRecord(str(path), "ok", entries=2, expected=2, sha256=sha256(path))
    path.with_suffix(".json").write_text(json.dumps(asdict(record)))
    raw = np.array(branches(2)["EFlowTrack.PT"], ">f4").tobytes()
    content[content.index(raw)] ^= 1
    path.write_bytes(content)


BAD: dict[str, Callable[[Path, bytes], object]] = {
    "unreadable": lambda path, good: path.write_bytes(b""),
    "truncated": _cut,
    "damaged": _flipped_after_its_record,
    "no-tree": lambda path, good: write(path, branches(1), tree="Events"),
    "missing-branch": lambda path, good: write(path, {"EFlowTrack.PT": [[1.0]]}),
    "empty": lambda path, good: write(path, branches(0)),
    "short": lambda path, good: write(path, branches(1)),
    "no-hard-process": lambda path, good: write(path, branches(2) | {"Particle.Status": [[1], [1]]}),
    "bad-value": lambda path, good: write(path, branches(2) | {"Particle.Mass": [[4.8], [np.nan]]}),
    "wrong-geometry": lambda path, good: write(path, branches(2) | {"EFlowPhoton.Edges": [[0.0, 0.1, 0.0, 0.1]] * 2}),
}


@pytest.mark.parametrize("expected", BAD)
def test_the_good_files_beside_a_bad_one_are_converted(tmp_path: Path, good: bytes, data: Path, expected: str) -> None:
    bad = tmp_path / "bad.root"
    BAD[expected](bad, good)
    assert verdict(bad, expected=2).verdict == expected
    paths = [data / "bb.root", bad, data / "tt.root"]
    rows = convert(DelphesInputs(paths, expected=2), tmp_path / "out.h5", Setup(DETECTOR, ImageSettings()))
    assert [row.verdict for row in rows] == ["ok", expected, "ok"]
    assert rows[1].reason != ""
    with Reader(tmp_path / "out.h5") as reader:
        assert reader.files == rows
        events = reader.read().tables["events"]
    assert events["file"].tolist() == [0, 0, 2, 2]
    assert events["entry"].tolist() == [0, 1, 0, 1]


def test_every_verdict_is_tested_here() -> None:
    assert {"ok", *BAD} == set(VERDICTS)
