"""Average precision as the COCO challenge has it, by a library, with overlaps that know that phi is periodic."""

from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from models.evaluation.pairing import Floats, Ints, JetTable, Pairs

_CLASS = 1


class _Evaluation(COCOeval_faster):  # type: ignore[misc]
    """The library's evaluation with overlaps that are handed to it."""

    overlaps: dict[int, Floats]

    def computeIoU(self, imgId: int, catId: int) -> Floats:  # noqa: N802, N803, ARG002 - the library's names
        return self.overlaps[imgId]


def average_precision(
    found: JetTable,
    true: JetTable,
    pairs: Pairs,
    class_id: int,
    thresholds: Floats | None = None,
    recalls: Floats | None = None,
) -> Floats:
    """Average precision of a class at each threshold of the overlap.

    Where scores are equal, the library goes by the order of the events.

    Args:
        found, true: detections and true jets.
        pairs: all pairs of them.
        class_id: the class.
        thresholds: minimum IoU; COCO's 0.5, 0.55, ... 0.95 if None.
        recalls: where the precision is taken; COCO's 0, 0.01, ... 1 if None.

    Returns:
        (thresholds); not a number without true jets.
    """
    # The most certain first in each event: the order of the overlaps' rows.
    mine = np.flatnonzero(found.class_id == class_id)
    mine = mine[np.lexsort((-found.score[mine], found.event[mine]))]
    wanted = np.flatnonzero(true.class_id == class_id)
    events = np.union1d(found.event[mine], true.event[wanted]).tolist()
    evaluation = _Evaluation(_table(true, wanted, events), _table(found, mine, events), "bbox")
    evaluation.overlaps = _matrices(pairs, true, class_id)
    _choose(evaluation.params, int(np.bincount(found.event[mine]).max(initial=1)), thresholds, recalls)
    if not len(wanted):
        return np.full(len(evaluation.params.iouThrs), np.nan)
    evaluation.evaluate()
    evaluation.accumulate()
    precision: Floats = evaluation.eval["precision"][:, :, 0, 0, 0]
    average: Floats = precision.mean(axis=1)
    return average


def _choose(parameters: Any, most: int, thresholds: Floats | None, recalls: Floats | None) -> None:
    """All detections of an event count, whatever their size."""
    parameters.maxDets, parameters.areaRng, parameters.areaRngLbl = [most], [[0, 1e10]], ["all"]
    if thresholds is not None:
        parameters.iouThrs = thresholds
    if recalls is not None:
        parameters.recThrs = recalls


def _table(jets: JetTable, rows: Ints, events: list[int]) -> COCO:
    """Jets as the library takes them. Boxes count for nothing there but to be boxes."""
    columns = zip(jets.event[rows].tolist(), jets.score[rows].tolist(), strict=True)
    annotations: list[dict[str, Any]] = [
        {"id": k, "image_id": event, "category_id": _CLASS, "bbox": [0, 0, 1, 1], "area": 1, "iscrowd": 0, "score": s}
        for k, (event, s) in enumerate(columns, start=1)
    ]
    images = [{"id": event} for event in events]
    return COCO({"images": images, "categories": [{"id": _CLASS, "name": "jet"}], "annotations": annotations})


def _matrices(pairs: Pairs, true: JetTable, class_id: int) -> dict[int, Floats]:
    """The overlaps of each event, detections by true jets."""
    rows = np.flatnonzero(true.class_id[pairs.true] == class_id)
    events, first, counts = np.unique(true.event[pairs.true[rows]], return_index=True, return_counts=True)
    n_true = np.bincount(true.event[true.class_id == class_id], minlength=int(events.max(initial=0)) + 1)[events]
    parts = np.split(pairs.iou[rows], (first + counts)[:-1]) if len(events) else []
    return {event: part.reshape(-1, n) for event, part, n in zip(events.tolist(), parts, n_true.tolist(), strict=True)}
