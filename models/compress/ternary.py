"""Ternary weights (Li and Liu, arXiv:1605.04711): each output channel has weights -s, 0 and s, with its own scale s.

Only weights are quantized. Training changes weights of full precision that lie behind the ternary ones: the gradient
of the ternary weights is taken for theirs (the straight-through estimator).
"""

from torch import Tensor, nn
from torch.nn.utils import parametrize

from models.compress.layers import chosen_convolutions, plain, straight_through
from models.networks.build import Network
from models.networks.config import Compression

# In units of the mean absolute weight: arXiv:1605.04711, section 2.
THRESHOLD = 0.7


def ternary(weight: Tensor) -> Tensor:
    """Ternary weights of each output channel.

    The threshold is 0.7 of the mean absolute weight; the scale is the mean absolute weight of those above it, which
    minimises the squared error for this threshold (arXiv:1605.04711, section 2). A channel of zeros stays one.

    Args:
        weight: (output channels, ...).
    """
    size = weight.abs().flatten(1)
    above = size > THRESHOLD * size.mean(dim=1, keepdim=True)
    scale = (size * above).sum(dim=1, keepdim=True) / above.sum(dim=1, keepdim=True).clamp(min=1)
    return weight.sign() * (above * scale).view_as(weight)


class Ternary(nn.Module):
    """The ternary weights of a layer, with the gradient handed on as it is."""

    def forward(self, weight: Tensor) -> Tensor:
        """(output channels, ...) to the same."""
        return straight_through(ternary(weight), weight)


def apply(network: Network, chosen: Compression) -> None:
    """Gives the chosen convolutions ternary weights."""
    for layer in chosen_convolutions(network, chosen).values():
        parametrize.register_parametrization(layer, "weight", Ternary())


def fold_for_inference(network: Network) -> None:
    """Puts the ternary weights in the place of those behind them; the convolutions are plain again."""
    plain(network)
