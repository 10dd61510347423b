"""Which module knows the channels of an architecture: their costs, the penalty on them, and how they are removed."""

from types import ModuleType

from models.networks.config import Model
from models.training import channel_pruning, fast_channels

PRUNABLE: dict[str, ModuleType] = {"fast": fast_channels, "pfjet": channel_pruning}


def known(model: Model) -> ModuleType:
    """The module for a network; that of PF-Jet-SSD for one without its own."""
    return PRUNABLE.get(model.architecture, channel_pruning)
