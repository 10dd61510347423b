"""A network that gives every object its mask: prototypes and coefficients, as YOLACT (Bolya et al., arXiv:1904.02689).

The network `fast` on a map of 4 x 4 pixels a cell finds objects. Beside, it makes prototypes, maps of the whole image
in all its pixels, and for each object that it finds coefficients: the mask is their linear combination, above 0. Six
more prototypes are known: 1, y, x, y^2, y x, x^2 of a pixel's place as seen from the object's default box, with which a
mask can be any ellipse. They take the place of YOLACT's crop to the predicted box: nothing else tells two objects apart
that look the same, on a map on which every place looks the same. A mask is cut at a window of 32 x 32 pixels.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.networks.config import Model
from models.networks.fast import SQUARE, FastSSD
from models.networks.layers import Convolution, Prediction
from models.networks.postprocess import Detections, detect_places

PROTOTYPES = 8
# Those that are known: 1, y, x, y^2, y x, x^2.
KNOWN = 6
# Pixels along each side of the window of a mask, and those that count as one in the known prototypes.
WINDOW, UNIT = 32, 4.0
# Added to the size of a mask, pixels, so that a pixel does not count too much in a small one.
SMOOTH = 4.0


class MaskPrediction(NamedTuple):
    """What a network with masks predicts.

    Attributes:
        jets: as of other networks.
        coefficients: (images, default boxes, classes, PROTOTYPES + KNOWN).
        prototypes: (images, PROTOTYPES, n_eta, n_phi).
    """

    jets: Prediction
    coefficients: Tensor
    prototypes: Tensor


class MaskTruth(NamedTuple):
    """The masks of the jets of some images, counted over all images.

    Attributes:
        n_jets: how many jets there are.
        first: int64 (images), the first jet of each.
        jet: int64 (pixels), the jet of each pixel.
        pixel: int64 (pixels), flat.
    """

    n_jets: int
    first: Tensor
    jet: Tensor
    pixel: Tensor


class MaskSSD(FastSSD):
    """The network."""

    step = 1

    def __init__(self, config: Model) -> None:
        super().__init__(config)
        _, second, *_, last = config.all_channels
        self.n_classes, self.shape = len(config.class_names), config.image_shape
        self.coefficients = nn.Conv2d(last, self.n_classes * (PROTOTYPES + KNOWN), 1)
        self.coarse = nn.Conv2d(second + last, PROTOTYPES * SQUARE**2, 1)
        self.fine = Convolution(PROTOTYPES + config.input_channels, PROTOTYPES, 3, circular=config.circular, bias=True)

    def forward(self, x: Tensor) -> MaskPrediction:  # type: ignore[override]
        """(images, channels, n_eta, n_phi) to predictions for `default_boxes`, with masks."""
        filled = self.filled(x)
        early = self.stages[1](self.stages[0](filled))
        late = self.stages[2:](early)
        coarse = F.relu(self.coarse(torch.cat([early, late], dim=1)))
        fine = self.fine(torch.cat([F.pixel_shuffle(coarse, SQUARE), filled], dim=1))
        coefficients = self.coefficients(late).permute(0, 2, 3, 1)
        return MaskPrediction(
            jets=self.heads[0](late),
            coefficients=coefficients.reshape(len(x), -1, self.n_classes, PROTOTYPES + KNOWN),
            prototypes=fine[..., : self.shape[0], : self.shape[1]],
        )


class Windows(NamedTuple):
    """The windows of some masks.

    Attributes:
        logits: (masks, WINDOW, WINDOW), above 0 where the mask is; far below where the image has no such pixel.
        pixel: int64, the same shape, flat; of pixels that there are not, that of the border.
    """

    logits: Tensor
    pixel: Tensor


OUTSIDE = -50.0


def windows(prediction: MaskPrediction, default_boxes: Tensor, image: Tensor, place: Tensor, label: Tensor) -> Windows:
    """Masks of some objects.

    Args:
        prediction: of the network.
        default_boxes: of the network, (default boxes, 4).
        image, place, label: int64 (masks), which image, default box and class.
    """
    n_eta, n_phi = prediction.prototypes.shape[-2:]
    box = default_boxes[place]
    centre = (box[:, :2] + box[:, 2:]) / 2
    start = (centre - WINDOW / 2).floor().long()
    step = torch.arange(WINDOW, device=box.device)
    row, column = start[:, :1] + step, start[:, 1:] + step
    there = ((row >= 0) & (row < n_eta))[:, :, None]
    pixel = row.clamp(0, n_eta - 1)[:, :, None] * n_phi + torch.remainder(column, n_phi)[:, None, :]
    flat = prediction.prototypes.permute(0, 2, 3, 1).reshape(-1, PROTOTYPES)
    learned = flat[(image[:, None, None] * (n_eta * n_phi) + pixel).flatten()].view(*pixel.shape, PROTOTYPES).float()
    y, x = (((part + 0.5) - centre[:, axis, None]) / UNIT for axis, part in enumerate((row, column)))
    y, x = y[:, :, None].expand_as(pixel), x[:, None, :].expand_as(pixel)
    known = torch.stack([torch.ones_like(y), y, x, y * y, y * x, x * x], dim=-1)
    weight = prediction.coefficients[image, place, label].float()
    logits = torch.einsum("nyxk,nk->nyx", torch.cat([learned, known], dim=-1), weight)
    return Windows(torch.where(there, logits, OUTSIDE), pixel)


@torch.no_grad()
def detect_masks(
    prediction: MaskPrediction, default_boxes: Tensor, scale: Tensor, n_phi: int, score_threshold: float
) -> tuple[list[Detections], Tensor, Tensor]:
    """The objects that a network found in some images, and their masks.

    Args:
        prediction: of the network.
        default_boxes: of the network, (default boxes, 4).
        scale: (images), GeV, unit of pt.
        n_phi: pixels round phi.
        score_threshold: objects less certain than this are left out.

    Returns:
        The objects of each image; and of each pixel of a mask, int64 (pixels), the object, counted over all images and
        ascending, and the flat pixel, ascending for each object. A mask may have no pixel.
    """
    found = detect_places(prediction.jets, default_boxes, scale, n_phi=n_phi, score_threshold=score_threshold)
    counts = torch.tensor([len(jets.score) for jets, _ in found], device=default_boxes.device)
    image = torch.repeat_interleave(torch.arange(len(found), device=default_boxes.device), counts)
    place = torch.cat([places for _, places in found])
    made = windows(prediction, default_boxes, image, place, torch.cat([jets.class_id for jets, _ in found]))
    own, *within = (made.logits > 0).nonzero(as_tuple=True)
    pixel = made.pixel[(own, *within)]
    order = (own * (prediction.prototypes.shape[-2] * n_phi) + pixel).argsort()
    return [jets for jets, _ in found], own[order], pixel[order]


def mask_loss(prediction: MaskPrediction, jet: Tensor, truth: MaskTruth, default_boxes: Tensor) -> Tensor:
    """Cross entropy of the pixels, a share of the mask's size, and the dice loss (as CondInst, arXiv:2003.05664).

    Args:
        prediction: of the network.
        jet: int64 (images, default boxes, classes), the jet of the image that each answers for; -1 for none.
        truth: the masks of the jets.
        default_boxes: of the network.
    """
    image, place, label = (jet >= 0).nonzero(as_tuple=True)
    if not len(image):
        return prediction.prototypes.sum() * 0
    found = windows(prediction, default_boxes, image, place, label)
    own = truth.first[image] + jet[image, place, label]
    n_pixels = prediction.prototypes.shape[-2] * prediction.prototypes.shape[-1]
    masks = torch.zeros(truth.n_jets, n_pixels, dtype=torch.bool, device=jet.device)
    masks[truth.jet, truth.pixel] = True
    wanted = masks[own[:, None], found.pixel.flatten(1)].float() * (found.logits.flatten(1) > OUTSIDE)
    logits, size = found.logits.flatten(1), wanted.sum(dim=1)
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").sum(dim=1) / (size + SMOOTH)
    chance = logits.sigmoid()
    dice = 1 - (2 * (chance * wanted).sum(dim=1) + 1) / ((chance**2).sum(dim=1) + size + 1)
    return (entropy + dice).mean()
