"""QONNX: an ONNX graph that says how weights and features are rounded (arXiv:2206.07527), for hls4ml and FINN.

Ternary weights come out of a `Quant` node of two bits, binary weights and features of a `BipolarQuant` node. Batch norm
behind such a convolution stays a node of its own.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.compress.binary import BinaryInput
from models.compress.layers import chosen_convolutions
from models.networks.build import Network
from models.networks.config import Compression
from models.networks.layers import Convolution

DOMAIN = "qonnx.custom_op.general"
TERNARY_BITS = 2.0


class Signs(nn.Module):
    """The signs of features, as a node."""

    def forward(self, x: Tensor) -> Tensor:
        """(images, channels, eta, phi) to the same."""
        return _node("BipolarQuant", (x, torch.ones(())), x)


class NamedWeights(nn.Module):
    """A convolution whose quantized weights come out of a node."""

    scale: Tensor

    def __init__(self, layer: Convolution, kind: str) -> None:
        """A convolution for a graph.

        Args:
            layer: with weights that are quantized already.
            kind: ternary or binary.
        """
        super().__init__()
        self.layer, self.kind = layer, kind
        size = layer.weight.detach().abs().flatten(1).amax(dim=1)
        # A channel of zeros has no scale.
        self.register_buffer("scale", torch.where(size > 0, size, torch.ones_like(size))[:, None, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """(images, inputs, eta, phi) to (images, outputs, eta, phi)."""
        weight, scale = self.layer.weight, self.scale
        if self.kind == "binary":
            quantized = _node("BipolarQuant", (weight, scale), weight)
        else:
            inputs = (weight, scale, torch.zeros(()), torch.tensor(TERNARY_BITS))
            quantized = _node("Quant", inputs, weight, signed=1, narrow=1, rounding_mode="ROUND")
        result: Tensor = self.layer._conv_forward(self.layer.padded(x), quantized, self.layer.bias)
        return result


def _node(name: str, inputs: Sequence[Tensor], like: Tensor, **attributes: int | str) -> Tensor:
    """What a node of QONNX gives, of the shape of another tensor."""
    return torch.onnx.ops.symbolic(
        f"{DOMAIN}::{name}", inputs, attrs={**attributes}, dtype=torch.float32, shape=like.shape, version=1
    )


def named(network: Network, plain: Network, chosen: Compression) -> Network:
    """A copy of a quantized network whose weights and features come out of QONNX nodes; for a graph only.

    Args:
        network: ternary or binary, for inference.
        plain: of the same architecture, for inference, at full precision: names its convolutions.
        chosen: kind and layers.
    """
    network = copy.deepcopy(network)
    for name in chosen_convolutions(plain, chosen):
        within = name if chosen.kind == "ternary" else f"{name}.convolution"
        layer = network.get_submodule(within)
        assert isinstance(layer, Convolution)
        network.set_submodule(within, NamedWeights(layer, chosen.kind))
    for name, module in list(network.named_modules()):
        if isinstance(module, BinaryInput):
            network.set_submodule(name, Signs())
    return network
