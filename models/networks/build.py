"""A network from its configuration."""

import torch
from torch import nn

from models.networks import own
from models.networks.config import Model
from models.networks.fast import FastSSD
from models.networks.masks import MaskSSD
from models.networks.own import OwnNetwork
from models.networks.pfjet import PFJetSSD
from models.networks.ssd7 import SSD7
from models.networks.trigger import TriggerSSD

Ours = FastSSD | MaskSSD | PFJetSSD | SSD7 | TriggerSSD
Network = Ours | OwnNetwork
NETWORKS: dict[str, type[Ours]] = {
    "fast": FastSSD,
    "mask": MaskSSD,
    "pfjet": PFJetSSD,
    "ssd7": SSD7,
    "trigger": TriggerSSD,
}


def build(config: Model) -> Network:
    """The network, with everything that serves training, and random weights.

    Raises:
        ValueError: the configuration lacks what comes from the data set: classes, image shape or box size.
        DataError: a class of the user's that is not there, not trusted, or gives something else than it should.
    """
    for name in ("class_names", "image_shape", "box_size"):
        if not getattr(config, name) or 0 in getattr(config, name):
            raise ValueError(f"a network needs {name}, which comes from the data set")
    return _own(config) if config.own else NETWORKS[config.architecture](config)


def _own(config: Model) -> OwnNetwork:
    network = own.find(config.architecture)(config)
    image = torch.zeros(1, config.input_channels, *config.image_shape)
    own.check(network, config.architecture, image, len(config.class_names), per_class=config.per_class)
    return network


def parameters(network: nn.Module) -> int:
    """Numbers that training changes by gradients."""
    return sum(parameter.numel() for parameter in network.parameters())
