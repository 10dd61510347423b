"""From predictions to jets: scores, boxes and pt after suppression."""

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from models.networks.box_ops import nms
from models.networks.layers import Prediction
from models.networks.matching import decode

# PF-Jet-SSD has 0.25, at which 1 % of the true q jets suppress each other; at 0.3 none do (docs/truth.md).
NMS_THRESHOLD = 0.3


class HasJets(Protocol):
    """What a network predicts, with masks or without."""

    @property
    def jets(self) -> Prediction:
        """What it predicts beside masks."""


class Detections(NamedTuple):
    """The jets found in one image, the most certain first.

    Attributes:
        box: float32 (jets, 4), pixels as in `detector.geometry.boxes`.
        class_id: int64 (jets).
        score: float32 (jets), probability of the class.
        pt: float32 (jets), GeV.
    """

    box: Tensor
    class_id: Tensor
    score: Tensor
    pt: Tensor


def detect(prediction: HasJets, default_boxes: Tensor, scale: Tensor, **thresholds: Any) -> list[Detections]:
    """The jets that a network found; see `detect_places`."""
    return [jets for jets, _ in detect_places(prediction.jets, default_boxes, scale, **thresholds)]


@torch.no_grad()
def detect_places(
    prediction: Prediction,
    default_boxes: Tensor,
    scale: Tensor,
    *,
    n_phi: float,
    score_threshold: float = 0.01,
    nms_threshold: float = NMS_THRESHOLD,
    topk_candidates: int = 100,
    max_detections: int = 100,
) -> list[tuple[Detections, Tensor]]:
    """The jets that a network found, class by class, and the default box of each, int64 (jets).

    The defaults are those of PF-Jet-SSD, but for nms_threshold.

    Args:
        prediction: of the network, for some images.
        default_boxes: its default boxes, (default boxes, 4).
        scale: (images), GeV, unit of pt (`jetimg.loader.torch_dataset.DenseImages.scale`).
        n_phi: pixels round phi.
        score_threshold: jets less certain than this are left out.
        nms_threshold: largest overlap (IoU) of two jets of one class.
        topk_candidates: default boxes of each class that go into non-maximum suppression.
        max_detections: jets that an image can have.
    """
    # Classes first, (images, classes, default boxes): suppression acts within each.
    score = prediction.scores
    best, index = score.topk(min(topk_candidates, score.shape[-1]), dim=-1)
    images = torch.arange(len(score), device=score.device)[:, None, None]
    chosen: tuple[Tensor, ...] = (images, index)
    if prediction.per_class:
        chosen = (*chosen, torch.arange(score.shape[1], device=score.device)[:, None])
    box = decode(prediction.offset[chosen].float(), default_boxes[index], n_phi)
    pt = prediction.log_pt[chosen].float().clamp(-20, 20).exp() * scale[:, None, None]
    kept = (best >= score_threshold) & nms(box, best, nms_threshold, n_phi)
    return [
        _of_image(box[image], pt[image], best[image], kept[image], index[image], max_detections)
        for image in range(len(score))
    ]


def _of_image(
    box: Tensor, pt: Tensor, score: Tensor, kept: Tensor, place: Tensor, max_detections: int
) -> tuple[Detections, Tensor]:
    """The jets that are kept of those of one image, (classes, candidates, ...)."""
    class_id, rank = kept.nonzero(as_tuple=True)
    order = score[class_id, rank].argsort(descending=True, stable=True)[:max_detections]
    class_id, rank = class_id[order], rank[order]
    found = Detections(box[class_id, rank], class_id, score[class_id, rank], pt[class_id, rank])
    return found, place[class_id, rank]
