"""Parts of both networks that know that the image is an unrolled cylinder, and those that torch does not have."""

import math
from collections import OrderedDict
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.networks.default_boxes import Axis

# Probability of a jet in a default box that an untrained network gives.
RARE = 0.01


class Prediction(NamedTuple):
    """What a network predicts for each default box: one jet, or one of each class.

    Attributes:
        offset: (images, default boxes, 2 or 4), see `models.networks.matching.encode`; with one jet of each class
            (images, default boxes, classes, 2 or 4).
        logits: (images, default boxes, 1 + classes), background first; with one jet of each class
            (images, default boxes, classes).
        log_pt: (images, default boxes), ln(pt / scale); zeros from a network that does not measure pt; with one jet of
            each class (images, default boxes, classes).
    """

    offset: Tensor
    logits: Tensor
    log_pt: Tensor

    @property
    def jets(self) -> "Prediction":
        """Itself; of a network with masks, what it predicts beside them (`models.networks.masks.MaskPrediction`)."""
        return self

    @property
    def per_class(self) -> bool:
        """Whether there is a jet of each class, with a probability of its own, or one jet of one class."""
        return self.offset.dim() == 4

    @property
    def scores(self) -> Tensor:
        """Probability of each class, float32 (images, classes, default boxes)."""
        logits = self.logits.float()
        probability = logits.sigmoid() if self.per_class else logits.softmax(dim=-1)[..., 1:]
        return probability.transpose(1, 2)


def wrapped(x: Tensor, before: int, after: int | None = None) -> Tensor:
    """A map with cells of the other side beyond its borders in phi, `before` and `after` of them, at most all.

    `torch.nn.functional.pad` does the same in twice the time.
    """
    after = before if after is None else after
    if x.requires_grad and torch.is_grad_enabled():
        return _Wrapped.apply(x, before, after)  # type: ignore[no-any-return, no-untyped-call]
    return _wrapped(x, before, after)


def _wrapped(x: Tensor, before: int, after: int) -> Tensor:
    return torch.cat([x[..., x.shape[-1] - before :], x, x[..., :after]], dim=-1)


class _Wrapped(torch.autograd.Function):
    """`wrapped` for training: torch itself makes a gradient of the whole map for each border, and adds them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, before: int, after: int) -> Tensor:
        ctx.cells = before, after, x.shape[-1]
        return _wrapped(x, before, after)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,), (before, after, cells) = gradients, ctx.cells
        inner = gradient.narrow(-1, before, cells).clone()
        inner.narrow(-1, cells - before, before).add_(gradient.narrow(-1, 0, before))
        inner.narrow(-1, 0, after).add_(gradient.narrow(-1, before + cells, after))
        return inner, None, None


class Convolution(nn.Conv2d):
    """A convolution with zeros beyond the borders in eta, and in phi zeros or the other side."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        circular: bool,
        groups: int = 1,
        bias: bool = False,
        stride: int = 1,
    ) -> None:
        # Where windows do not overlap, none reaches beyond a border.
        edge = 0 if kernel == stride else kernel // 2
        self.circular = circular and edge > 0
        padding = (edge, 0 if self.circular else edge)
        super().__init__(inputs, outputs, kernel, padding=padding, groups=groups, bias=bias, stride=stride)
        self.edge = edge

    def forward(self, x: Tensor) -> Tensor:
        """(images, inputs, eta, phi) to (images, outputs, eta / stride, phi / stride), rounded up."""
        return super().forward(self.padded(x))

    def padded(self, x: Tensor) -> Tensor:
        """The map, with the cells of the other side beyond its borders in phi if phi goes round."""
        return wrapped(x, self.edge) if self.circular else x


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
        return wrapped(x, 0, 1) if self.repeat else x


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
        dropped = F.max_pool2d(seeds.float(), self.block, stride=1, padding=self.block // 2)
        scale = dropped.numel() / (dropped.numel() - dropped.sum()).clamp(min=1)
        # Cells as rows, of which some are filled: a product with a mask of one channel takes three times as long.
        cells = (x * scale.to(x.dtype)).permute(0, 2, 3, 1)
        rows = cells.reshape(-1, x.shape[1]).index_fill(0, dropped.flatten().nonzero()[:, 0], 0)
        return rows.view(cells.shape).permute(0, 3, 1, 2)


class Head(nn.Module):
    """Offsets, classes and pt for the default boxes of each cell of one map."""

    def __init__(
        self,
        channels: int,
        boxes: int,
        classes: int,
        coordinates: int,
        *,
        pt: bool,
        bias: bool,
        circular: bool,
        per_class: bool = False,
        kernel: int = 3,
    ) -> None:
        """A head.

        Args:
            channels: of the map.
            boxes: default boxes of a cell.
            classes: of jets.
            coordinates: 2 for boxes of a fixed size, or 4.
            pt: whether pt is measured.
            bias: whether convolutions have one; that of the classes has it in any case if per_class.
            circular: whether phi goes round.
            per_class: a jet of each class for each default box, instead of one jet.
            kernel: size of the convolutions.
        """
        super().__init__()

        def convolution(outputs: int, bias: bool) -> Convolution:
            return Convolution(channels, boxes * outputs, kernel, circular=circular, bias=bias)

        jets = classes if per_class else 1
        self.offset = convolution(jets * coordinates, bias)
        self.logits = convolution(classes if per_class else 1 + classes, bias or per_class)
        self.log_pt = convolution(jets, bias) if pt else None
        self.coordinates, self.classes, self.per_class = coordinates, classes, per_class
        self.expect_few()

    def expect_few(self) -> None:
        """Begins with nearly no jet in any default box, if each class has its probability (arXiv:1708.02002, 3.3)."""
        if self.per_class and self.logits.bias is not None:
            nn.init.constant_(self.logits.bias, math.log(RARE / (1 - RARE)))

    def forward(self, x: Tensor) -> Prediction:
        """(images, channels, eta, phi) to predictions in the order of the default boxes."""
        return self.arranged(self.offset(x), self.logits(x), None if self.log_pt is None else self.log_pt(x))

    def arranged(self, offset: Tensor, logits: Tensor, log_pt: Tensor | None = None) -> Prediction:
        """Maps of all predictions of a cell, (images, boxes * numbers, eta, phi), in the order of the default boxes."""
        images = offset.shape[0]
        jets = (self.classes,) if self.per_class else ()
        offset = offset.permute(0, 2, 3, 1).reshape(images, -1, *jets, self.coordinates)
        logits = logits.permute(0, 2, 3, 1).reshape(images, -1, self.classes + (not self.per_class))
        if log_pt is None:
            return Prediction(offset, logits, torch.zeros_like(offset[..., 0]))
        return Prediction(offset, logits, log_pt.permute(0, 2, 3, 1).reshape(images, -1, *jets))


def joined(predictions: list[Prediction]) -> Prediction:
    """The predictions of several maps, one after the other."""
    return Prediction(*(torch.cat(parts, dim=1) for parts in zip(*predictions, strict=True)))
