"""A network from its configuration."""

from torch import nn

from models.networks.config import Model
from models.networks.pfjet import PFJetSSD
from models.networks.ssd7 import SSD7

Network = PFJetSSD | SSD7


def build(config: Model) -> Network:
    """The network, with everything that serves training, and random weights.

    Raises:
        ValueError: the configuration names no classes.
    """
    if not config.class_names:
        raise ValueError("a network needs class_names; they come from the data set")
    return PFJetSSD(config) if config.architecture == "pfjet" else SSD7(config)


def parameters(network: nn.Module) -> int:
    """Numbers that training changes by gradients."""
    return sum(parameter.numel() for parameter in network.parameters())
