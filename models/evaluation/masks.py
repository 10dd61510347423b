"""Masks of objects measured: average precision by COCO's rule, and the HGCal study's own number.

COCO: average precision of each class, a detection being right if its mask overlaps a true one of its class by at least
0.5, 0.55, ... 0.95 (by faster-coco-eval). The study's: TP / (TP + FP + FN) of all detections above a cut on the score,
at the same thresholds and on average (G. Grasseau et al., CHEP 2019, after Kaggle's Data Science Bowl 2018). The cut is
the one that is best on validation events.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from detector.common.progress import bar
from jetimg.common.errors import DataError
from jetimg.common.ranges import ranges
from jetimg.loader.sparse import SparseBatch
from jetimg.loader.torch_dataset import JetImages, dense
from models.data.data_set import BATCH_SIZES, DataSet
from models.evaluation import coco
from models.evaluation.pairing import Floats, Ints, JetTable, Pairs, candidates, joined, match
from models.networks.masks import MaskPrediction, detect_masks
from models.trained import checkpoint
from models.trained import device as devices

THRESHOLDS: Floats = np.arange(10, 20) / 20
# Cuts on the score among which the best is taken.
CUTS: Floats = np.arange(1, 20) / 20
SCORE_THRESHOLD = 0.01


class Objects(NamedTuple):
    """Objects of many images, true ones or detections, with their masks.

    Attributes:
        jets: the objects, image by image; only event, class_id, box and score are known of them.
        counts: int64 (objects), pixels of each mask.
        pixel: int64 (pixels), flat, object by object, ascending in each.
    """

    jets: JetTable
    counts: Ints
    pixel: Ints


class Images(NamedTuple):
    """What was found in some images, and what was to be found."""

    found: Objects
    true: Objects
    n_pixels: int


@dataclass(frozen=True)
class MaskEvaluation:
    """What was measured.

    Attributes:
        class_names: by class_id.
        n_events: images.
        n_true: of each class, objects to be found.
        ap: (classes, thresholds), average precision.
        cut: on the score, for what follows.
        measure: (thresholds), TP / (TP + FP + FN).
        counts: at an overlap of 0.5: TP, FP, FN.
        missed: share of the objects that no detection overlaps by 0.5, of whatever class.
        wrong_class: share of the objects whose detection has another class.
    """

    class_names: tuple[str, ...]
    n_events: int
    n_true: tuple[int, ...]
    ap: Floats
    cut: float
    measure: Floats
    counts: tuple[int, int, int]
    missed: float
    wrong_class: float


def evaluate(data: DataSet, path: Path, split: str, device: str = "auto") -> tuple[MaskEvaluation, Images]:
    """Measures the masks of a network, and gives what it found.

    Args:
        data: the data set, with masks.
        path: the checkpoint.
        split: which of its images; the cut on the score comes from `validation`.
        device: cpu, cuda, or auto for a GPU if there is one.

    Raises:
        DataError: a data set without masks or such images, or not a network for it.
    """
    device = devices.chosen(device)
    network, config = checkpoint.load(path, device, for_inference=True)
    if difference := data.difference(config.model):
        raise DataError(f"{path}: {difference}")
    if config.model.architecture != "mask":
        raise DataError(f"{path}: a network of architecture {config.model.architecture}; only mask makes masks")

    def run(name: str) -> Images:
        shards: tuple[Path, ...] = getattr(data, name)
        if not shards:
            raise DataError(f"no {name} events in this data set: masks are measured on {split}, the cut on validation")
        images = JetImages(shards, BATCH_SIZES[device])
        parts = []
        with bar(f"masks, {name}", images.n_events) as progress, torch.no_grad():
            for batch in images:
                if batch.masks is None:
                    raise DataError(f"{shards[0]}: no /masks: `jetimg compose` makes event files that have them")
                pixels, scale = dense(batch, device, config.model.normalisation)
                parts.append((_found(network(pixels), network.default_boxes, scale, batch), _true(batch)))
                progress(len(batch))
        found, true = (_joined(list(side)) for side in zip(*parts, strict=True))
        return Images(found, true, images.shape[0] * images.shape[1])

    images = run(split)
    cut = best_cut(images if split == "validation" else run("validation"))
    return measure(images, cut, data.class_names), images


def _found(prediction: MaskPrediction, default_boxes: torch.Tensor, scale: torch.Tensor, batch: SparseBatch) -> Objects:
    jets, own, pixel = detect_masks(prediction, default_boxes, scale, batch.shape[1], SCORE_THRESHOLD)
    box, class_id, score, _ = (torch.cat(column).cpu().numpy() for column in zip(*jets, strict=True))
    event = np.repeat(batch.event, [len(one.score) for one in jets])
    counts = np.bincount(own.cpu().numpy(), minlength=len(score))
    return Objects(JetTable.of_boxes(event, class_id, box, score), counts, pixel.cpu().numpy())


def _true(batch: SparseBatch) -> Objects:
    assert batch.masks is not None
    event = batch.event[batch.image_of_jet]
    order = np.lexsort((batch.masks.pixel, batch.masks.jet_of_pixel))
    jets = JetTable.of_boxes(event, batch.class_id, batch.box, np.ones(len(event), np.float32))
    return Objects(jets, batch.masks.counts, batch.masks.pixel[order].astype(np.int64))


def _joined(parts: list[Objects]) -> Objects:
    jets = joined([part.jets for part in parts])
    return Objects(jets, *(np.concatenate([part[k] for part in parts]) for k in (1, 2)))


def mask_pairs(found: Objects, true: Objects, n_pixels: int, *, of_class: bool = True) -> Pairs:
    """All pairs of a detection and a true object of the same image, and class, with the overlap of their masks.

    Args:
        found, true: detections and true objects.
        n_pixels: of an image.
        of_class: whether both have to be of one class.
    """
    tables = [found.jets, true.jets]
    if not of_class:
        tables = [JetTable.of_boxes(one.event, np.zeros_like(one.class_id), one.box, one.score) for one in tables]
    rows, true_rows = candidates(tables[0], tables[1])
    both, common = _common(found, true, n_pixels)
    key = rows * len(true.counts) + true_rows
    index = np.minimum(np.searchsorted(both, key), max(len(both) - 1, 0))
    shared = np.where(both[index] == key, common[index], 0) if len(both) else np.zeros(len(key), np.int64)
    union = found.counts[rows] + true.counts[true_rows] - shared
    return Pairs(rows, true_rows, shared / np.maximum(union, 1))


def _common(found: Objects, true: Objects, n_pixels: int) -> tuple[Ints, Ints]:
    """Pairs of objects that share pixels, as detection * true objects + true object, ascending; and how many."""
    keys, owners = [], []
    for objects in (found, true):
        owner = np.repeat(np.arange(len(objects.counts)), objects.counts)
        keys.append(objects.jets.event[owner] * n_pixels + objects.pixel)
        owners.append(owner)
    order = np.argsort(keys[1], kind="stable")
    first = np.searchsorted(keys[1][order], keys[0], side="left")
    counts = np.searchsorted(keys[1][order], keys[0], side="right") - first
    other = owners[1][order][ranges(first, counts)]
    return np.unique(np.repeat(owners[0], counts) * len(true.counts) + other, return_counts=True)


def counted(images: Images, pairs: Pairs, cut: float, threshold: float) -> tuple[int, int, int]:
    """TP, FP and FN of the detections above a cut, at a minimum overlap."""
    kept = images.found.jets.score >= cut
    mine = kept[pairs.found]
    chosen = Pairs(pairs.found[mine], pairs.true[mine], pairs.iou[mine])
    partner = match(chosen, len(kept), len(images.true.counts), threshold)
    right = int((partner >= 0).sum())
    return right, int(kept.sum()) - right, len(images.true.counts) - right


def best_cut(images: Images) -> float:
    """The cut on the score with the highest mean of the study's measure."""
    pairs = mask_pairs(images.found, images.true, images.n_pixels)
    means = [np.mean([_share(counted(images, pairs, cut, t)) for t in THRESHOLDS]) for cut in CUTS]
    return float(CUTS[int(np.argmax(means))])


def _share(counts: tuple[int, int, int]) -> float:
    return counts[0] / max(sum(counts), 1)


def measure(images: Images, cut: float, class_names: tuple[str, ...]) -> MaskEvaluation:
    """All numbers of what was found in some images.

    Args:
        images: what was found and was to be found.
        cut: on the score, of the study's measure.
        class_names: by class_id.
    """
    found, true = images.found, images.true
    pairs = mask_pairs(found, true, images.n_pixels)
    ap = [
        coco.average_precision(found.jets, true.jets, pairs, number, THRESHOLDS) for number in range(len(class_names))
    ]
    counts = counted(images, pairs, cut, 0.5)
    whatever = counted(images, mask_pairs(found, true, images.n_pixels, of_class=False), cut, 0.5)
    n_true = np.bincount(true.jets.class_id, minlength=len(class_names))
    return MaskEvaluation(
        class_names=class_names,
        n_events=len(np.unique(true.jets.event)),
        n_true=tuple(n_true.tolist()),
        ap=np.stack(ap),
        cut=cut,
        measure=np.array([_share(counted(images, pairs, cut, t)) for t in THRESHOLDS]),
        counts=counts,
        missed=whatever[2] / len(true.counts),
        wrong_class=(whatever[0] - counts[0]) / len(true.counts),
    )
