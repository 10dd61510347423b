"""What all kinds need: which convolutions are quantized, and how gradients pass a step."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from models.networks.build import Network
from models.networks.config import Compression

# Stages or layers before the second pooling.
LARGE = 2


def chosen_convolutions(network: Network, chosen: Compression) -> dict[str, nn.Conv2d]:
    """The convolutions that are quantized, by name, in the order in which data pass them, heads last.

    Args:
        network: with plain convolutions.
        chosen: says which ones stay at full precision.
    """
    found = {name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    first = next(iter(found))
    return {name: module for name, module in found.items() if not _kept(name, module, name == first, chosen)}


def _kept(name: str, module: nn.Conv2d, first: bool, chosen: Compression) -> bool:
    if first:
        return "first" in chosen.keep
    if name.startswith("heads."):
        return "heads" in chosen.keep
    # One pooling lies between two stages (pfjet) or layers (ssd7).
    if int(name.split(".")[1]) < LARGE and "large" in chosen.keep:
        return True
    return "depthwise" in chosen.keep and module.groups > 1


def straight_through(quantized: Tensor, gradient: Tensor) -> Tensor:
    """The quantized numbers exactly, with the gradient of others (arXiv:1308.3432)."""
    return quantized.detach() + (gradient - gradient.detach())


@torch.no_grad()
def plain(network: nn.Module) -> None:
    """Puts parametrized weights in the place of the parameters behind them, in place."""
    for module in network.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
