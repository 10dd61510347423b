"""How good a network is while it trains: the loss and the average precision on validation events."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from jetimg.loader.sparse import SparseBatch
from jetimg.loader.torch_dataset import dense
from models.evaluation.metrics import Ranked, ap_all
from models.evaluation.pairing import JetTable, joined, match, pairs
from models.networks.config import Model
from models.networks.postprocess import Detections, detect
from models.training.images import Images

# Overlap of a detection that is right.
MIN_IOU = 0.5


@torch.no_grad()
def average_precision(network: nn.Module, images: Images, n_events: int, model: Model, device: torch.device) -> float:
    """The mean over classes of the all-point average precision at an IoU of 0.5; not a number without jets.

    Args:
        network: in evaluation mode, with `default_boxes`.
        images: events for validation, in order.
        n_events: of them, the first.
        model: the network's configuration.
        device: where it computes.
    """
    true, found, seen = [], [], 0
    default_boxes = network.default_boxes
    assert isinstance(default_boxes, torch.Tensor)
    for batch in _first(images, n_events):
        pixels, scale = dense(batch, device, model.normalisation)
        jets = detect(network(pixels), default_boxes, scale, n_phi=batch.shape[1])
        number = np.arange(seen, seen + len(batch))
        true.append(
            JetTable.of_boxes(
                np.repeat(number, batch.jet_counts), batch.class_id, batch.box, np.ones(len(batch.pt), np.float32)
            )
        )
        found.append(_detections(number, jets))
        seen += len(batch)
    return _mean(joined(found), joined(true), seen, images.shape[1], len(images.class_names)) if seen else float("nan")


def _first(images: Images, n_events: int) -> Iterator[SparseBatch]:
    for start in range(0, min(n_events, images.n_events), images.batch_size):
        yield images.read(start, min(start + images.batch_size, n_events, images.n_events))


def _mean(found: JetTable, true: JetTable, n_events: int, n_phi: int, n_classes: int) -> float:
    partner = match(pairs(found, true, n_phi), len(found), len(true), MIN_IOU)
    values = [
        ap_all(Ranked.of(found, partner, true, class_id, n_events).curve())
        for class_id in range(n_classes)
        if (true.class_id == class_id).any()
    ]
    return float(np.mean(values)) if values else float("nan")


def _detections(number: NDArray[np.int64], jets: list[Detections]) -> JetTable:
    box, class_id, score, _ = (torch.cat(column).cpu().numpy() for column in zip(*jets, strict=True))
    return JetTable.of_boxes(np.repeat(number, [len(one.score) for one in jets]), class_id, box, score)
