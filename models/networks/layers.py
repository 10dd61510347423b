"""Parts of both networks that know that the image is an unrolled cylinder, and those that torch does not have."""

from collections import OrderedDict
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.networks.default_boxes import Axis


class Prediction(NamedTuple):
    """What a network predicts for each default box.

    Attributes:
        offset: (images, default boxes, 2 or 4), see `models.networks.matching.encode`.
        logits: (images, default boxes, 1 + classes), background first.
        log_pt: (images, default boxes), ln(pt / scale); zeros from a network that does not measure pt.
    """

    offset: Tensor
    logits: Tensor
    log_pt: Tensor


class Convolution(nn.Conv2d):
    """A convolution that keeps the map's size: zeros beyond the borders in eta, and in phi zeros or the other side."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, circular: bool, groups: int = 1, bias: bool = False):
        edge = kernel // 2
        self.circular = circular and edge > 0
        super().__init__(
            inputs, outputs, kernel, padding=(edge, 0 if self.circular else edge), groups=groups, bias=bias
        )
        self.edge = edge

    def forward(self, x: Tensor) -> Tensor:
        """(images, inputs, eta, phi) to (images, outputs, eta, phi)."""
        return super().forward(self.padded(x))

    def padded(self, x: Tensor) -> Tensor:
        """The map, with the cells of the other side beyond its borders in phi if phi goes round."""
        return F.pad(x, (self.edge, self.edge, 0, 0), mode="circular") if self.circular else x


class Block(nn.Sequential):
    """Layers by name, one after the other; `NAME_norm` and `NAME_activation` follow the convolution NAME.

    Attributes:
        mixing: name of the convolution that makes the block's outputs.
    """

    def __init__(self, mixing: str, **layers: nn.Module) -> None:
        super().__init__(OrderedDict(layers))
        self.mixing = mixing

    @property
    def norm(self) -> nn.BatchNorm2d:
        """The batch norm of the block's outputs."""
        norm = self.get_submodule(f"{self.mixing}_norm")
        assert isinstance(norm, nn.BatchNorm2d)
        return norm

    @property
    def activation(self) -> nn.Module:
        """What the block ends with."""
        return self.get_submodule(f"{self.mixing}_activation")


class Pool(nn.Module):
    """Pooling of 2 x 2 cells with a stride of 2.

    In phi a circular map of an odd number of cells gets its first cell once more at the end; an even one nothing, so
    that turning the image by the stride turns the map by one cell.

    Attributes:
        eta, phi: the cells of the map that comes out.
    """

    def __init__(self, kind: Literal["average", "max"], eta: Axis, phi: Axis, *, edge: int, circular: bool) -> None:
        """A pooling of a map of these cells.

        Args:
            kind: what is taken of the four cells.
            eta, phi: cells of the map that goes in.
            edge: cells of zeros beyond each border; in phi only if not circular.
            circular: whether phi goes round.
        """
        super().__init__()
        self.repeat = circular and phi.cells % 2 == 1
        padding = (edge, 0 if circular else edge)
        self.pool = nn.AvgPool2d(2, padding=padding) if kind == "average" else nn.MaxPool2d(2, padding=padding)
        self.eta = eta.pooled(edge, edge)
        self.phi = phi.pooled(0, int(self.repeat)) if circular else phi.pooled(edge, edge)

    def forward(self, x: Tensor) -> Tensor:
        """(images, channels, eta, phi) to about half of it in both."""
        pooled: Tensor = self.pool(self.padded(x))
        return pooled

    def padded(self, x: Tensor) -> Tensor:
        """The map, with its first cell in phi once more at the end if that is needed."""
        return F.pad(x, (0, 1, 0, 0), mode="circular") if self.repeat else x


class L2Norm(nn.Module):
    """Features of each cell scaled to a learned length, one scale a channel (ParseNet, arXiv:1506.04579, eq. 3-4)."""

    def __init__(self, channels: int, scale: float = 20.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """(images, channels, eta, phi) to the same."""
        # A sum of 512 squares does not fit into 16 bits.
        with torch.autocast(x.device.type, enabled=False):
            return F.normalize(x.float(), dim=1) * self.weight[:, None, None]


class ChannelAttention(nn.Module):
    """Efficient channel attention (arXiv:1910.03151): channels weighted by a convolution over channel means."""

    def __init__(self, kernel: int = 3) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(images, channels, eta, phi) to the same."""
        means = x.mean(dim=(2, 3))
        weight = torch.sigmoid(self.convolution(means[:, None]))[:, 0]
        return x * weight[:, :, None, None]


class DropBlock(nn.Module):
    """Drops squares of features while training, and scales up the rest (arXiv:1810.12890, algorithm 1)."""

    def __init__(self, probability: float, block: int = 3) -> None:
        super().__init__()
        self.probability, self.block = probability, block

    def forward(self, x: Tensor) -> Tensor:
        """(images, channels, eta, phi) to the same; the squares are the same in all channels of an image."""
        if not self.training or self.probability == 0:
            return x
        # Each seed drops block^2 cells, so that about `probability` of them go (equation 1, borders neglected).
        seeds = torch.rand(x.shape[0], 1, *x.shape[2:], device=x.device) < self.probability / self.block**2
        dropped = F.max_pool2d(seeds.to(x.dtype), self.block, stride=1, padding=self.block // 2)
        kept = 1 - dropped
        return x * kept * (kept.numel() / kept.sum().clamp(min=1))


class Head(nn.Module):
    """Offsets, classes and pt for the default boxes of each cell of one map."""

    def __init__(
        self, channels: int, boxes: int, classes: int, coordinates: int, *, pt: bool, bias: bool, circular: bool
    ) -> None:
        super().__init__()

        def convolution(outputs: int) -> Convolution:
            return Convolution(channels, boxes * outputs, 3, circular=circular, bias=bias)

        self.offset, self.logits = convolution(coordinates), convolution(1 + classes)
        self.log_pt = convolution(1) if pt else None
        self.coordinates, self.classes = coordinates, classes

    def forward(self, x: Tensor) -> Prediction:
        """(images, channels, eta, phi) to predictions in the order of the default boxes."""
        return self.arranged(self.offset(x), self.logits(x), None if self.log_pt is None else self.log_pt(x))

    def arranged(self, offset: Tensor, logits: Tensor, log_pt: Tensor | None = None) -> Prediction:
        """Maps of all predictions of a cell, (images, boxes * numbers, eta, phi), in the order of the default boxes."""
        images = offset.shape[0]
        offset = offset.permute(0, 2, 3, 1).reshape(images, -1, self.coordinates)
        logits = logits.permute(0, 2, 3, 1).reshape(images, -1, 1 + self.classes)
        if log_pt is None:
            return Prediction(offset, logits, torch.zeros_like(logits[..., 0]))
        return Prediction(offset, logits, log_pt.permute(0, 2, 3, 1).reshape(images, -1))


def joined(predictions: list[Prediction]) -> Prediction:
    """The predictions of several maps, one after the other."""
    return Prediction(*(torch.cat(parts, dim=1) for parts in zip(*predictions, strict=True)))
