import pickle
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

import jetimg
from jetimg.common.errors import DataError
from jetimg.loader.augment import Augmentation
from jetimg.loader.normalise import PT_UNIT
from jetimg.loader.sparse import SparseBatch
from jetimg.loader.torch_dataset import JetImages, dense
from tests.helpers import made_events
from tests.helpers.made_events import N_ETA, N_PHI


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    """Three files with 7, 30 and 1 events."""
    folder = tmp_path_factory.mktemp("shards")
    return [made_events.write(folder / f"{n}.h5", made_events.events(n, seed=n, most_hits=10)) for n in (7, 30, 1)]


def numbers(batches) -> list[int]:
    return [int(number) for batch in batches for number in batch.event]


def in_image(batch: SparseBatch, image: int) -> np.ndarray:
    """An image the slow way: one hit at a time."""
    pixels = np.zeros((3, N_ETA * N_PHI), np.float32)
    stop = np.cumsum(batch.counts.ravel()).reshape(batch.counts.shape)
    for channel in range(3):
        last = stop[channel, image]
        for hit in range(last - batch.counts[channel, image], last):
            pixels[channel, batch.pixel[hit]] = batch.value[hit]
    return pixels.reshape(3, N_ETA, N_PHI)


def test_the_package_does_not_need_torch_until_images_are_asked_for() -> None:
    code = "import sys, jetimg; assert 'torch' not in sys.modules; jetimg.JetImages; assert 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert jetimg.JetImages is JetImages
    with pytest.raises(AttributeError, match="no attribute"):
        _ = jetimg.nothing


@settings(max_examples=12)
@given(
    world_size=st.integers(1, 4),
    batch_size=st.integers(1, 9),
    block=st.integers(1, 20),
    window=st.integers(1, 25),
    epoch=st.integers(0, 3),
    shuffle=st.booleans(),
)
def test_every_event_comes_once_an_epoch_over_all_ranks(
    files, world_size, batch_size, block, window, epoch, shuffle
) -> None:
    seen: list[int] = []
    for rank in range(world_size):
        images = JetImages(
            files, batch_size, shuffle=shuffle, rank=rank, world_size=world_size, block=block, window=window
        )
        images.set_epoch(epoch)
        batches = list(images)
        assert len(batches) == len(images)
        assert all(len(batch) <= batch_size for batch in batches)
        seen += numbers(batches)
    assert sorted(seen) == list(range(38))
    assert shuffle or seen == list(range(38))


@pytest.mark.parametrize("workers", [1, 2])
def test_every_event_comes_once_over_workers_and_the_batches_stay_the_same(files, workers) -> None:
    images = JetImages(files, 4, shuffle=True, augmentation=Augmentation(), block=5, window=8)
    alone = {tuple(batch.event): batch for batch in images}
    loaded = list(DataLoader(images, batch_size=None, num_workers=workers, multiprocessing_context="fork"))
    assert sorted(numbers(loaded)) == list(range(38))
    for batch in loaded:
        np.testing.assert_array_equal(batch.pixel, alone[tuple(batch.event)].pixel)


@pytest.mark.parametrize("threads", [1, 2, 9])
def test_threads_change_nothing_at_all(files, threads) -> None:
    """Not the order either."""
    order = {"shuffle": True, "augmentation": Augmentation(), "block": 5, "window": 8}
    alone, ahead = (JetImages(files, 4, **order, threads=n) for n in (0, threads))
    for epoch in range(2):
        alone.set_epoch(epoch)
        ahead.set_epoch(epoch)
        for batch, expected in zip(pickle.loads(pickle.dumps(ahead)), alone, strict=True):
            for name in ("event", "counts", "pixel", "value", "box"):
                np.testing.assert_array_equal(getattr(batch, name), getattr(expected, name))


def test_threads_end_with_the_one_who_asks(files) -> None:
    images = iter(JetImages(files, 4, window=4, threads=2))
    next(images)
    images.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("read-ahead")]


def test_a_damaged_file_is_told_by_the_thread_that_reads_it(files, tmp_path) -> None:
    damaged = tmp_path / "damaged.h5"
    shutil.copy(files[1], damaged)
    with h5py.File(damaged, "r+") as file:
        file["ecal/value"][-1] = np.nan
    images = JetImages([files[0], damaged], 4, window=4, threads=2)
    with pytest.raises(DataError, match=r"damaged.h5: /ecal/value is not finite"):
        list(images)


def test_order_follows_from_seed_and_epoch(files) -> None:
    images, other = JetImages(files, shuffle=True, block=3), JetImages(files, shuffle=True, block=3, seed=1)
    first = numbers(images)
    assert numbers(images) == first != numbers(other)
    images.set_epoch(1)
    assert numbers(images) != first


def test_events_are_those_of_the_files(files) -> None:
    images = JetImages(files, 38)
    (batch,) = images
    for number in (0, 6, 7, 36, 37, -1):
        one, place = images[number], number % 38
        np.testing.assert_array_equal(in_image(one, 0), in_image(batch, place))
        np.testing.assert_array_equal(one.boxes()[0], batch.boxes()[place])
    across = images.read(5, 9)
    assert list(across.event) == [5, 6, 7, 8]
    with pytest.raises(IndexError, match="event 38 of 38"):
        images[38]


def test_a_used_data_set_travels_to_another_process(files) -> None:
    images = JetImages(files)
    _ = images[0]
    copy = pickle.loads(pickle.dumps(images))
    np.testing.assert_array_equal(copy[0].pixel, images[0].pixel)


def test_files_that_do_not_belong_together_are_refused(files, tmp_path) -> None:
    other = made_events.write(tmp_path / "other.h5", made_events.events(2, seed=1), class_names=["b"])
    with pytest.raises(DataError, match=r"other\.h5: classes"):
        JetImages([*files, other])
    with pytest.raises(DataError, match="no event files"):
        JetImages([])
    with pytest.raises(ValueError, match="rank 1 of 1"):
        JetImages(files, rank=1)


@pytest.mark.parametrize("normalisation", ["raw", "log", "max", "channel", "image"])
def test_dense_images_are_the_scattered_hits(normalisation) -> None:
    batch = made_events.sparse(5, seed=3)
    pixels, scale = dense(batch, "cpu", normalisation, torch.full((8, 3, N_ETA, N_PHI), 7.0))
    again, _ = dense(batch, "cpu", normalisation)
    assert torch.equal(pixels, again)
    for image in range(5):
        x = in_image(batch, image).astype(np.float64)
        axes = {"channel": (1, 2), "image": (0, 1, 2)}.get(normalisation)
        if axes:
            expected = (x - x.mean(axes, keepdims=True)) / x.std(axes, keepdims=True)
        elif normalisation == "max":
            expected = x / x.max((1, 2), keepdims=True)
        else:
            expected = np.log1p(x) if normalisation == "log" else x
        np.testing.assert_allclose(pixels[image].numpy(), expected, rtol=1e-5, atol=1e-5)
        assert scale[image] == (PT_UNIT if normalisation in ("raw", "log") else np.float32(x.max()))


@given(st.lists(st.integers(0, 6), max_size=9))
def test_chosen_events_are_those_put_in_order_before(chosen: list[int]) -> None:
    events, places = made_events.events(7, seed=3, most_hits=10), np.array(chosen, np.int64)
    found = SparseBatch.of(events, places, (N_ETA, N_PHI), places)
    expected = SparseBatch.of(events.take(places), places, (N_ETA, N_PHI))
    for name, value in vars(found).items():
        np.testing.assert_array_equal(value, getattr(expected, name))
    assert [len(boxes) for boxes in found.boxes()][: len(chosen)] == found.jet_counts.tolist()
    for image, event in enumerate(chosen):
        x = np.zeros(N_ETA * N_PHI, np.float32)
        rows = slice(*events.tables["ecal"]["indptr"][event : event + 2])
        x[events.tables["ecal"]["pixel"][rows]] = events.tables["ecal"]["value"][rows]
        np.testing.assert_array_equal(in_image(found, image)[1].ravel(), x)


def test_counts_may_be_a_part_of_a_larger_array() -> None:
    batch = made_events.sparse(5, seed=3)
    wide = np.zeros((3, 10), np.int64)
    wide[:, ::2] = batch.counts
    assert torch.equal(dense(replace(batch, counts=wide[:, ::2])).pixels, dense(batch).pixels)


def test_hits_that_would_be_written_elsewhere_are_refused() -> None:
    batch = made_events.sparse(5, seed=3)
    beyond = batch.pixel.copy()
    beyond[1] = N_ETA * N_PHI
    with pytest.raises(ValueError, match=f"an image has {N_ETA * N_PHI}"):
        dense(replace(batch, pixel=beyond))
    with pytest.raises(ValueError, match="the counts say"):
        dense(replace(batch, counts=batch.counts + 1))


@pytest.mark.parametrize("normalisation", ["raw", "max", "channel", "image"])
def test_an_image_without_hits_is_finite(normalisation) -> None:
    pixels, scale = dense(made_events.sparse(2, seed=0, most_hits=0), "cpu", normalisation)
    assert torch.equal(pixels, torch.zeros(2, 3, N_ETA, N_PHI))
    assert (scale > 0).all()


def test_truth_is_padded() -> None:
    batch = made_events.sparse(6, seed=5)
    truth = batch.truth()
    for image, boxes in enumerate(batch.boxes()):
        n = len(boxes)
        np.testing.assert_array_equal(truth.box[image, :n], boxes)
        assert (truth.class_id[image, :n] >= 0).all()
        assert (truth.class_id[image, n:] == -1).all()
        assert not truth.box[image, n:].any()
    assert made_events.sparse(2, seed=0, most_jets=0).truth().box.shape == (2, 0, 4)


@pytest.mark.parametrize(
    ("table", "column", "value", "reason"),
    [
        ("ecal", "pixel", N_ETA * N_PHI, r"/ecal: pixel 122400 beyond the image's 340 x 360"),
        ("hcal", "value", np.nan, "/hcal/value is not finite and above 0"),
        ("tracker", "value", np.inf, "/tracker/value is not finite and above 0"),
        ("tracker", "value", -1.0, "/tracker/value is not finite and above 0"),
        ("jets", "class_id", 5, "/jets/class_id 5 beyond the 5 classes"),
        ("jets", "box", np.nan, "/jets/box is not finite"),
        ("jets", "pt", np.inf, "/jets/pt is not finite"),
        ("jets", "phi", np.nan, "/jets/phi is not finite"),
        ("jets", "mass", np.inf, "/jets/mass is not finite"),
        ("events", "weight", np.nan, "/events/weight is not finite"),
    ],
)
def test_what_would_spoil_an_image_is_refused(
    tmp_path: Path, table: str, column: str, value: float, reason: str
) -> None:
    """A pixel beyond an image lies in the next one: once it was written there."""
    events = made_events.events(6, seed=3)
    events.tables[table][column][-1] = value
    path = made_events.write(tmp_path / "x.h5", events)
    with pytest.raises(DataError, match=reason) as caught:
        list(JetImages([path], batch_size=2))
    assert str(caught.value).startswith(f"{path}: ")


def test_an_event_with_more_hits_than_pixels_is_refused(tmp_path: Path) -> None:
    events = made_events.events(3, seed=3)
    n = N_ETA * N_PHI + 1
    events.tables["ecal"] = {
        "indptr": np.array([0, n, n, n]),
        "pixel": np.zeros(n, np.uint32),
        "value": np.ones(n, np.float32),
    }
    path = made_events.write(tmp_path / "x.h5", events)
    with pytest.raises(DataError, match="event 0 has 122401 rows of /ecal, at most 122400"):
        JetImages([path]).read(0, 1)
