"""A detector from GeV to jets in one graph: normalisation, network, decoding and non-maximum suppression.

What it computes is `models.networks.postprocess.detect`. ONNX's own NonMaxSuppression does not know that phi goes
round, and gives outputs of changing length; here suppression is a fixed number of steps on the matrix of overlaps,
exact on the cylinder, and every image has the same number of places for jets.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from jetimg.loader.normalise import PT_UNIT, Normalisation
from models.networks.box_ops import iou
from models.networks.build import Network
from models.networks.config import Model
from models.networks.matching import decode
from models.networks.postprocess import NMS_THRESHOLD

INPUT = "image"


class Thresholds(NamedTuple):
    """What is kept, as in `models.networks.postprocess.detect`."""

    score: float = 0.01
    nms: float = NMS_THRESHOLD
    topk_candidates: int = 100
    max_detections: int = 100


class WholeDetections(NamedTuple):
    """The jets of each image, the most certain first; behind the last one, places with class_id -1 and score 0.

    Attributes:
        box: float32 (images, places, 4), pixels as in `detector.geometry.boxes`.
        class_id: int64 (images, places).
        score: float32 (images, places).
        pt: float32 (images, places), GeV.
    """

    box: Tensor
    class_id: Tensor
    score: Tensor
    pt: Tensor


class WholeDetector(nn.Module):
    """Images in GeV to jets."""

    def __init__(self, network: Network, model: Model, chosen: Thresholds) -> None:
        super().__init__()
        self.network, self.chosen = network, chosen
        self.normalisation, self.n_phi = model.normalisation, model.image_shape[1]
        # Not the network's own buffer: that would be left out of the graph's constants with another name.
        self.register_buffer("boxes", network.default_boxes.clone())

    def forward(self, image: Tensor) -> WholeDetections:
        """(images, channels, n_eta, n_phi), GeV, to jets."""
        pixels, scale = normalised(image, self.normalisation)
        prediction = self.network(pixels)
        scores = prediction.scores
        best, index = scores.topk(min(self.chosen.topk_candidates, scores.shape[-1]), dim=-1)
        offset, log_pt = prediction.offset, prediction.log_pt
        if prediction.per_class:
            offset, log_pt = offset.transpose(1, 2), log_pt.transpose(1, 2)
        else:
            offset, log_pt = (part[:, None].expand(-1, scores.shape[1], *part.shape[1:]) for part in (offset, log_pt))
        offset = offset.gather(2, index[..., None].expand(*index.shape, offset.shape[-1]))
        boxes = self.get_buffer("boxes")
        box = decode(offset, boxes[index], self.n_phi)
        pt = log_pt.gather(2, index).clamp(-20, 20).exp() * scale[:, None, None]
        kept = kept_in_order(box, self.chosen.nms, self.n_phi) & (best >= self.chosen.score)
        return _most_certain(box, best.where(kept, 0.0), pt, self.chosen.max_detections)


def normalised(image: Tensor, normalisation: Normalisation) -> tuple[Tensor, Tensor]:
    """`jetimg.loader.normalise` for dense images.

    Args:
        image: (images, channels, n_eta, n_phi), GeV.
        normalisation: the kind.

    Returns:
        Pixels, (images, channels, n_eta, n_phi), and the unit of pt, (images), GeV.
    """
    if normalisation in ("raw", "log"):
        return (image.log1p() if normalisation == "log" else image), torch.full_like(image[:, 0, 0, 0], PT_UNIT)
    largest = image.amax(dim=(2, 3), keepdim=True)
    scale = _or_one(largest.amax(dim=1)[:, 0, 0])
    if normalisation == "max":
        return image / _or_one(largest), scale
    over = (1, 2, 3) if normalisation == "image" else (2, 3)
    mean = image.mean(dim=over, keepdim=True)
    variance = (image - mean).square().mean(dim=over, keepdim=True)
    return (image - mean) / _or_one(variance.sqrt()), scale


def _or_one(divisor: Tensor) -> Tensor:
    return torch.where(divisor > 0, divisor, 1.0)


def kept_in_order(box: Tensor, threshold: float, n_phi: float) -> Tensor:
    """`models.networks.box_ops.nms` for boxes in falling order of their score, without a loop that depends on them.

    Box k is decided after k steps at the latest, so as many steps as boxes are enough.

    Args:
        box: (..., n, 4).
        threshold: largest overlap that is left.
        n_phi: pixels round phi.

    Returns:
        bool (..., n).
    """
    beats = (iou(box, box, n_phi) > threshold).to(box.dtype).triu(diagonal=1)
    kept = torch.ones_like(box[..., 0])
    for _ in range(box.shape[-2] - 1):
        beaten = torch.matmul(kept[..., None, :], beats)[..., 0, :]
        kept = (beaten < 0.5).to(box.dtype)
    return kept > 0.5


def _most_certain(box: Tensor, score: Tensor, pt: Tensor, n: int) -> WholeDetections:
    """The first jets over all classes, of (images, classes, candidates, ...)."""
    candidates = score.shape[-1]
    box, score, pt = box.flatten(1, 2), score.flatten(1), pt.flatten(1)
    score, order = score.topk(min(n, score.shape[-1]), dim=-1)
    class_id = torch.where(score > 0, order // candidates, -1)
    return WholeDetections(
        box.gather(1, order[..., None].expand(*order.shape, 4)), class_id, score, pt.gather(1, order)
    )
