"""An event file that jetimg 1.1's code composed of single objects is read, verified and sharded: pixels, not steps."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from jetimg.dataset import manifest, plan, shard
from jetimg.dataset.verify import verify
from jetimg.event_file import store
from jetimg.event_file.layout import CHANNELS
from tests.helpers.batches import assert_equal


@pytest.fixture
def old(data: Path) -> Path:
    return data / "format-1.1-composed.h5"


@pytest.fixture
def now(old: Path, tmp_path: Path) -> Path:
    """The same events as they are written today."""
    with store.Reader(old) as reader:
        own = {name: value for name, value in reader.attributes.items() if name not in ("format_version", "complete")}
        with store.create(tmp_path / "now.h5", own) as writer:
            writer.files += reader.files
            writer.append(reader.read())
    return tmp_path / "now.h5"


def test_programs_see_the_pixels_that_it_holds(old: Path) -> None:
    with h5py.File(old) as file, store.Reader(old) as reader:
        assert file.attrs["format_version"] == "1.1"
        batch = reader.read()
        for table in (*CHANNELS, "masks"):
            assert set(file[table]) == set(batch.tables[table])
            np.testing.assert_array_equal(file[table]["pixel"][:], batch.tables[table]["pixel"])
            assert len(batch.tables[table]["pixel"]) > 90


def test_todays_file_has_the_same_events(old: Path, now: Path) -> None:
    with store.Reader(old) as before, store.Reader(now) as after:
        assert (before.attributes["format_version"], after.attributes["format_version"]) == ("1.1", "2.0")
        assert_equal(after.read(), before.read())
        for event in range(before.n_events):
            assert_equal(after.read(event, event + 1), before.read(event, event + 1))


def test_each_event_and_each_mask_is_read_by_itself(old: Path, now: Path) -> None:
    """By h5py and `numpy.cumsum`, as docs/format.md says."""
    with h5py.File(old) as before, h5py.File(now) as after:
        for event in range(before.attrs["n_events"]):
            for table in CHANNELS:
                rows = slice(*after[table]["indptr"][event : event + 2])
                np.testing.assert_array_equal(np.cumsum(after[table]["step"][rows]), before[table]["pixel"][rows])
            rows = slice(*after["masks/indptr"][event : event + 2])
            jets, pixels = after["masks/jet"][rows], before["masks/pixel"][rows]
            assert len(set(jets)) > 1
            for jet in set(jets):
                np.testing.assert_array_equal(np.cumsum(after["masks/step"][rows][jets == jet]), pixels[jets == jet])


def test_it_is_verified_and_sharded(old: Path, tmp_path: Path) -> None:
    assert verify(old).faults == []
    made = plan.make([old], plan.Sharding(events_per_shard=2), [], {})
    for name in made.shards():
        shard.make(made, name, tmp_path / name)
    manifest.make(made, tmp_path)
    assert (verify(tmp_path).faults, manifest.read(tmp_path).format_version) == ([], "2.0")


def test_a_file_of_today_has_no_pixels_and_one_of_1_1_no_steps(old: Path, now: Path) -> None:
    with h5py.File(now, "r+") as file:
        file["ecal/pixel"] = file["ecal/step"][:]
    assert verify(now).faults == [f"{now}: `/ecal/pixel` is not in the layout"]
    with h5py.File(now, "r+") as file:
        file.attrs["format_version"] = "1.1"
    assert verify(now).faults == [
        f"{now}: no `/tracker/pixel`; an event file has tracker, ecal, hcal, jets, baseline, events, files"
    ]
