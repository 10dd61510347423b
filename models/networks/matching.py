"""Which default box answers for which jet, and what it is to predict."""

from typing import NamedTuple

import torch
from torch import Tensor

from models.networks.box_ops import delta_phi, iou

# Offsets are predicted in units of a tenth of the box, log sizes in units of a fifth (Liu et al., arXiv:1512.02325).
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2

# Transverse momenta below this are taken as this, so that their logarithm is finite, GeV.
MIN_PT = 1.0


class Targets(NamedTuple):
    """What each default box is to predict.

    Attributes:
        label: int64 (images, default boxes), 0 for background, class_id + 1 for a jet.
        offset: (images, default boxes, coordinates), as `encode` gives; 0 for background.
        log_pt: (images, default boxes), ln(pt / scale); 0 for background.
    """

    label: Tensor
    offset: Tensor
    log_pt: Tensor


class ClassTargets(NamedTuple):
    """What each default box is to predict of each class.

    Attributes:
        overlap: (images, default boxes, classes), IoU with its jet, 0 where there is none.
        offset: (images, default boxes, classes, coordinates), as `encode` gives; 0 where there is none.
        log_pt: (images, default boxes, classes), ln(pt / scale); 0 where there is none.
        jet: int64 (images, default boxes, classes), the image's jet; -1 where there is none.
    """

    overlap: Tensor
    offset: Tensor
    log_pt: Tensor
    jet: Tensor


def encode(box: Tensor, default_box: Tensor, coordinates: int, n_phi: float) -> Tensor:
    """Boxes as seen from default boxes: distance of the centres, and for 4 coordinates log ratios of the sizes.

    Args:
        box, default_box: (..., 4).
        coordinates: 2 for boxes of a fixed size, or 4.
        n_phi: pixels round phi.

    Returns:
        (..., coordinates): eta, phi, and rows, columns.
    """
    size, default_size = box[..., 2:] - box[..., :2], default_box[..., 2:] - default_box[..., :2]
    centre = (box[..., :2] - default_box[..., :2]) + (size - default_size) / 2
    centre = torch.stack([centre[..., 0], delta_phi(centre[..., 1], torch.zeros_like(centre[..., 1]), n_phi)], dim=-1)
    offset = centre / default_size / CENTRE_VARIANCE
    if coordinates == 2:
        return offset
    return torch.cat([offset, (size / default_size).log() / SIZE_VARIANCE], dim=-1)


def decode(offset: Tensor, default_box: Tensor, n_phi: float) -> Tensor:
    """The boxes that predictions mean; the inverse of `encode`.

    Args:
        offset: (..., 2 or 4).
        default_box: (..., 4).
        n_phi: pixels round phi.

    Returns:
        (..., 4), with phi_min in [0, n_phi).
    """
    default_size = default_box[..., 2:] - default_box[..., :2]
    size = default_size.expand_as(offset[..., :2])
    if offset.shape[-1] == 4:
        # Keeps the box of an untrained network finite: at most once round in phi, and never empty.
        ratio = (offset[..., 2:] * SIZE_VARIANCE).clamp(-4, 4).exp()
        size = (size * ratio).clamp(max=n_phi)
    low = default_box[..., :2] + (default_size - size) / 2 + offset[..., :2] * CENTRE_VARIANCE * default_size
    phi_min = torch.remainder(low[..., 1], n_phi)
    low = torch.stack([low[..., 0], torch.where(phi_min >= n_phi, 0.0, phi_min)], dim=-1)
    return torch.cat([low, low + size], dim=-1)


def match(box: Tensor, present: Tensor, default_box: Tensor, threshold: float, n_phi: float) -> Tensor:
    """The jet that each default box answers for.

    A default box takes the jet it overlaps most, if by at least the threshold; each jet's best default box takes it in
    any case (Liu et al., arXiv:1512.02325, section 2.2). Where two jets have the same best box, the later one has it.

    Args:
        box: (images, jets, 4), padded.
        present: bool (images, jets), False for padding.
        default_box: (default boxes, 4).
        threshold: minimum IoU.
        n_phi: pixels round phi.

    Returns:
        int64 (images, default boxes), index of the jet or -1.
    """
    n_images, n_jets = present.shape
    if n_jets == 0:
        return torch.full((n_images, len(default_box)), -1, dtype=torch.int64, device=default_box.device)
    # Padding has no area and would divide by zero.
    safe = torch.where(present[..., None], box, default_box[0])
    overlap = torch.where(present[..., None], iou(safe, default_box, n_phi), -1.0)
    best, jet = overlap.max(dim=1)
    jet = torch.where(best >= threshold, jet, -1)
    favourite = overlap.argmax(dim=2)
    for number in range(n_jets):
        forced = torch.where(present[:, number], number, jet.gather(1, favourite[:, number, None])[:, 0])
        jet = jet.scatter(1, favourite[:, number, None], forced[:, None])
    return jet


def assign(
    truth: tuple[Tensor, Tensor, Tensor],
    scale: Tensor,
    default_box: Tensor,
    coordinates: int,
    threshold: float,
    n_phi: float,
) -> Targets:
    """What each default box is to predict for these jets.

    Args:
        truth: box (images, jets, 4), class_id (images, jets), -1 for padding, pt (images, jets), GeV.
        scale: (images), GeV, unit of pt.
        default_box: (default boxes, 4).
        coordinates: 2 or 4.
        threshold: minimum IoU of a default box with its jet.
        n_phi: pixels round phi.
    """
    box, class_id, pt = truth
    jet = match(box, class_id >= 0, default_box, threshold, n_phi)
    if class_id.shape[1] == 0:
        nothing = torch.zeros(jet.shape, device=default_box.device)
        return Targets(torch.zeros_like(jet), nothing[..., None].expand(*jet.shape, coordinates), nothing)
    positive, jet = jet >= 0, jet.clamp(min=0)
    own = box.gather(1, jet[..., None].expand(*jet.shape, 4))
    # Background gets its own default box: offsets of 0, and a finite logarithm.
    own = torch.where(positive[..., None], own, default_box)
    log_pt = (pt.clamp(min=MIN_PT) / scale[:, None]).log().gather(1, jet)
    return Targets(
        label=torch.where(positive, class_id.gather(1, jet) + 1, 0),
        offset=encode(own, default_box, coordinates, n_phi),
        log_pt=torch.where(positive, log_pt, 0.0),
    )


def assign_per_class(
    truth: tuple[Tensor, Tensor, Tensor],
    scale: Tensor,
    default_box: Tensor,
    coordinates: int,
    n_classes: int,
    threshold: float,
    n_phi: float,
) -> ClassTargets:
    """What each default box is to predict of each class.

    For each class by itself, a default box takes the jet that it overlaps most, if by at least the threshold; each
    jet's best default box takes it in any case.

    Args:
        truth: box (images, jets, 4), class_id (images, jets), -1 for padding, pt (images, jets), GeV.
        scale: (images), GeV, unit of pt.
        default_box: (default boxes, 4).
        coordinates: 2 or 4.
        n_classes: how many classes there are.
        threshold: minimum IoU of a default box with its jet.
        n_phi: pixels round phi.
    """
    box, class_id, pt = truth
    shape = (len(class_id), len(default_box), n_classes)
    quality, jet = default_box.new_zeros(shape), class_id.new_full(shape, -1)
    if class_id.shape[1]:
        overlap = iou(torch.where(class_id[..., None] >= 0, box, default_box[0]), default_box, n_phi)
        for number in range(n_classes):
            best, index = _of_class(overlap, class_id == number, threshold)
            quality[..., number] = best
            jet[..., number] = index
    positive = jet >= 0
    chosen = jet.clamp(min=0).flatten(1)
    own = default_box[:, None].expand(*shape, 4)
    log_pt = default_box.new_zeros(shape)
    if class_id.shape[1]:
        taken = box.gather(1, chosen[..., None].expand(*chosen.shape, 4)).view(*shape, 4)
        own = torch.where(positive[..., None], taken, own)
        in_units = (pt.clamp(min=MIN_PT) / scale[:, None]).log()
        log_pt = torch.where(positive, in_units.gather(1, chosen).view(shape), 0.0)
    return ClassTargets(quality, encode(own, default_box[:, None].expand_as(own), coordinates, n_phi), log_pt, jet)


def _of_class(overlap: Tensor, mine: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """The overlap and number of the jet that each default box takes of the jets of one class, 0 and -1 for none.

    Args:
        overlap: (images, jets, default boxes).
        mine: bool (images, jets), those of the class.
        threshold: minimum overlap, but for a jet's best default box.
    """
    seen = torch.where(mine[..., None], overlap, -1.0)
    highest = seen.amax(dim=2, keepdim=True)
    allowed = (seen >= threshold) | ((seen == highest) & (seen > 0))
    best, index = torch.where(allowed, seen, -1.0).max(dim=1)
    taken = best > 0
    # A box that a jet takes in any case counts as one at the threshold.
    return torch.where(taken, best.clamp(min=threshold), 0.0), torch.where(taken, index, -1)
