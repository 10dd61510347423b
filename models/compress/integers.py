"""Layers of integers at inference: as torch computes them with floats, and as an ONNX graph names them.

In a graph, a number of eight bits stands between a node that makes it (QuantizeLinear) and one that takes it
(DequantizeLinear). ONNX Runtime, OpenVINO and TensorRT recognise convolutions between such nodes and compute them with
integers.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.networks.layers import Convolution, Pool

# A signed number is stored without a sign, this much higher: the kernels want features without one.
SHIFT = 128
LARGEST = 255
# A quarter in units of a pooling's weights: any whole number that eight bits hold.
QUARTER = 64


class Rounded(nn.Module):
    """Features rounded to one of 256 multiples of a scale; those beyond them become the last one."""

    scale: Tensor
    zero: Tensor

    def __init__(self, scale: Tensor, *, signed: bool, around: int = 0) -> None:
        """A rounding.

        Args:
            scale: one number, > 0.
            signed: multiples from -128 to 127 instead of 0 to 255.
            around: cells of the other side that are added beyond both borders in phi. They are copied as integers: a
                copy of floats would keep the convolutions before and after it from being computed with integers.
        """
        super().__init__()
        self.around = around
        self.register_buffer("scale", scale.detach().clone().reshape(()))
        self.register_buffer("zero", torch.tensor(SHIFT if signed else 0, dtype=torch.uint8))

    def forward(self, x: Tensor) -> Tensor:
        """(images, channels, eta, phi) to the same, or with more cells in phi."""
        if torch.onnx.is_in_onnx_export():
            units = torch.onnx.ops.symbolic(
                "QuantizeLinear", (x, self.scale, self.zero), dtype=torch.uint8, shape=x.shape
            )
            units = self._wrapped(units)
            return torch.onnx.ops.symbolic(
                "DequantizeLinear", (units, self.scale, self.zero), dtype=torch.float32, shape=units.shape
            )
        zero = self.zero.float()
        return self._wrapped(((x / self.scale).round() + zero).clamp(0, LARGEST).sub(zero) * self.scale)

    def _wrapped(self, x: Tensor) -> Tensor:
        return F.pad(x, (self.around, self.around, 0, 0), mode="circular") if self.around else x


class IntegerConvolution(Convolution):
    """A convolution whose weights are whole multiples of a scale, one for each output channel.

    Where phi goes round, what goes in has the cells beyond the borders already (`Rounded`).
    """

    units: Tensor
    scale: Tensor

    def __init__(self, like: nn.Module, units: Tensor, scale: Tensor, bias: Tensor) -> None:
        """A convolution of the shape of another one.

        Args:
            like: a convolution with `edge` and `circular`, or one with stride and padding.
            units: whole numbers (outputs, inputs / groups, rows, columns) of -127 to 127.
            scale: (outputs), > 0.
            bias: (outputs).
        """
        groups = like.groups
        assert isinstance(groups, int)
        super().__init__(
            units.shape[1] * groups,
            len(units),
            units.shape[-1],
            circular=bool(getattr(like, "circular", False)),
            groups=groups,
            bias=True,
            stride=like.stride[0],  # type: ignore[index, arg-type]
        )
        self.register_buffer("units", units.to(torch.int8))
        self.register_buffer("scale", scale.detach().clone())
        self.weight = nn.Parameter(units * scale[:, None, None, None], requires_grad=False)
        assert self.bias is not None
        self.bias.data.copy_(bias)

    def forward(self, x: Tensor) -> Tensor:
        """(images, inputs, eta, phi) to (images, outputs, eta, phi)."""
        result: Tensor = self._conv_forward(x, _weights(self.units, self.scale), self.bias)
        return result


class IntegerPool(nn.Module):
    """Average pooling of 2 x 2 rounded cells as a convolution of integers, with weights of a quarter."""

    units: Tensor
    scale: Tensor

    def __init__(self, pool: Pool, channels: int) -> None:
        """A pooling as another one.

        Args:
            pool: average pooling.
            channels: of the map.
        """
        super().__init__()
        self.pool = pool
        self.register_buffer("units", torch.full((channels, 1, 2, 2), QUARTER, dtype=torch.int8))
        self.register_buffer("scale", torch.full((channels,), 1 / 4 / QUARTER))

    def forward(self, x: Tensor) -> Tensor:
        """(images, channels, eta, phi) to about half of it in both."""
        weight = _weights(self.units, self.scale)
        return F.conv2d(self.pool.padded(x), weight, stride=2, padding=self.pool.pool.padding, groups=len(self.units))


def _weights(units: Tensor, scale: Tensor) -> Tensor:
    """Weights of a convolution; in a graph, the node that makes them of integers."""
    if not torch.onnx.is_in_onnx_export():
        return units * scale[:, None, None, None]
    zero = torch.zeros_like(units[:, 0, 0, 0])
    return torch.onnx.ops.symbolic(
        "DequantizeLinear", (units, scale, zero), attrs={"axis": 0}, dtype=torch.float32, shape=units.shape
    )
