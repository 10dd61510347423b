"""An event file that jetimg 1.0's code made of tests/data/tt.root is read, verified and sharded."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from detector import load
from jetimg.common.errors import DataError
from jetimg.dataset import manifest, plan, shard
from jetimg.dataset.verify import verify
from jetimg.event_file.layout import TABLES
from jetimg.event_file.store import Reader
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings


@pytest.fixture
def old(data: Path) -> Path:
    return data / "format-1.0-tt.h5"


def test_it_is_of_version_1_0(old: Path) -> None:
    """Lists as JSON texts, no column that came later."""
    with h5py.File(old) as file:
        assert file.attrs["format_version"] == "1.0"
        assert file.attrs["class_names"] == '["b", "t", "H", "V", "q"]'
        assert "phi_pitch" not in file.attrs
        assert "met" not in file["events"]


def test_what_it_says_is_what_is_made_today(old: Path, data: Path, tmp_path: Path) -> None:
    settings = ImageSettings(truth="status")
    convert(DelphesInputs([data / "tt.root"], "tt"), tmp_path / "now.h5", Setup(load(), settings))
    with Reader(old) as before, Reader(tmp_path / "now.h5") as now:
        for table, columns in before.read().tables.items():
            for name, rows in columns.items():
                if name not in TABLES[table] or not TABLES[table][name].since:
                    np.testing.assert_array_equal(rows, now.read().tables[table][name], err_msg=f"{table}/{name}")
                else:
                    assert set(rows.tolist()) <= {TABLES[table][name].default}
        for key in ("class_names", "sample_names", "channels", "image_shape", "eta_pitch", "phi_pitch"):
            assert before.attributes[key] == now.attributes[key]


def test_it_is_verified_and_sharded(old: Path, tmp_path: Path) -> None:
    assert verify(old).faults == []
    made = plan.make([old], plan.Sharding(events_per_shard=1), ["tt"], {})
    for name in made.shards():
        shard.make(made, name, tmp_path / name)
    manifest.make(made, tmp_path)
    report = verify(tmp_path)
    assert (report.faults, report.n_files, report.n_events) == ([], 2, 2)
    with Reader(tmp_path / "test-00000.h5") as reader:
        assert reader.attributes["class_names"] == ["b", "t", "H", "V", "q"]
        assert reader.read().tables["events"]["n_vertices"].tolist() == [-1]


def test_a_file_of_today_may_not_lack_what_came_later(old: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(old.read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = "1.1"
    with pytest.raises(DataError, match="attribute `phi_pitch` is missing"):
        Reader(path)
    with h5py.File(path, "r+") as file:
        file.attrs["phi_pitch"] = np.pi / 180
    with pytest.raises(DataError, match="no `/jets/parton_pt`"):
        Reader(path)


@pytest.mark.parametrize("shape", ["[340]", "[340, 0]", '["a", "b"]', "{}"])
def test_a_shape_from_which_no_pitch_follows(old: Path, tmp_path: Path, shape: str) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(old.read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["image_shape"] = shape
    with pytest.raises(DataError, match="image_shape"):
        Reader(path)
