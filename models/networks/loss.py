"""The loss of PF-Jet-SSD: classes with smoothed labels, offsets and pt with Huber's loss (arXiv:2202.04499)."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from models.networks.config import Training
from models.networks.layers import Prediction
from models.networks.matching import Targets


class Loss(NamedTuple):
    """Parts of the loss, each divided by the number of default boxes with a jet, but at least by 1."""

    classification: Tensor
    localisation: Tensor
    regression: Tensor

    @property
    def total(self) -> Tensor:
        """Their sum, L_c + L_l + L_r."""
        return self.classification + self.localisation + self.regression


def loss(prediction: Prediction, targets: Targets, config: Training) -> Loss:
    """The loss of a batch; finite for images without jets.

    Args:
        prediction: of the network.
        targets: what it should have been.
        config: label smoothing, share of negatives, Huber's delta.
    """
    offset, logits, log_pt = (part.float() for part in prediction)
    positive = targets.label > 0
    counted = positive | hard_negatives(logits.detach(), positive, config.negatives)
    classification = F.cross_entropy(
        logits[counted], targets.label[counted], label_smoothing=config.label_smoothing, reduction="sum"
    )
    delta = config.huber_delta
    localisation = F.huber_loss(offset[positive], targets.offset[positive], delta=delta, reduction="sum")
    regression = F.huber_loss(log_pt[positive], targets.log_pt[positive], delta=delta, reduction="sum")
    n_positive = positive.sum().clamp(min=1)
    return Loss(classification / n_positive, localisation / n_positive, regression / n_positive)


def hard_negatives(logits: Tensor, positive: Tensor, ratio: float) -> Tensor:
    """The background boxes that look least like background (Liu et al., arXiv:1512.02325, section 2.2).

    Args:
        logits: (images, default boxes, 1 + classes).
        positive: bool (images, default boxes).
        ratio: how many for each positive box of the image. An image without any counts as one with one: it teaches
            that there may be nothing.

    Returns:
        bool (images, default boxes).
    """
    doubt = torch.where(positive, -torch.inf, -logits.log_softmax(dim=-1)[..., 0])
    rank = doubt.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    wanted = (positive.sum(dim=1, keepdim=True).clamp(min=1) * ratio).round()
    return (rank < wanted) & ~positive
