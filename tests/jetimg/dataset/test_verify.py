"""Each fault that a data set can have is found, by a line of its own."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.dataset.verify import verify
from jetimg.event_file import store
from tests.helpers.batches import attributes, random_batch, write
from tests.helpers.campaigns import campaign, dataset, edit_manifest, events_in, list_again, planned, rewrite


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("verify")
    return dataset(root / "set", planned(campaign(root / "events")))


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "set"))


def test_a_whole_data_set_has_no_faults(whole: Path) -> None:
    done: list[int] = []
    report = verify(whole, done.append)
    assert report.faults == []
    assert (report.n_files, report.n_events) == (len(list(whole.glob("*.h5"))), 98)
    assert sum(done) == 98


def test_a_flipped_byte(folder: Path) -> None:
    path = folder / "train-00001.h5"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (fault, *_) = verify(folder).faults
    assert fault.startswith(f"{path}: its sha256 is ")


def test_a_missing_shard(folder: Path) -> None:
    (folder / "train-00001.h5").unlink()
    assert verify(folder).faults[0] == f"{folder / 'train-00001.h5'}: missing"


def test_an_extra_shard(folder: Path) -> None:
    shutil.copy(folder / "train-00001.h5", folder / "train-00099.h5")
    assert verify(folder).faults == [f"{folder / 'train-00099.h5'}: not in the manifest"]


def test_a_lost_event(folder: Path) -> None:
    path = folder / "train-00000.h5"
    digest, _ = events_in(path)[3]
    rewrite(path, keep=np.delete(np.arange(25), 3))
    (row,) = [row for row in manifest.read(folder).inputs if row.sha256 == digest]
    faults = verify(folder).faults
    assert any(fault == f"{row.name}: {row.entries} events in, {row.entries - 1} out" for fault in faults)
    assert all(fault.startswith(f"{row.name}: ") for fault in faults)


def test_a_duplicated_event(folder: Path) -> None:
    path = folder / "train-00000.h5"
    digest, entry = events_in(path)[3]
    rewrite(path, keep=np.append(np.arange(25), 3))
    name = next(row.name for row in manifest.read(folder).inputs if row.sha256 == digest)
    assert f"{path}: entry {entry} of {name} stands there more than once" in verify(folder).faults


def test_one_event_in_two_splits(folder: Path) -> None:
    """A validation shard written over a training shard: as many lines as events, and what is lost."""
    source, target = folder / "validation-00000.h5", folder / "train-00000.h5"
    shutil.copy(source, target)
    rewrite(target, split="train")
    faults = verify(folder).faults
    assert sum("stands in the data set more than once" in fault for fault in faults) == 10  # the first ten are named
    assert any("events in, " in fault for fault in faults)


def test_a_lost_and_a_duplicated_event_of_one_input(folder: Path) -> None:
    """Counts agree; only the entries tell."""
    path = folder / "train-00000.h5"
    events = events_in(path)
    a, b = next((i, j) for i in range(25) for j in range(25) if i != j and events[i][0] == events[j][0])
    order = np.arange(25)
    order[a] = b
    rewrite(path, keep=order)
    (fault,) = verify(folder).faults
    assert fault.startswith(f"{path}: entry {events[b][1]} of ")
    assert fault.endswith("stands there more than once")


def test_a_test_sample_in_training(folder: Path) -> None:
    edit_manifest(folder, lambda content: content["samples"]["tth"].update(test=False))
    faults = verify(folder).faults
    assert "tth_0.root: events of sample tth in test" in faults


def test_a_training_sample_kept_for_testing(folder: Path) -> None:
    edit_manifest(folder, lambda content: content["samples"]["bb"].update(test=True))
    assert "bb_0.root: events of sample bb in train, validation" in verify(folder).faults


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda content: content["shards"][0].update(split="test"), "its split is not the manifest's"),
        (lambda content: content["shards"][0].update(n_events=15), "its n_events is not the manifest's"),
        (lambda content: content["shards"][0].update(sha256="0" * 64), "its sha256 is"),
        (lambda content: content["shards"][0].update(bytes=5), "bytes"),
        (lambda content: content.update(class_names=["b"]), "its class_names is not the manifest's"),
        (lambda content: content.update(config={}), "its config is not the manifest's"),
        (lambda content: content.update(detector_sha256="1"), "its detector_sha256 is not the manifest's"),
        (lambda content: content["shards"].pop(0), "not in the manifest"),
        (lambda content: content["shards"].append(content["shards"][0]), "more than once"),
        (lambda content: content["inputs"][0].update(entries=31), "31 events in, 30 out"),
        (lambda content: content["inputs"][0]["events"].update(train=1), "in the manifest"),
        (lambda content: content["inputs"].pop(0), "events of inputs that the manifest does not list as good"),
        (lambda content: content["inputs"][0].update(verdict="short"), "does not list as good"),
        (lambda content: content["inputs"][0].update(sha256="2" * 64), "does not list as good"),
        (lambda content: content["inputs"][0].update(sample="WW"), "sample WW"),
        (lambda content: content.update(shards=[]), "30 events in, 0 out"),
        (lambda content: content["inputs"][0].update(sample="tt"), "bb_0.root stand there as sample bb"),
    ],
)
def test_a_tampered_manifest(folder: Path, change: Callable[[dict[str, Any]], object], fault: str) -> None:
    edit_manifest(folder, change)
    assert any(fault in line for line in verify(folder).faults)


def test_a_manifest_that_is_none_is_an_error(folder: Path) -> None:
    (folder / manifest.NAME).write_text("{}")
    with pytest.raises(DataError, match="not a manifest"):
        verify(folder)
    (folder / manifest.NAME).unlink()
    with pytest.raises(DataError, match="not a data set, or not finished"):
        verify(folder)
    with pytest.raises(DataError, match="no such file or folder"):
        verify(folder / "nothing")


def with_change(path: Path, table: str, column: str, change: Callable[[np.ndarray], object]) -> Path:
    batch = random_batch(np.random.default_rng(3), 12, most_hits=9)
    change(batch.tables[table][column])
    return write(path, batch)


def setter(index: Any, value: Any) -> Callable[[np.ndarray], None]:
    def change(rows: np.ndarray) -> None:
        rows[index] = value

    return change


@pytest.mark.parametrize(
    ("table", "column", "change", "fault"),
    [
        ("ecal", "pixel", setter(-1, 122_400), "/ecal: a pixel beyond the image"),
        ("hcal", "pixel", lambda rows: rows.__setitem__(slice(None), rows[::-1].copy()), "/hcal: pixels do not ascend"),
        ("tracker", "value", setter(4, 0.0), "/tracker/value is not finite and above 0"),
        ("tracker", "value", setter(4, -1.0), "/tracker/value is not finite and above 0"),
        ("tracker", "value", setter(4, np.nan), "/tracker/value is not finite and above 0"),
        ("tracker", "value", setter(4, np.inf), "/tracker/value is not finite and above 0"),
        ("jets", "class_id", setter(0, 5), "/jets/class_id beyond class_names"),
        ("baseline", "class_id", setter(0, 5), "/baseline/class_id beyond class_names"),
        ("baseline", "pt", setter(0, np.nan), "/baseline/pt is not finite"),
        ("baseline", "score", setter(0, np.inf), "/baseline/score is not finite"),
        ("jets", "pt", setter(0, np.nan), "/jets/pt is not finite"),
        ("jets", "box", setter((0, 2), np.inf), "/jets/box is not finite"),
        ("jets", "box", setter((0, slice(None)), [10, -1, 56, 45]), "/jets/box is not eta_min < eta_max"),
        ("jets", "box", setter((0, slice(None)), [56, 10, 10, 56]), "/jets/box is not eta_min < eta_max"),
        ("jets", "box", lambda rows: rows.__iadd__([0.5, 0, 0.5, 0]), "/jets/box is not centred on its jet"),
        ("jets", "eta", lambda rows: rows.__iadd__(0.01), "/jets/box is not centred on its jet"),
        ("events", "file", setter(0, 1), "/events/file beyond /files"),
        ("events", "entry", setter(0, 12), "/events/entry beyond the input's entries"),
        ("events", "sample", setter(0, 1), "/events/sample beyond sample_names"),
        ("events", "weight", setter(0, np.nan), "/events/weight is not finite"),
        ("jets", "pt", setter(0, 0.0), "/jets/pt is not above 0"),
        ("jets", "pt", lambda rows: rows.__setitem__(slice(None), np.sort(rows)), "/jets/pt does not fall within"),
        ("jets", "mass", setter(0, -0.5), "/jets/mass is below 0"),
        ("jets", "eta", setter(0, 3.1), "/jets/eta is outside the image"),
        ("jets", "phi", setter(0, 3.2), "/jets/phi is not in [-pi, pi]"),
        ("jets", "contained", setter(0, 1.5), "/jets/contained is neither between 0 and 1"),
        ("jets", "contained", setter(0, np.nan), "/jets/contained is neither between 0 and 1"),
        ("jets", "parton_pt", setter(0, -1), "/jets/parton_pt is not finite and 0 or above"),
        ("jets", "box", lambda rows: rows.__iadd__([22.8, 0, -22.8, 0]), "/jets/box is narrower than a pixel"),
        ("jets", "box", lambda rows: rows.__iadd__([-200, 0, 200, 0]), "/jets/box is narrower than a pixel or wider"),
        ("baseline", "pt", setter(0, -3), "/baseline/pt is not above 0"),
        ("baseline", "mass", setter(0, -3), "/baseline/mass is below 0"),
        ("baseline", "eta", setter(0, -3.1), "/baseline/eta is outside the image"),
        ("events", "met", setter(0, np.nan), "/events/met is neither finite and 0 or above nor -1, unknown"),
        ("events", "rho", setter(0, -2), "/events/rho is neither"),
        ("events", "n_vertices", setter(0, -2), "/events/n_vertices is neither"),
        ("events", "met_phi", setter(0, np.nan), "/events/met_phi is not in [-pi, pi]"),
    ],
)
def test_an_event_file_that_breaks_an_invariant(
    tmp_path: Path, table: str, column: str, change: Callable[[np.ndarray], object], fault: str
) -> None:
    path = with_change(tmp_path / "x.h5", table, column, change)
    faults = verify(path).faults
    assert any(line.startswith(f"{path}: from event 0: {fault}") for line in faults)


@pytest.mark.parametrize("name", ["/jets/secret", "/jets2/pt", "/thing", "/events/indptr"])
def test_data_sets_that_the_layout_does_not_have(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "x.h5", random_batch(np.random.default_rng(3), 2))
    with h5py.File(path, "r+") as file:
        file[name] = np.zeros(3)
    stranger = name if name != "/jets2/pt" else "/jets2"
    assert verify(path).faults == [f"{path}: `{stranger}` is not in the layout"]
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = "2.1"  # which may have more
    assert verify(path).faults == []


def test_extra_columns_are_nobodys_business(tmp_path: Path) -> None:
    path = write(tmp_path / "x.h5", random_batch(np.random.default_rng(3), 2))
    with h5py.File(path, "r+") as file:
        file["/extra/anything"] = np.zeros(3)
    assert verify(path).faults == []


def test_an_entry_twice_in_an_event_file(tmp_path: Path) -> None:
    batch = random_batch(np.random.default_rng(3), 4)
    batch.tables["events"]["entry"][:] = [0, 1, 1, 3]
    path = write(tmp_path / "x.h5", batch)
    assert verify(path).faults == [f"{path}: entry 1 of some.root stands there more than once"]


def test_an_event_file_without_all_events_of_its_input(tmp_path: Path) -> None:
    batch = random_batch(np.random.default_rng(3), 4)
    with store.create(tmp_path / "x.h5", attributes()) as writer:
        writer.append(batch)
        writer.files.append(store.InputFile("some.root", "ab" * 32, 5))
    fault = "4 events of some.root, which has 5 and the verdict ok"
    assert verify(tmp_path / "x.h5").faults == [f"{tmp_path / 'x.h5'}: {fault}"]


def test_a_bad_shard_is_named_and_no_input_accused(folder: Path) -> None:
    """Its events are not counted; what the other shards hold is not called lost."""
    shutil.copy(folder / "train-00001.h5", folder / "train-00000.h5")
    missing = folder / "validation-00000.h5"
    missing.unlink()
    first, second = verify(folder).faults
    assert first.startswith(f"{folder / 'train-00000.h5'}: ")
    assert second == f"{missing}: missing"


def test_a_bad_column_in_a_shard_accuses_no_input(folder: Path) -> None:
    path = folder / "train-00001.h5"
    with store.Reader(path) as reader:
        batch, files, own = reader.read(), reader.files, dict(reader.attributes)
    batch.tables["jets"]["mass"][2] = -1
    with store.create(path, {key: own[key] for key in own if key not in ("n_events", "complete")}) as writer:
        writer.append(batch)
        writer.files += files
    list_again(path)
    assert verify(folder).faults == [f"{path}: from event 0: /jets/mass is below 0"]


def test_an_event_file_by_itself(whole: Path) -> None:
    report = verify(whole / "train-00000.h5")
    assert (report.n_files, report.n_events, report.faults) == (1, 25, [])


def test_steps_do_not_hide_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jetimg.dataset.verify.STEP", 5)
    path = with_change(tmp_path / "x.h5", "tracker", "value", setter(-1, -1.0))
    with store.Reader(path) as reader:
        assert reader.n_events == 12
    (fault,) = verify(path).faults
    assert "from event 10: /tracker/value" in fault or "from event 5: /tracker/value" in fault
