"""Files of detections: the same detections back from HDF5, Parquet and ROOT; damaged ones refused."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import uproot

from jetimg.common.errors import DataError
from jetimg.detections import hdf5
from jetimg.detections.layout import CORNERS
from jetimg.detections.table import DetectionTable, concatenate
from jetimg.detections.write import create, is_one
from jetimg.event_file.store import InputFile
from tests.helpers.detections import ABOUT, made_up

PARTS = (made_up([2, 0, 3]), made_up([0, 0], 2), made_up([1], 3))
INPUTS = (
    InputFile("a.root", "11" * 32, 3),
    InputFile("bad.root", "", 7, "truncated", "cut off"),
    InputFile("empty.root", "22" * 32, 2),
    InputFile("c.root", "33" * 32, 1),
)
WHOLE = concatenate(PARTS)


def write(path: Path) -> Path:
    with create(path, ABOUT) as writer:
        for source, found in zip(INPUTS, (PARTS[0], DetectionTable.empty(), *PARTS[1:]), strict=True):
            writer.add(source, found)
    return path


def assert_same(one: DetectionTable, two: DetectionTable) -> None:
    for name, column in vars(one).items():
        np.testing.assert_array_equal(column, getattr(two, name), err_msg=name)


@pytest.mark.parametrize("suffix", [".H5", ".Parquet", ".ROOT"])
def test_capital_letters_in_a_suffix_are_no_other_format(suffix: str, tmp_path: Path) -> None:
    assert is_one(write(tmp_path / f"found{suffix}"))


def test_hdf5_gives_back_what_was_written(tmp_path: Path) -> None:
    path = write(tmp_path / "found.h5")
    with hdf5.Reader(path) as reader:
        assert (reader.about, reader.inputs, reader.n_events) == (ABOUT, INPUTS, 6)
        assert_same(reader.read(), WHOLE)
        later = {name: getattr(WHOLE, name)[2:] for name in hdf5.COLUMNS}
        assert_same(reader.read(2, 6), DetectionTable.of(np.array([3, 0, 0, 1]), **later))
    assert path.read_bytes() == write(tmp_path / "again.h5").read_bytes()
    # Plain h5py is enough.
    with h5py.File(path) as file:
        rows = slice(*file["detections/indptr"][2:4])
        np.testing.assert_array_equal(file["detections/pt"][rows], WHOLE[2].pt)
        assert list(file.attrs["class_names"]) == list(ABOUT.class_names)


def test_parquet_is_one_row_a_detection(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    path = write(tmp_path / "found.parquet")
    rows = parquet.read_table(path).to_pydict()
    assert rows["event"] == [0, 0, 2, 2, 2, 5]
    assert rows["entry"] == [0, 0, 2, 2, 2, 0]
    assert rows["file"] == ["a.root"] * 5 + ["c.root"]
    assert rows["class_name"] == [ABOUT.class_names[k] for k in WHOLE.class_id]
    np.testing.assert_array_equal(np.array(rows["pt"], np.float32), WHOLE.pt)
    np.testing.assert_array_equal(np.stack([rows[name] for name in CORNERS], axis=1), WHOLE.box)
    about = json.loads(parquet.read_metadata(path).metadata[b"jetimg"])
    assert about["n_events"] == 6
    assert [row["verdict"] for row in about["inputs"]] == ["ok", "truncated", "ok", "ok"]


def test_root_is_one_entry_an_event(tmp_path: Path) -> None:
    with uproot.open(write(tmp_path / "found.root")) as file:
        arrays = file["detections"].arrays()
        assert json.loads(file["about"])["class_names"] == list(ABOUT.class_names)
    assert arrays["njet"].tolist() == [2, 0, 3, 0, 0, 1]
    assert arrays["event"].tolist() == list(range(6))
    assert arrays["file"].tolist() == [0, 0, 0, 2, 2, 3]
    assert arrays["entry"].tolist() == [0, 1, 2, 0, 1, 0]
    np.testing.assert_array_equal(np.concatenate([np.asarray(row) for row in arrays["jet_pt"]]), WHOLE.pt)
    np.testing.assert_array_equal(np.concatenate([np.asarray(row) for row in arrays["jet_phi_max"]]), WHOLE.box[:, 3])


def fail(path: Path) -> None:
    with create(path, ABOUT) as writer:
        writer.add(INPUTS[0], PARTS[0])
        raise RuntimeError


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    for name in ("found.h5", "found.parquet", "found.root"):
        with pytest.raises(RuntimeError):
            fail(tmp_path / name)
    with pytest.raises(ValueError, match=r"\.h5, \.hdf5, \.parquet, \.root, not \.csv"):
        write(tmp_path / "found.csv")
    assert list(tmp_path.iterdir()) == []


def test_events_of_a_table() -> None:
    assert [len(event.pt) for event in WHOLE] == [2, 0, 3, 0, 0, 1]
    assert_same(WHOLE.take(np.isfinite(WHOLE.pt)), WHOLE.take(np.isfinite(WHOLE.pt)))
    left = WHOLE.take(WHOLE.event == 2)
    assert np.diff(left.indptr).tolist() == [0, 0, 3, 0, 0, 0]
    np.testing.assert_array_equal(left[2].score, WHOLE[-4].score)
    with pytest.raises(IndexError):
        WHOLE[6]
    with pytest.raises(ValueError, match="2 detections by their counts"):
        DetectionTable.of(np.array([2]), **{name: getattr(WHOLE, name) for name in hdf5.COLUMNS})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.attrs.__setitem__("format", "jetimg"), "expected detections"),
        (lambda file: file.attrs.__setitem__("format_version", "2.0"), "expected detections"),
        (lambda file: file.attrs.__delitem__("complete"), "not complete"),
        (lambda file: file.attrs.__setitem__("eta_pitch", 0.0), "eta_pitch"),
        (lambda file: file.attrs.__setitem__("image_shape", [3]), "image_shape"),
        (lambda file: file.attrs.__setitem__("class_names", "b"), "class_names"),
        (lambda file: file["detections"].__delitem__("pt"), "no /detections/pt"),
        (lambda file: file.__delitem__("files"), "no group /files"),
        (lambda file: file["detections/indptr"].__setitem__(2, 9), "does not rise"),
        (lambda file: file["detections/class_id"].__setitem__(0, 5), "beyond the 5 class_names"),
        (lambda file: file["detections/indptr"].__setitem__(6, 2**40), "expected uint8"),
        (lambda file: file["detections"].__setitem__("pt2", h5py.SoftLink("/detections/pt")), "is a link"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, change, message: str) -> None:
    path = write(tmp_path / "found.h5")
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(DataError, match=message), hdf5.Reader(path) as reader:
        reader.read()


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("no HDF5")
    for path in (tmp_path / "text.h5", tmp_path / "missing.h5"):
        with pytest.raises(DataError, match=f"{path.name}: not a readable HDF5 file"):
            hdf5.Reader(path)


def test_the_room_needs_no_torch() -> None:
    text = "import sys, jetimg.detections.write as _; assert not {'torch', 'models'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", text], check=True, cwd=Path(__file__).parents[3])
