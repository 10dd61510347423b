"""Binary weights and activations: the binarized network that the status report of October 2019 names.

Weights are -s and s, where s is the mean absolute weight of the output channel: this minimises the squared error
(XNOR-Net, arXiv:1603.05279, section 3.1). What goes into such a convolution is -1 or 1, its sign; a map of scales for
the input, as XNOR-Net has it, is left out, because a batch norm follows each of these convolutions. Beyond the borders
there are zeros still.

Gradients go straight through both; through the sign of an input x only where |x| <= 1 (Courbariaux et al.,
arXiv:1602.02830, section 1.3). Activations have to keep the sign of what batch norm gives them, as PReLU and ELU do.
ReLU does not: behind it all signs are 1. PReLU takes its place.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from models.compress.layers import chosen_convolutions, plain, straight_through
from models.networks.build import Network
from models.networks.config import Compression


def sign(values: Tensor) -> Tensor:
    """-1 for numbers below zero, else 1: two values only."""
    one = torch.ones_like(values)
    return torch.where(values < 0, -one, one)


def binary(weight: Tensor) -> Tensor:
    """Binary weights of each output channel; a channel of zeros stays one.

    Args:
        weight: (output channels, ...).
    """
    scale = weight.abs().flatten(1).mean(dim=1)
    return sign(weight) * scale.view(-1, *[1] * (weight.dim() - 1))


class BinaryWeight(nn.Module):
    """The binary weights of a layer, with the gradient handed on as it is."""

    def forward(self, weight: Tensor) -> Tensor:
        """(output channels, ...) to the same."""
        return straight_through(binary(weight), weight)


class BinaryInput(nn.Module):
    """The signs of features; gradients pass where the feature is within -1 and 1."""

    def forward(self, x: Tensor) -> Tensor:
        """(images, channels, eta, phi) to the same."""
        return straight_through(sign(x), x.clamp(-1, 1)) if self.training else sign(x)


def apply(network: Network, chosen: Compression) -> None:
    """Gives the chosen convolutions binary weights and inputs, and PReLU for ReLU."""
    channels = 0
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.BatchNorm2d):  # stands before its activation
            channels = module.num_features
        elif isinstance(module, nn.ReLU):
            network.set_submodule(name, nn.PReLU(channels))
    for name, layer in chosen_convolutions(network, chosen).items():
        parametrize.register_parametrization(layer, "weight", BinaryWeight())
        network.set_submodule(name, nn.Sequential(OrderedDict[str, nn.Module](sign=BinaryInput(), convolution=layer)))


def fold_for_inference(network: Network) -> None:
    """Puts the binary weights in the place of those behind them; the convolutions are plain again."""
    plain(network)
