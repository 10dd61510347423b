"""Default boxes: where the cells of a feature map look, and boxes of fixed shapes around these places."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Axis:
    """The cells of a feature map along one side of the image.

    Attributes:
        cells: their number.
        stride: pixels from one to the next.
        first: centre of cell 0 in continuous pixels; pixel k covers k to k + 1.
    """

    cells: int
    stride: float = 1.0
    first: float = 0.5

    def pooled(self, before: int, after: int) -> "Axis":
        """After pooling with a window of 2 and a stride of 2, with so many cells of padding on each side."""
        cells = (self.cells + before + after) // 2
        return Axis(cells, 2 * self.stride, self.first + (0.5 - before) * self.stride)

    @property
    def centres(self) -> Tensor:
        """Centres of the cells in pixels, float32 (cells)."""
        return self.first + self.stride * torch.arange(self.cells)


def shapes(size: tuple[float, float], aspect_ratios: Sequence[float]) -> list[tuple[float, float]]:
    """Boxes of one area and different shapes, as (rows, columns).

    Args:
        size: rows and columns at aspect ratio 1.
        aspect_ratios: columns over rows, relative to `size` (Liu et al., arXiv:1512.02325, section 2.2).
    """
    return [(float(size[0] / ratio**0.5), float(size[1] * ratio**0.5)) for ratio in aspect_ratios]


def on_map(eta: Axis, phi: Axis, sizes: Sequence[tuple[float, float]], n_phi: int) -> Tensor:
    """The default boxes of one feature map, in the order of its predictions: row, column, shape.

    Args:
        eta, phi: the map's cells.
        sizes: rows and columns of the boxes of each cell, pixels.
        n_phi: pixels round phi.

    Returns:
        float32 (eta.cells * phi.cells * shapes, 4), with phi_min in [0, n_phi).
    """
    centre = torch.stack(torch.meshgrid(eta.centres, phi.centres, indexing="ij"), dim=-1)[:, :, None]
    half = torch.tensor(sizes) / 2
    low = centre - half
    low[..., 1] = torch.remainder(low[..., 1], n_phi)
    return torch.cat([low, low + 2 * half], dim=-1).reshape(-1, 4)
