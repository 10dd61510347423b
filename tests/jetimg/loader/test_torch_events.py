"""Events for a plain DataLoader, and the code of others that takes them."""

import pickle

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from jetimg import load
from jetimg.loader.jet_events import JetEvents
from jetimg.loader.torch_events import BlockSampler, TorchEvents
from tests.helpers import made_events
from tests.helpers.made_events import BOX, CLASSES, N_ETA, N_PHI


@pytest.fixture(scope="module")
def events(tmp_path_factory) -> JetEvents:
    folder = tmp_path_factory.mktemp("shards")
    return load([made_events.write(folder / f"{n}.h5", made_events.events(n, seed=n)) for n in (12, 9)])


def like_torchvision(images: list[Tensor], targets: list[dict[str, Tensor]], n_labels: int) -> float:
    """What torchvision's detectors ask of their input in training mode, and a step of arithmetic on all of it."""
    assert len(images) == len(targets)
    sum_of_areas = torch.zeros(())
    for image, target in zip(images, targets, strict=True):
        assert isinstance(image, Tensor)
        assert image.dim() == 3
        boxes, labels = target["boxes"], target["labels"]
        assert isinstance(boxes, Tensor)
        assert boxes.dim() == 2
        assert boxes.shape[-1] == 4
        assert boxes.dtype == torch.float32
        assert not (boxes[:, 2:] <= boxes[:, :2]).any(), "degenerate"
        height, width = image.shape[-2:]
        assert (boxes >= 0).all()
        assert (boxes <= torch.tensor([width, height, width, height])).all()
        assert labels.dtype == torch.int64
        assert labels.shape == (len(boxes),)
        assert ((labels >= 1) & (labels < n_labels)).all()
        sum_of_areas += ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sum()
    return float(sum_of_areas)


@pytest.mark.parametrize("seam", ["cut", "clip", "pad"])
def test_a_torchvision_like_training_step(events: JetEvents, seam) -> None:
    data = events.to_torch(seam=seam)
    assert data.class_names == ("background", *CLASSES)
    area = 0.0
    for images, targets in DataLoader(data, batch_size=4, collate_fn=data.collate):
        assert images.shape[1:] == data.shape == (3, N_ETA, N_PHI + (BOX if seam == "pad" else 0))
        area += like_torchvision(list(images), targets, len(data.class_names))
    whole = [event.target(seam="pad")["boxes"] for event in events]
    expected = sum(float(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1).sum()) for boxes in whole)
    assert area == pytest.approx(expected, rel=1e-3) if seam != "clip" else area < expected


@pytest.mark.parametrize("seam", ["cut", "pad"])
def test_items_are_the_arrays_of_the_events(events: JetEvents, seam) -> None:
    pad = 46 if seam == "pad" else 0
    for sample in ("dense", "sparse", "points"):
        data = events.to_torch(sample, "xywh", seam, normalisation="log", background=False)
        assert data.class_names == tuple(CLASSES)
        for event, (image, target) in zip(events, (data[place] for place in range(len(data))), strict=True):
            expected = event.points("log", pad) if sample == "points" else event.dense("log", pad)
            np.testing.assert_array_equal(image.to_dense() if image.is_sparse else image, expected)
            for name, column in event.target("xywh", seam, background=False).items():
                assert target[name].numpy().dtype == column.dtype
                np.testing.assert_array_equal(target[name], column)


def test_a_label_names_its_class(events: JetEvents) -> None:
    with_background, without = events.to_torch(), events.to_torch(background=False)
    for place in range(len(events)):
        names = [CLASSES[label] for label in events[place].target(background=False)["labels"]]
        assert [with_background.class_names[label] for label in with_background[place][1]["labels"]] == names
        assert [without.class_names[label] for label in without[place][1]["labels"]] == names


@pytest.mark.parametrize(("sample", "size"), [("dense", (3, N_ETA, N_PHI)), ("points", (50, 4))])
def test_of_fixed_sizes_the_default_collate_function_makes_batches(events: JetEvents, sample, size) -> None:
    data = events.to_torch(sample, max_jets=3, max_hits=50 if sample == "points" else None)
    images, targets = next(iter(DataLoader(data, batch_size=8)))
    assert images.shape == (8, *size)
    assert targets["boxes"].shape == (8, 3, 4)
    for place in range(8):
        own = events[place].target()
        n = min(len(own["labels"]), 3)
        np.testing.assert_array_equal(targets["boxes"][place, :n], own["boxes"][:n])
        assert (targets["labels"][place, :n] > 0).all()
        assert (targets["labels"][place, n:] == 0).all()
        assert (targets["jet"][place, n:] == -1).all()
        assert not targets["boxes"][place, n:].any()
    assert (events.to_torch(max_jets=9, background=False)[0][1]["labels"][-1:] == -1).all()


def test_of_too_many_points_the_strongest_stay(events: JetEvents) -> None:
    all_points = events[0].points()
    few, _ = events.to_torch("points", max_hits=5)[0]
    strongest = np.sort(np.argsort(-all_points[:, 2], kind="stable")[:5])
    np.testing.assert_array_equal(few, all_points[strongest])


def test_points_of_a_batch_are_padded_with_zeros(events: JetEvents) -> None:
    data = events.to_torch("points")
    points, _ = next(iter(DataLoader(data, batch_size=6, collate_fn=data.collate)))
    counts = [len(events[place].value) for place in range(6)]
    assert points.shape == (6, max(counts), 4)
    assert (points[..., 2] > 0).sum(1).tolist() == counts


@pytest.mark.parametrize("sample", ["dense", "sparse", "points"])
def test_workers_give_the_same(events: JetEvents, sample) -> None:
    _ = events[0]  # opened here, before the workers start
    data = events.to_torch(sample)
    alone = DataLoader(data, batch_size=5, collate_fn=data.collate)
    workers = DataLoader(data, batch_size=5, collate_fn=data.collate, num_workers=1, multiprocessing_context="fork")
    n_items = 0
    for (images, targets), expected in zip(workers, alone, strict=True):
        n_items += len(targets)
        assert torch.equal(images.to_dense(), expected.images.to_dense())
        assert all(torch.equal(a["boxes"], b["boxes"]) for a, b in zip(targets, expected.targets, strict=True))
    assert n_items == len(events)


def test_a_batch_moves_to_a_device_whole(events: JetEvents) -> None:
    data = events.to_torch("sparse")
    batch = data.collate([data[0], data[1]]).to("meta")
    assert batch.images.device.type == "meta"
    assert {tensor.device.type for target in batch.targets for tensor in target.values()} == {"meta"}


def test_a_data_set_is_light_to_send(events: JetEvents) -> None:
    data = events.to_torch()
    _ = data[0]
    copy: TorchEvents = pickle.loads(pickle.dumps(data))
    assert len(pickle.dumps(data)) < 10_000
    assert torch.equal(copy[3][0], data[3][0])


@pytest.mark.parametrize("n_events", [0, 1, 64, 10_000])
def test_the_block_sampler_gives_every_place_once_and_another_order_each_time(n_events: int) -> None:
    sampler = BlockSampler(n_events, seed=1)
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(n_events))
    assert n_events < 64 or first != second
    assert list(BlockSampler(n_events, seed=1)) == first


def test_the_block_sampler_stays_within_some_blocks() -> None:
    """At most 64 blocks of 64 events are under way at once: they fit into memory."""
    places = np.array(list(BlockSampler(6 * 4096)))
    for start in range(0, len(places), 4096):
        assert len(np.unique(places[start : start + 4096] // 64)) == 64


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"sample": "images"}, "sample 'images': one of dense, sparse, points"),
        ({"targets": "yolo"}, "targets 'yolo': one of xyxy, xywh, cxcywh"),
        ({"seam": "wrap"}, "seam 'wrap': one of cut, clip, pad"),
        ({"sample": "sparse", "normalisation": "channel"}, "normalisation 'channel': one of raw, log, max"),
        ({"max_hits": 5}, "max_hits: of points only, not of dense images"),
        ({"max_jets": 0}, "max_jets 0"),
        ({"pad": 10}, 'with seam="pad" only'),
        ({"seam": "pad", "pad": 361}, "pad 361: 0 to 360 columns"),
        ({"seam": "pad", "pad": -1}, "pad -1: 0 to 360 columns"),
    ],
)
def test_wrong_options_are_named_at_once(events: JetEvents, options, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        events.to_torch(**options)


def test_without_torch_the_extra_is_named(events: JetEvents, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "jetimg.loader.torch_events")
    with pytest.raises(ModuleNotFoundError, match=r'torch.* is not installed; .* pip install "jetimg\[models\]"'):
        events.to_torch()
