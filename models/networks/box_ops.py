"""Overlap and suppression of boxes on the cylinder: phi is periodic, eta is not.

Boxes are those of `detector.geometry.boxes`: (eta_min, phi_min, eta_max, phi_max) in pixels, phi_max past n_phi where a
box crosses the seam. Here phi_min may be any number of turns off; only the widths and differences count.
"""

import torch
from torch import Tensor


def check(box: Tensor, n_phi: float) -> None:
    """Refuses boxes that are none.

    Args:
        box: (..., 4).
        n_phi: pixels round phi.

    Raises:
        ValueError: not finite, without area, or more than once round phi.
    """
    size = box[..., 2:] - box[..., :2]
    bad = ~torch.isfinite(box).all(-1) | (size <= 0).any(-1) | (size[..., 1] > n_phi)
    if bad.any():
        raise ValueError(
            f"{int(bad.sum())} boxes without area, not finite or wider than {n_phi} pixels in phi; "
            f"the first: {box[bad][0].tolist()}"
        )


def delta_phi(phi: Tensor, origin: Tensor, n_phi: float) -> Tensor:
    """The signed way from `origin` to `phi` round the shorter side, in pixels, in [-n_phi / 2, n_phi / 2)."""
    return torch.remainder(phi - origin + n_phi / 2, n_phi) - n_phi / 2


def area(box: Tensor) -> Tensor:
    """Square pixels of each box, (..., 4) to (...)."""
    return (box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1])


def iou(one: Tensor, two: Tensor, n_phi: float) -> Tensor:
    """Intersection over union of every box with every other, exact across the seam.

    Args:
        one: (..., n, 4), boxes with area.
        two: (..., m, 4), the same.
        n_phi: pixels round phi.

    Returns:
        (..., n, m), in [0, 1].
    """
    one, two = one[..., :, None, :], two[..., None, :, :]
    eta = torch.minimum(one[..., 2], two[..., 2]) - torch.maximum(one[..., 0], two[..., 0])
    common = eta.clamp(min=0) * _common_phi(one, two, n_phi)
    return common / (area(one) + area(two) - common)


def _common_phi(one: Tensor, two: Tensor, n_phi: float) -> Tensor:
    """How much two arcs share.

    Seen from the first arc's start, the second begins at d in [0, n_phi), and once more at d - n_phi: wide arcs
    can meet at both ends.
    """
    width, other = one[..., 3] - one[..., 1], two[..., 3] - two[..., 1]
    d = torch.remainder(two[..., 1] - one[..., 1], n_phi)
    ahead = (torch.minimum(width, d + other) - d).clamp(min=0)
    behind = torch.minimum(width, d + other - n_phi).clamp(min=0)
    return ahead + behind


def nms(box: Tensor, score: Tensor, threshold: float, n_phi: float) -> Tensor:
    """Greedy non-maximum suppression in many groups at once.

    A box is dropped if one with a higher score that is itself kept overlaps it by more than the threshold. That is a
    recursion from the highest score down; iterating it from "all are kept" reaches its one solution after as many
    steps as the longest chain of suppressions, all groups at once.

    Args:
        box: (..., n, 4), boxes with area.
        score: (..., n); of equal scores the first box counts as higher.
        threshold: largest overlap that is left.
        n_phi: pixels round phi.

    Returns:
        bool (..., n), which boxes are kept.
    """
    order = score.argsort(dim=-1, descending=True, stable=True)
    ordered = box.gather(-2, order[..., None].expand_as(box))
    beats = (iou(ordered, ordered, n_phi) > threshold).triu(diagonal=1)
    kept = torch.ones_like(order, dtype=torch.bool)
    while True:
        found = ~(beats & kept[..., :, None]).any(dim=-2)
        if torch.equal(found, kept):
            return torch.zeros_like(kept).scatter(-1, order, kept)
        kept = found
