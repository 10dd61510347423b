"""`jetimg.load`, and events as arrays, without torch."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jetimg
from jetimg import load
from jetimg.common.errors import DataError
from jetimg.dataset import manifest
from jetimg.event_file.event import read_event
from jetimg.loader.jet_events import JetEvents
from tests.helpers import made_events
from tests.helpers.made_events import N_ETA, N_PHI


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    """Three files with 7, 150 and 1 events."""
    folder = tmp_path_factory.mktemp("shards")
    return [made_events.write(folder / f"{n}.h5", made_events.events(n, seed=n, most_hits=10)) for n in (7, 150, 1)]


# An event of `files` with hits in all channels.
FULL = 9


@pytest.fixture
def events(files) -> JetEvents:
    return load(files)


def test_arrays_of_an_event_are_those_of_its_file(dataset: Path) -> None:
    events = load(dataset)
    shards = manifest.read(dataset).shards
    assert len(events) == 12
    number = 0
    for shard in shards:
        for place in range(shard.n_events):
            mine, theirs = events[number], read_event(dataset / shard.name, place)
            assert (mine.number, mine.sample, mine.row["entry"]) == (number, theirs.sample, theirs.entry)
            image = mine.dense()
            assert image.shape == (3, 340, 360)
            for channel, (pixel, value) in enumerate(theirs.channels.values()):
                np.testing.assert_array_equal(np.flatnonzero(image[channel]), pixel)
                np.testing.assert_array_equal(image[channel].flat[pixel], value)
            for name in ("pt", "eta", "phi", "mass"):
                np.testing.assert_array_equal(getattr(mine, name), theirs.jets[name])
            np.testing.assert_array_equal(mine.boxes, theirs.jets["box"])
            assert mine.names == [theirs.class_names[label] for label in theirs.jets["class_id"]]
            number += 1


def test_three_forms_of_one_image(events: JetEvents) -> None:
    event = events[FULL]
    image, hits, points = event.dense(), event.sparse(), event.points()
    again = np.zeros_like(image)
    again[tuple(hits.coordinates)] = hits.value
    np.testing.assert_array_equal(again, image)
    assert hits.coordinates.shape == (3, len(points)) == (3, np.count_nonzero(image))
    np.testing.assert_array_equal(points[:, 3], hits.coordinates[0])
    np.testing.assert_array_equal(points[:, 2], hits.value)
    row, column = hits.coordinates[1:]
    np.testing.assert_allclose(points[:, 0], (row - 169.5) * 0.0174, atol=1e-6)
    np.testing.assert_allclose(points[:, 1], np.radians(column - 179.5), atol=1e-6)


def test_the_axis_of_a_jet_lies_at_the_centre_of_its_box(dataset: Path) -> None:
    """x = phi and y = eta: with the axes exchanged, every framework would draw the boxes elsewhere."""
    n_jets = 0
    for event in load(dataset):
        target = event.target("cxcywh", "pad")
        np.testing.assert_allclose((target["boxes"][:, 1] - 170) * 0.0174, event.eta, atol=0.2)
        phi = np.radians(target["boxes"][:, 0] - 180)
        np.testing.assert_allclose(np.cos(phi - event.phi), 1, atol=1e-6)
        n_jets += len(event.pt)
    assert n_jets > 10


def test_an_image_is_continued_by_its_own_first_columns(events: JetEvents) -> None:
    event = events[FULL]
    image, padded = event.dense("log"), event.dense("log", pad=46)
    np.testing.assert_array_equal(padded, np.pad(image, ((0, 0), (0, 0), (0, 46)), mode="wrap"))
    hits = event.sparse("log", pad=46)
    again = np.zeros_like(padded)
    again[tuple(hits.coordinates)] = hits.value
    np.testing.assert_array_equal(again, padded)
    points = event.points(pad=N_PHI)
    once = event.points()
    np.testing.assert_array_equal(points[: len(once)], once)
    np.testing.assert_allclose(points[len(once) :, 1], once[:, 1] + 2 * np.pi, rtol=1e-6)
    with pytest.raises(ValueError, match="pad 361: 0 to 360 columns"):
        event.dense(pad=N_PHI + 1)


@pytest.mark.parametrize("normalisation", ["log", "max", "channel", "image"])
def test_normalised_images(events: JetEvents, normalisation) -> None:
    image = events[FULL].dense().astype(np.float64)
    if normalisation == "log":
        expected = np.log1p(image)
    elif normalisation == "max":
        expected = image / image.max((1, 2), keepdims=True)
    else:
        axes = (1, 2) if normalisation == "channel" else (0, 1, 2)
        expected = (image - image.mean(axes, keepdims=True)) / image.std(axes, keepdims=True)
    np.testing.assert_allclose(events[FULL].dense(normalisation), expected, rtol=1e-5, atol=1e-5)


def test_hits_alone_are_no_standardised_image(events: JetEvents) -> None:
    with pytest.raises(ValueError, match="normalisation 'channel': one of raw, log, max"):
        events[0].sparse("channel")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="normalisation 'z-score': one of channel, image, max, log, raw"):
        events[0].dense("z-score")  # type: ignore[arg-type]


def numbers(events: JetEvents) -> list[int]:
    """By iteration, which has to agree with indexing."""
    found = [event.number for event in events]
    assert found == [events[place].number for place in range(len(events))]
    return found


def test_indices_slices_and_choices(events: JetEvents) -> None:
    everything = list(range(158))
    assert numbers(events) == everything
    for chosen in (slice(3), slice(5, 9), slice(None, None, -1), slice(2, 150, 7), slice(50, 20), slice(-2, None)):
        assert numbers(events[chosen]) == everything[chosen]
    assert numbers(events[5:100][::-1][:3]) == [99, 98, 97]
    assert events[-1].number == 157
    assert numbers(events.select([4, 4, 157, 0])) == [4, 4, 157, 0]
    assert numbers(events.select([])) == []
    assert numbers(events.select(np.arange(158) % 50 == 0)) == [0, 50, 100, 150]
    for wrong in (158, -159):
        with pytest.raises(IndexError, match=f"event {wrong} of 158"):
            events[wrong]
    with pytest.raises(IndexError):
        events.select([158])


def test_an_event_is_the_same_whichever_way_it_is_read(events: JetEvents) -> None:
    for number, event in enumerate(events):
        other = events[number]
        np.testing.assert_array_equal(event.pixel, other.pixel)
        np.testing.assert_array_equal(event.value, other.value)
        np.testing.assert_array_equal(event.boxes, other.boxes)


def test_what_stays_in_memory_is_bounded(files, monkeypatch) -> None:
    events = load(files, cache_bytes=20_000)
    reads = []
    read = events._files.read
    monkeypatch.setattr(events._files, "read", lambda start, stop: reads.append(start) or read(start, stop))
    for number in (0, 1, 6, 7, 8, 70):
        _ = events[number]
    assert reads == [0, 7]  # blocks end with their file
    for number in range(158):
        _ = events[number]
    assert len(events._blocks.kept) < 4
    assert events._blocks.used <= 20_000
    kept = next(iter(events._blocks.kept.values()))[1]
    assert not np.shares_memory(events[157].value, kept.tables["ecal"]["value"])


def test_jets_of_all_events_without_their_images(events: JetEvents) -> None:
    chosen = events.select([100, 3, 157])
    jets = chosen.jets()
    for name in ("pt", "box", "class_id"):
        np.testing.assert_array_equal(jets[name], np.concatenate([event.jets[name] for event in chosen]))
    assert jets["event"].tolist() == [place for place, event in enumerate(chosen) for _ in event.pt]


def test_events_of_some_samples(dataset: Path) -> None:
    events = load(dataset)
    assert [event.sample for event in events.of_samples("tt", "bb")] == [
        name for name in events.samples().tolist() if name in ("tt", "bb")
    ]
    assert len(events.of_samples("tt")) == 2
    with pytest.raises(ValueError, match="no sample zz; there are "):
        events.of_samples("zz")


def test_a_used_collection_travels_to_another_process(events: JetEvents) -> None:
    _ = events[0]
    data = pickle.dumps(events[3:9])
    assert len(data) < 10_000
    np.testing.assert_array_equal(pickle.loads(data)[0].pixel, events[3].pixel)


def test_what_can_be_loaded(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = manifest.read(dataset).shards
    train = [dataset / shard.name for shard in shards if shard.split == "train"]
    n_train = sum(shard.n_events for shard in shards if shard.split == "train")
    for source in (dataset, str(dataset), [str(path) for path in dataset.glob("*.h5")], f"{dataset}/*.h5"):
        assert len(load(source, split="train")) == n_train
    assert len(load(train[0])) == len(load(str(train[0]))) == next(s.n_events for s in shards if s.split == "train")
    monkeypatch.chdir(dataset.parent)
    assert len(load("dataset")) == 12
    assert repr(load(dataset, "test")).endswith("classes b, t, H, V, q>")


def test_what_cannot_be_loaded(dataset: Path, files, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no heldout events; it has (train|validation|test), "):
        load(dataset, "heldout")
    with pytest.raises(ValueError, match="split 'training': one of train, validation, test, heldout"):
        load(dataset, "training")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"no manifest\.json: not a data set"):
        load(tmp_path)
    with pytest.raises(DataError, match=r"nowhere\.h5: not a readable HDF5 file"):
        load(tmp_path / "nowhere.h5")
    with pytest.raises(DataError, match=r"\*\.h5: matches no file"):
        load(str(tmp_path / "*.h5"))
    with pytest.raises(DataError, match="no test events in 3 files: they have train"):
        load(files, "test")
    with pytest.raises(DataError, match="a folder in a list of files"):
        load([dataset, dataset])
    with pytest.raises(DataError, match="no event files"):
        load([])


def test_reading_needs_neither_torch_nor_our_other_packages(files, tmp_path: Path) -> None:
    for name in ("torch", "detector", "models", "workflow", "matplotlib"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name} was imported')\n")
    code = (
        f"from jetimg import load; events = load({str(files[0])!r}); print(len(events), events[0].dense().shape)\n"
        "print(sum(len(event.target()['boxes']) for event in events))"
    )
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(jetimg.__file__).parents[1]}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"7 (3, {N_ETA}, {N_PHI})")
