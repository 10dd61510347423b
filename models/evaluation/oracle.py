"""The oracle: a detector that returns the true jets themselves, through our own suppression and matching.

What it misses, no detector can find: two labels of one class whose boxes overlap by more than the suppression leaves.
Its recall and average precision are the ceiling of every other detector's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from jetimg.common.errors import DataError
from jetimg.common.tables import Sheet
from jetimg.event_file.store import Reader
from models.evaluation.counting import Matched
from models.evaluation.measure import DetectionSet, TrueJets
from models.evaluation.metrics import Ranked, ap_11, ap_all
from models.evaluation.pairing import JetTable, joined
from models.evaluation.rule import IOU, MIN_IOU, Rule
from models.networks.box_ops import nms

NAME = "ceiling"

# The suppression of PF-Jet-SSD, and weaker ones.
THRESHOLDS = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5)


@dataclass(frozen=True)
class Ceiling:
    """What the oracle reaches for one class of one sample (`all` for all samples together).

    Attributes:
        true_jets: of the class.
        nms_threshold: largest overlap that suppression leaves.
        recall: share of them that is found.
        ap_11, ap_all: average precision.
    """

    sample: str
    class_name: str
    true_jets: int
    nms_threshold: float
    recall: float
    ap_11: float
    ap_all: float


def suppressed(jets: JetTable, threshold: float, n_phi: int) -> JetTable:
    """What non-maximum suppression leaves of detections, class by class and event by event.

    Args:
        jets: detections.
        threshold: largest overlap (IoU) of two of them that is left.
        n_phi: pixels round phi.
    """
    key = jets.event * (1 + int(jets.class_id.max(initial=0))) + jets.class_id
    order = np.argsort(key, kind="stable")
    kept = np.ones(len(jets), np.bool_)
    for rows in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        if len(rows) > 1:
            box, score = torch.from_numpy(jets.box[rows].astype(np.float64)), torch.from_numpy(jets.score[rows])
            kept[rows] = nms(box, score, threshold, n_phi).numpy()
    return jets.take(kept)


def ceilings(files: Sequence[Path], thresholds: Sequence[float] = THRESHOLDS) -> list[Ceiling]:
    """The oracle's numbers for event files or shards, by sample and class.

    Raises:
        DataError: not event files, or files of different classes or images.
    """
    true, sample_of, names, samples, shape = _read(files)
    groups = {name: np.flatnonzero(sample_of == k) for k, name in enumerate(samples)}
    if len(groups) > 1:
        groups["all"] = np.arange(len(sample_of))
    found: list[Ceiling] = []
    for threshold in thresholds:
        left = suppressed(true, threshold, shape[1])
        for sample, events in groups.items():
            mine, theirs = (jets.take(np.isin(jets.event, events)) for jets in (left, true))
            found += _of_sample(sample, names, mine, theirs, (threshold, len(sample_of), shape))
    return found


def of(truth: TrueJets, threshold: float, rule: Rule = IOU) -> dict[str, Ceiling]:
    """The oracle's numbers for the true jets of an evaluation, by class.

    Args:
        truth: true jets.
        threshold: largest overlap (IoU) of two of them that suppression leaves.
        rule: when a detection is right.
    """
    true, left = truth.jets, detections(truth, threshold).found
    found = _of_sample("", truth.class_names, left, true, (threshold, truth.n_events, truth.shape), rule)
    return {one.class_name: one for one in found}


def detections(truth: TrueJets, threshold: float) -> DetectionSet:
    """The oracle as a detector: the true jets that suppression leaves, with their pt as score."""
    true = replace(truth.jets, score=truth.jets.pt.astype(np.float32))
    found = suppressed(true, threshold, truth.n_phi)
    return DetectionSet(NAME, found, tuple(range(len(truth.class_names))), probability=False)


def _of_sample(
    sample: str,
    names: Sequence[str],
    found: JetTable,
    true: JetTable,
    how: tuple[float, int, tuple[int, int]],
    rule: Rule = IOU,
) -> list[Ceiling]:
    threshold, n_events, shape = how
    partner = Matched.of(found, true, shape, rule).partner
    made = []
    for class_id, name in enumerate(names):
        n_true = int((true.class_id == class_id).sum())
        if n_true:
            ranked = Ranked.of(found, partner, true, class_id, n_events)
            curve = ranked.curve()
            recall = float(ranked.right.sum() / n_true)
            made.append(Ceiling(sample, name, n_true, threshold, recall, ap_11(curve), ap_all(curve)))
    return made


def _read(files: Sequence[Path]) -> tuple[JetTable, np.ndarray, tuple[str, ...], list[str], tuple[int, int]]:
    """True jets with their pt as score, the sample of each event, class names, samples, pixels."""
    tables, sample_of, samples, first = [], [], list[str](), 0
    about: tuple[tuple[str, ...], tuple[int, int]] | None = None
    for path in files:
        with Reader(path) as reader:
            n_eta, n_phi = reader.attributes["image_shape"]
            mine = tuple(reader.attributes["class_names"]), (n_eta, n_phi)
            if about is not None and mine != about:
                raise DataError(f"{path}: classes and pixels {mine}; the files before it have {about}")
            about = mine
            batch, own = reader.read(tables=("jets", "events")), reader.attributes["sample_names"]
        jets, n_events = batch.tables["jets"], len(batch)
        samples += [name for name in own if name not in samples]
        sample_of.append(np.array([samples.index(own[k]) for k in batch.tables["events"]["sample"]], np.int64))
        eta, phi, pt = (jets[name].astype(np.float64) for name in ("eta", "phi", "pt"))
        event = first + np.repeat(np.arange(n_events), np.diff(jets["indptr"]))
        tables.append(JetTable(event, jets["class_id"].astype(np.int64), jets["box"], eta, phi, pt, jets["pt"]))
        first += n_events
    if about is None:
        raise DataError("no event files")
    return joined(tables), np.concatenate(sample_of), about[0], samples, about[1]


def sheet(found: Sequence[Ceiling]) -> Sheet:
    """Recall by sample and class, a column a threshold, and the average precision at the first."""
    thresholds = sorted({one.nms_threshold for one in found})
    rows: dict[tuple[str, str], list[object]] = {}
    for one in found:
        row = rows.setdefault((one.sample, one.class_name), [one.sample, one.class_name, one.true_jets])
        if one.nms_threshold == thresholds[0]:
            row += [one.ap_11, one.ap_all]
        row.append(one.recall)
    columns = ["sample", "class ", "labels", f"AP11 ({thresholds[0]:g})", f"AP ({thresholds[0]:g})"]
    columns += [f"recall ({threshold:g})" for threshold in thresholds]
    note = f"The labels themselves as detections; in brackets the nms_threshold; right if they overlap by {MIN_IOU:g}."
    return Sheet("Oracle: the ceiling of every detector", columns, list(rows.values()), note)
