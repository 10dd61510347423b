"""Average precision for the tests, written for clarity; the evaluation has its own."""

from collections.abc import Sequence

import numpy as np
import torch

from models.networks.box_ops import iou
from models.networks.postprocess import Detections


def average_precision(
    found: Sequence[Detections], truth: Sequence[tuple[torch.Tensor, torch.Tensor]], n_phi: int
) -> float:
    """Mean over classes of the area under the precision-recall curve at overlap 0.5, all points.

    Args:
        found: of each image.
        truth: boxes and class_id of each image.
        n_phi: pixels round phi.
    """
    classes = torch.cat([class_id for _, class_id in truth]).unique().tolist()
    return float(np.mean([_of_class(found, truth, class_id, n_phi) for class_id in classes]))


def _of_class(found, truth, class_id: int, n_phi: int) -> float:
    hits, n_true = [], 0
    for detections, (box, classes) in zip(found, truth, strict=True):
        free = box[classes == class_id]
        n_true += len(free)
        chosen = detections.class_id == class_id
        for one, score in zip(detections.box[chosen], detections.score[chosen], strict=True):
            overlap = iou(one[None], free, n_phi)[0] if len(free) else torch.zeros(0)
            hit = bool((overlap > 0.5).any())
            if hit:
                best = int(overlap.argmax())
                free = torch.cat([free[:best], free[best + 1 :]])
            hits.append((float(score), hit))
    right = np.array([hit for _, hit in sorted(hits, key=lambda pair: -pair[0])], float)
    if not len(right):
        return 0.0
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    best_after = np.maximum.accumulate(precision[::-1])[::-1]
    return float((best_after * right).sum() / n_true)
