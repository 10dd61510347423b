"""A network from its configuration."""

from torch import nn

from models.networks.config import Architecture, Model
from models.networks.fast import FastSSD
from models.networks.pfjet import PFJetSSD
from models.networks.ssd7 import SSD7
from models.networks.trigger import TriggerSSD

Network = FastSSD | PFJetSSD | SSD7 | TriggerSSD
NETWORKS: dict[Architecture, type[Network]] = {"fast": FastSSD, "pfjet": PFJetSSD, "ssd7": SSD7, "trigger": TriggerSSD}


def build(config: Model) -> Network:
    """The network, with everything that serves training, and random weights.

    Raises:
        ValueError: the configuration lacks what comes from the data set: classes, image shape or box size.
    """
    for name in ("class_names", "image_shape", "box_size"):
        if not getattr(config, name) or 0 in getattr(config, name):
            raise ValueError(f"a network needs {name}, which comes from the data set")
    return NETWORKS[config.architecture](config)


def parameters(network: nn.Module) -> int:
    """Numbers that training changes by gradients."""
    return sum(parameter.numel() for parameter in network.parameters())
