"""The published PF-Jet-SSD layout, in and out: nothing lost, nothing moved."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from detector import load
from detector.geometry import boxes
from detector.geometry.grid import Grid
from jetimg.cli.main import app
from jetimg.common import checksums
from jetimg.common.errors import DataError
from jetimg.dataset.verify import verify
from jetimg.event_file.store import Reader
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs as RootInputs
from jetimg.imaging.convert import convert
from jetimg.imaging.settings import ImageSettings
from jetimg.pfjet_format import layout
from jetimg.pfjet_format.exporter import export_reference
from jetimg.pfjet_format.importer import ReferenceInputs, import_reference
from jetimg.release.receipt import Receipt, receipt_file

SHARED = Path(__file__).parents[3].parent / "shared" / "delphes"
FILES = [f"{sample}_{number}" for sample in ("bb", "tt", "hh", "WW", "qq", "tth") for number in (0, 1)]
NAMES = [name for channel in layout.CHANNELS for name in layout.names(channel)]

# At most this many pixels of a file differ: float32 edges of the reference's own histogram.
MOVED = 4

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs the real Delphes files of {SHARED}")
with_shared = [needs_shared, pytest.mark.shared]


def write(path: Path, events: list[dict[str, list[float]]], index: str = "int16") -> Path:
    """A file in their layout; what an event does not name is empty."""
    with h5py.File(path, "w") as file:
        for name in [*NAMES, "labels", "baseline"]:
            kind = np.dtype(index if name.endswith(("_Eta", "_Phi")) else "<f4")
            data = file.create_dataset(name, (len(events),), h5py.vlen_dtype(kind))
            for number, event in enumerate(events):
                data[number] = np.array(event.get(name, []), kind)
    return path


def differences(one: Path, other: Path) -> list[str]:
    """Datasets that are not the same, type and every bit."""
    with h5py.File(one) as first, h5py.File(other) as second:
        assert set(first) == set(second)
        return [name for name in first if not same(first[name], second[name])]


def same(one: h5py.Dataset, other: h5py.Dataset) -> bool:
    if one.shape != other.shape or h5py.check_vlen_dtype(one.dtype) != h5py.check_vlen_dtype(other.dtype):
        return False
    return all(np.array_equal(a, b) for a, b in zip(one[:], other[:], strict=True))


def there_and_back(path: Path, folder: Path) -> list[str]:
    import_reference(ReferenceInputs([path]), folder / "ours.h5", load())
    assert verify(folder / "ours.h5").faults == []
    export_reference([folder / "ours.h5"], folder / "theirs.h5")
    return differences(path, folder / "theirs.h5")


HIT = {"EFlowTrack_Eta": [0, 339], "EFlowTrack_Phi": [359, 0], "EFlowTrack_PT": [0.5, 2.25]}


@pytest.mark.parametrize("index", ["int16", "int32", "float32"])
def test_a_hand_made_file_comes_back_bit_by_bit(tmp_path: Path, index: str) -> None:
    events = [
        HIT | {"labels": [0, 10, 20, 300.5, 1, 339, 359, 210.25], "baseline": [0, 10, 20, 300.5, 0.2158073]},
        {},
        {"EFlowPhoton_Eta": [7], "EFlowPhoton_Phi": [8], "EFlowPhoton_ET": [1e-3], "labels": [2, 0, 0, 1.5]},
    ]
    assert there_and_back(write(tmp_path / "in.h5", events, index), tmp_path) == []


def test_the_score_survives_although_one_minus_it_rounds(tmp_path: Path) -> None:
    """1 - r in float32 forgets bits of every r below 1/2: the ratio is kept beside it."""
    ratio = np.float32(0.1234567)
    assert np.float32(1) - (np.float32(1) - ratio) != ratio
    path = write(tmp_path / "in.h5", [{"baseline": [0, 1, 2, 300, ratio]}])
    assert there_and_back(path, tmp_path) == []
    with Reader(tmp_path / "ours.h5") as reader:
        assert reader.read().tables["baseline"]["score"][0] == np.float32(1) - ratio


def test_a_label_becomes_the_box_around_its_pixel_and_wraps_at_the_seam(tmp_path: Path) -> None:
    """Their box at column 2 begins at -21 and ends nowhere near column 339; ours goes round."""
    path = write(tmp_path / "in.h5", [{"labels": [0, 170, 2, 500]}])
    import_reference(ReferenceInputs([path]), tmp_path / "ours.h5", load())
    with Reader(tmp_path / "ours.h5") as reader:
        jets, names = reader.read().tables["jets"], reader.attributes["class_names"]
    assert names == ["t", "V", "H"]
    np.testing.assert_allclose(jets["box"], [[147.5, 339.5, 193.5, 385.5]], atol=1e-4)
    eta, phi = boxes.centre(Grid.of(load()), jets["box"])
    np.testing.assert_allclose([eta[0], phi[0]], [jets["eta"][0], jets["phi"][0]], atol=1e-6)


def test_hits_in_any_order_become_an_image(tmp_path: Path) -> None:
    """Out of order, twice in one pixel, or zero: the image is what their programs would draw."""
    hits = {"EFlowTrack_Eta": [5, 0, 5, 1], "EFlowTrack_Phi": [6, 3, 6, 1], "EFlowTrack_PT": [1.0, 2.0, 0.5, 0.0]}
    path = write(tmp_path / "in.h5", [hits])
    fixes = import_reference(ReferenceInputs([path]), tmp_path / "ours.h5", load())
    assert (fixes.repeated, fixes.zero) == (1, 1)
    with Reader(tmp_path / "ours.h5") as reader:
        tracker = reader.read().tables["tracker"]
    assert tracker["pixel"].tolist() == [3, 5 * 360 + 6]
    assert tracker["value"].tolist() == [2.0, 1.5]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"EFlowTrack_Eta": [340], "EFlowTrack_Phi": [0], "EFlowTrack_PT": [1]}, "index 340, expected 0 to 339"),
        ({"EFlowTrack_Eta": [0.5], "EFlowTrack_Phi": [0], "EFlowTrack_PT": [1]}, "index 0.5 is not a whole number"),
        ({"EFlowTrack_Eta": [np.nan], "EFlowTrack_Phi": [0], "EFlowTrack_PT": [1]}, "index nan"),
        ({"EFlowTrack_Eta": [0], "EFlowTrack_Phi": [0], "EFlowTrack_PT": [-1]}, "a value below 0"),
        ({"EFlowTrack_Eta": [0], "EFlowTrack_PT": [1]}, "`EFlowTrack_Phi` does not have as many hits"),
        ({"labels": [0, 1, 2]}, "not 4 finite values a jet"),
        ({"labels": [3, 1, 2, 100]}, "class: index 3, expected 0 to 2"),
    ],
)
def test_what_the_layout_cannot_hold_is_refused_by_name(
    tmp_path: Path, event: dict[str, list[float]], message: str
) -> None:
    path = write(tmp_path / "in.h5", [event], "float32")
    with pytest.raises(DataError, match=message) as caught:
        import_reference(ReferenceInputs([path]), tmp_path / "ours.h5", load())
    assert str(path) in str(caught.value)
    assert not (tmp_path / "ours.h5").exists()


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    for name, content in {"text.h5": b"no HDF5", "empty.h5": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: not a readable HDF5 file"):
            import_reference(ReferenceInputs([tmp_path / name]), tmp_path / "ours.h5", load())
    path = write(tmp_path / "in.h5", [{}])
    with h5py.File(path, "a") as file:
        del file["labels"]
    with pytest.raises(DataError, match="no `labels`; a file in the PF-Jet-SSD layout has"):
        import_reference(ReferenceInputs([path]), tmp_path / "ours.h5", load())


def test_a_file_that_claims_more_than_it_holds_is_refused_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "in.h5"
    with h5py.File(path, "w") as file:
        for name in [*NAMES, "labels", "baseline"]:
            kind = h5py.vlen_dtype(np.dtype("<f4"))
            file.create_dataset(name, (1 << 38,), kind, chunks=(1 << 20,), compression="gzip")
    with pytest.raises(DataError, match="claims 274877906944 events in 0 bytes"):
        import_reference(ReferenceInputs([path]), tmp_path / "ours.h5", load())


def test_external_storage_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "in.h5", [{}])
    with h5py.File(path, "a") as file:
        del file["labels"]
        file["labels"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(DataError, match="labels` is a link"):
        import_reference(ReferenceInputs([path]), tmp_path / "ours.h5", load())


def test_a_file_without_baseline_imports(tmp_path: Path) -> None:
    path = write(tmp_path / "in.h5", [HIT])
    with h5py.File(path, "a") as file:
        del file["baseline"]
        file["weights"] = [1.0]
    fixes = import_reference(ReferenceInputs([path]), tmp_path / "ours.h5", load())
    assert fixes.unknown == [f"{path}: weights"]
    assert verify(tmp_path / "ours.h5").faults == []


def test_the_commands_say_what_was_left_out(tmp_path: Path) -> None:
    """b and q have no id in their layout: their jets are counted, not silently dropped."""
    ours, theirs = tmp_path / "ours.h5", tmp_path / "theirs.h5"
    root = Path(__file__).parents[2] / "data" / "bb.root"
    convert(RootInputs([root], "bb"), ours, Setup(load(), ImageSettings(truth="status")))
    result = CliRunner().invoke(app, ["export-reference", str(ours), "-o", str(theirs)])
    assert result.exit_code == 0, result.output
    assert "no such class: 4 b" in result.output
    result = CliRunner().invoke(
        app, ["import-reference", str(theirs), "--sample", "bb", "-o", str(tmp_path / "back.h5")]
    )
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(app, ["export-reference", str(ours), "--index-type", "text", "-o", str(theirs)])
    assert result.exit_code == 2


@pytest.mark.parametrize("name", [pytest.param(name, marks=with_shared) for name in FILES])
def test_every_published_kind_of_file_comes_back_bit_by_bit(tmp_path: Path, name: str) -> None:
    assert there_and_back(SHARED / "reference" / f"{name}.h5", tmp_path) == []


@pytest.mark.parametrize("name", [pytest.param(name, marks=with_shared) for name in FILES])
def test_our_conversion_exported_is_what_the_reference_makes(tmp_path: Path, name: str) -> None:
    """The same Delphes file through our pipeline and through theirs.

    Labels are compared as sets: theirs keep the generator's order, ours fall in pt. Scores are compared
    to half a bit below 1, which is what 1 - ratio keeps.
    """
    sample = name.split("_")[0]
    convert(
        RootInputs([SHARED / f"{name}.root"], sample),
        tmp_path / "ours.h5",
        Setup(load(), ImageSettings(truth="status")),
    )
    export_reference([tmp_path / "ours.h5"], tmp_path / "theirs.h5")
    with h5py.File(tmp_path / "theirs.h5") as ours, h5py.File(SHARED / "reference" / f"{name}.h5") as theirs:
        assert {key: (data.shape, data.dtype) for key, data in ours.items()} == {
            key: (data.shape, data.dtype) for key, data in theirs.items()
        }
        assert sum(moved(ours, theirs, channel) for channel in layout.CHANNELS) <= MOVED
        for one, other in zip(ours["labels"], theirs["labels"], strict=True):
            assert sorted(map(tuple, one.reshape(-1, 4))) == sorted(map(tuple, other.reshape(-1, 4)))
        for one, other in zip(ours["baseline"], theirs["baseline"], strict=True):
            one, other = one.reshape(-1, 5), other.reshape(-1, 5)
            np.testing.assert_array_equal(one[:, :4], other[:, :4])
            np.testing.assert_allclose(one[:, 4], other[:, 4], rtol=0, atol=2.0**-24)


def moved(ours: h5py.File, theirs: h5py.File, channel: str) -> int:
    """Pixels that are in one image and not, or with another value, in the other."""
    eta, phi, value = layout.names(channel)
    count = 0
    for event in range(len(ours[eta])):
        one, other = (
            set(zip(file[eta][event].tolist(), file[phi][event].tolist(), file[value][event].tolist(), strict=True))
            for file in (ours, theirs)
        )
        count += len(one ^ other)
    return count


def downloaded(folder: Path) -> Path:
    """A file in their layout with the receipt of its download."""
    folder.mkdir()
    path = write(folder / "in.h5", [HIT | {"labels": [0, 10, 20, 300.5]}])
    known = Receipt(records=["https://zenodo.org/api/records/1"], files={"in.h5": checksums.of(path).md5})
    receipt_file(folder).write_text(known.model_dump_json())
    return path


def test_a_flipped_bit_in_a_downloaded_file_shows_by_the_md5_of_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = downloaded(tmp_path / "record")
    assert import_reference(ReferenceInputs([path]), tmp_path / "ours.h5", load()).unproved == []
    content = bytearray(path.read_bytes())
    content[content.index(np.float32(2.25).tobytes())] ^= 1
    path.write_bytes(content)
    monkeypatch.chdir(path.parent)
    for name in (path, Path("in.h5")):
        with pytest.raises(DataError, match=r"in\.h5: damaged: its md5 is [0-9a-f]{32}, in its record"):
            import_reference(ReferenceInputs([name]), tmp_path / "more.h5", load())
    assert not (tmp_path / "more.h5").exists()


def test_a_file_without_a_receipt_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "in.h5", [HIT])
    done = CliRunner().invoke(app, ["import-reference", str(path), "-o", str(tmp_path / "ours.h5")])
    assert done.exit_code == 0
    assert f"{path}: not from `download`, so no md5 of a record to compare with" in done.output
    receipt_file(tmp_path).write_text("{}")
    with pytest.raises(DataError, match="not the receipt of a download"):
        import_reference(ReferenceInputs([path]), tmp_path / "more.h5", load())
