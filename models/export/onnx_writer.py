"""A checkpoint as an ONNX file that needs nothing else, checked against PyTorch before it appears."""

from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import Tensor

from jetimg.common.atomic import atomic_write
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.loader.torch_dataset import DenseImages
from models.export import graph, sample_images
from models.export.onnx_detector import OnnxDetector, describe, sealed
from models.networks.box_ops import iou
from models.networks.build import Network
from models.networks.config import Config
from models.networks.layers import Prediction
from models.networks.postprocess import NMS_THRESHOLD, Detections, detect
from models.trained import checkpoint

# Images that a file is checked with, in batches of these sizes.
CHECKED = (1, 3)
MIN_SCORE = 0.01
SAID = {"prediction": "predictions", "score": "scores", "jets": "jets"}
# Boxes of one jet overlap at least so much.
SAME = 0.95


@dataclass(frozen=True)
class Tolerance:
    """What may differ between PyTorch and a file.

    Attributes:
        prediction: mean difference of offsets, logits and ln pt, in units of their standard deviation.
        score: difference of a jet's scores.
        jets: share of the jets that only one of the two finds.
    """

    prediction: float
    score: float
    jets: float


# Sums in another order.
FLOATS = Tolerance(1e-4, 1e-3, 0.01)
# A number near the middle between two integers may become either, and what follows differs by a unit; averages of four
# integers lie there often. In a network of a few channels one unit is a large share of a prediction's small spread.
INTEGERS = Tolerance(0.05, 0.01, 0.02)


@dataclass(frozen=True)
class Agreement:
    """How PyTorch and a file differed.

    Attributes:
        prediction, score, jets: as in `Tolerance`, the largest of all batches.
        n_jets: that PyTorch found.
    """

    prediction: float
    score: float
    jets: float
    n_jets: int


def export(path: Path, output: Path, *, dataset: Path | None = None) -> Agreement:
    """Writes the network of a checkpoint as an ONNX file.

    The file takes `image`, float32 (images, channels, n_eta, n_phi), normalised, and gives `offset`, `logits` and
    `log_pt` as `models.networks.layers.Prediction` has them. Its metadata hold the rest: see
    `models.export.onnx_detector`.

    Args:
        path: the checkpoint.
        output: the file.
        dataset: whose first images the file is checked with; made-up ones if None.

    Raises:
        DataError: not a checkpoint, a data set of other images, a file that
            does not predict what PyTorch does, or one that cannot be written.
    """
    network, config = checkpoint.load(path, for_inference=True)
    n = max(CHECKED)
    tried = sample_images.of_dataset(dataset, n, config.model) if dataset else sample_images.made_up(n, config.model)
    model = graph.to_onnx(graph.rewritten(network), config.model.input_channels, config.model.image_shape)
    describe(model, config, network.default_boxes, sha256(path), checkpoint.read(path)[0].get("images"))
    with atomic_write(output) as partial:
        partial.write_bytes(sealed(model.SerializeToString()))
        onnx.checker.check_model(partial, full_check=True)
        return _checked(network, config, partial, tried, output)


def _checked(network: Network, config: Config, path: Path, tried: DenseImages, output: Path) -> Agreement:
    """Compares predictions and jets, in batches of some sizes.

    Raises:
        DataError: they differ by more than the tolerance.
    """
    allowed = INTEGERS if config.compression.kind == "int8" else FLOATS
    detector = OnnxDetector.open(path)
    parts = []
    for n in CHECKED:
        pixels, scale = tried.pixels[:n], tried.scale[:n]
        with torch.inference_mode():
            expected = network(pixels)
        parts.append(
            agreement(
                expected, detector(pixels), network.default_boxes, scale, config.model.image_shape[1], allowed.score
            )
        )
    result = Agreement(
        *(max(getattr(part, name) for part in parts) for name in ("prediction", "score", "jets", "n_jets"))
    )
    for name in ("prediction", "score", "jets"):
        if not getattr(result, name) <= getattr(allowed, name):
            raise DataError(
                f"{output}: not written: its {SAID[name]} differ from PyTorch's by {getattr(result, name):.3g}, "
                f"more than {getattr(allowed, name):.3g}"
            )
    return result


def agreement(
    expected: Prediction, found: Prediction, default_boxes: Tensor, scale: Tensor, n_phi: int, tie: float = FLOATS.score
) -> Agreement:
    """How two predictions for the same images, and the jets in them, differ.

    Args:
        expected, found: predictions.
        default_boxes: of the network, pixels.
        scale: (images), unit of pt, GeV.
        n_phi: pixels round phi.
        tie: scores that differ by no more are the same.
    """
    differences = [
        ((one - two).abs().mean() / one.std().clamp(min=1e-6)).item() for one, two in zip(expected, found, strict=True)
    ]
    one, two = (
        detect(prediction, default_boxes, scale, score_threshold=MIN_SCORE, n_phi=n_phi)
        for prediction in (expected, found)
    )
    compared = [different(*pair, tie, n_phi) for pair in zip(one, two, strict=True)]
    n_jets = sum(len(jets.score) for jets in one)
    unpaired = sum(number for number, _ in compared)
    return Agreement(max(differences), max(score for _, score in compared), unpaired / max(2 * n_jets, 1), n_jets)


def different(one: Detections, two: Detections, tie: float, n_phi: int) -> tuple[int, float]:
    """How many jets of two lists have no partner in the other, and the largest difference of the partners' scores.

    Of two overlapping boxes with the same score either may suppress the other, and then those that overlap with it; of
    boxes with the same score any may be the last one that is kept. Jets that a tie explains are not counted.

    Args:
        one, two: jets of one image.
        tie: scores that differ by no more are the same.
        n_phi: pixels round phi.
    """
    if not len(one.score) or not len(two.score):
        return int((torch.cat([one.score, two.score]) > MIN_SCORE + tie).sum()), 0.0
    of_class = one.class_id[:, None] == two.class_id
    overlap = iou(one.box, two.box, n_phi).where(of_class, 0.0)
    difference = (one.score[:, None] - two.score).abs()
    partners = difference.where(overlap > SAME, torch.inf)
    close, tied = overlap > NMS_THRESHOLD, (overlap > NMS_THRESHOLD) & (difference <= tie)
    lone_one, lone_two = partners.amin(dim=1).isinf(), partners.amin(dim=0).isinf()
    told_one = lone_one & (tied.any(dim=1) | _last(one, two, of_class, tie))
    told_two = lone_two & (tied.any(dim=0) | _last(two, one, of_class.T, tie))
    before = -1
    while (now := int(told_one.sum() + told_two.sum())) > before:
        before = now
        told_one |= lone_one & (close & told_two).any(dim=1)
        told_two |= lone_two & (close & told_one[:, None]).any(dim=0)
    number = int((lone_one & ~told_one).sum() + (lone_two & ~told_two).sum())
    best = partners.amin(dim=1)[~lone_one]
    return number, float(best.max()) if len(best) else 0.0


def _last(jets: Detections, others: Detections, of_class: Tensor, tie: float) -> Tensor:
    """Which jets are no more certain than the last one of their class among the others."""
    lowest = others.score.expand(of_class.shape).where(of_class, torch.inf).amin(dim=1)
    return jets.score <= lowest.where(lowest.isfinite(), MIN_SCORE) + tie
