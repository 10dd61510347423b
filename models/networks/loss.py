"""The loss of a network: of PF-Jet-SSD where a default box has one jet, of quality where it has one of each class.

PF-Jet-SSD (arXiv:2202.04499): cross entropy of classes with smoothed labels, and Huber's loss of offsets and pt.
Jets of each class: quality focal loss (Li et al., arXiv:2006.04388, equation 2), in which a probability is to say how
well a default box fits its jet; then suppression keeps the one that fits best.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from models.networks.config import Training
from models.networks.layers import Prediction
from models.networks.masks import MaskPrediction, MaskTruth, mask_loss
from models.networks.matching import ClassTargets, Targets, assign, assign_per_class

# Probability that a default box of the minimum overlap is to have; one that fits exactly is to have 1.
LOWEST_QUALITY = 0.3
# arXiv:2006.04388: how much less a probability counts that is nearly right.
FOCUS = 2
# Weight of offsets and of pt beside the probabilities.
WEIGHT = 0.5


class Loss(NamedTuple):
    """Parts of the loss, each divided by the number of default boxes with a jet, but at least by 1.

    Attributes:
        mask: of a network with masks.
        imitation: of a network with a teacher (`models.networks.distillation`), times its weight.
    """

    classification: Tensor
    localisation: Tensor
    regression: Tensor
    mask: Tensor | None = None
    imitation: Tensor | None = None

    @property
    def total(self) -> Tensor:
        """The sum of those that there are: L_c + L_l + L_r and the others."""
        total = self.classification + self.localisation + self.regression
        for part in (self.mask, self.imitation):
            total = total if part is None else total + part
        return total


def of_batch(
    prediction: Prediction | MaskPrediction,
    truth: tuple[Tensor, Tensor, Tensor],
    scale: Tensor,
    default_boxes: Tensor,
    config: Training,
    n_phi: float,
    masks: MaskTruth | None = None,
) -> Loss:
    """The loss of a batch of images.

    Args:
        prediction: of the network.
        truth: box (images, jets, 4), class_id (images, jets), -1 for padding, pt (images, jets), GeV.
        scale: (images), GeV, unit of pt.
        default_boxes: of the network, (default boxes, 4).
        config: how default boxes are matched and what counts.
        n_phi: pixels round phi.
        masks: of the jets, for a network that predicts them.
    """
    jets = prediction.jets
    coordinates = jets.offset.shape[-1]
    place = (truth, scale, default_boxes, coordinates)
    if not jets.per_class:
        return loss(jets, assign(*place, config.match_threshold, n_phi), config)
    targets = assign_per_class(*place, jets.logits.shape[-1], config.match_threshold, n_phi)
    parts = quality_loss(jets, targets, config)
    if isinstance(prediction, MaskPrediction):
        assert masks is not None
        parts = parts._replace(mask=mask_loss(prediction, targets.jet, masks, default_boxes))
    return parts


def quality_loss(prediction: Prediction, targets: ClassTargets, config: Training) -> Loss:
    """The loss where a default box has a jet of each class; finite for images without jets.

    Args:
        prediction: of the network.
        targets: what it should have been.
        config: threshold of the matching, Huber's delta.
    """
    offset, logits, log_pt = (part.float() for part in prediction)
    positive, threshold = targets.overlap > 0, config.match_threshold
    wanted = LOWEST_QUALITY + (1 - LOWEST_QUALITY) * (targets.overlap - threshold) / (1 - threshold)
    wanted = torch.where(positive, wanted, 0.0)
    focus = (logits.sigmoid() - wanted).abs() ** FOCUS
    classification = (focus * F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")).sum()
    localisation = _huber(offset, targets.offset, positive, config)
    regression = _huber(log_pt, targets.log_pt, positive, config)
    n_positive = positive.sum().clamp(min=1)
    return Loss(
        classification / wanted.sum().clamp(min=1), WEIGHT * localisation / n_positive, WEIGHT * regression / n_positive
    )


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
    localisation = _huber(offset, targets.offset, positive, config)
    regression = _huber(log_pt, targets.log_pt, positive, config)
    n_positive = positive.sum().clamp(min=1)
    return Loss(classification / n_positive, localisation / n_positive, regression / n_positive)


def _huber(found: Tensor, wanted: Tensor, positive: Tensor, config: Training) -> Tensor:
    """The sum over the default boxes that have a jet."""
    return F.huber_loss(found[positive], wanted[positive], delta=config.huber_delta, reduction="sum")


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
