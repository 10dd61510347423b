"""Quantized networks: one file a kind, found by its name.

A kind is a module of this package with these functions:

- `apply(network, chosen)`: changes the layers of a network, in place, so that it computes with quantized numbers and
  trains with those of full precision. Weights that the network has are kept as the start of training.
- `calibrate(network, images)`, if it has ranges: sets them to what some images need.
- `fold_for_inference(network)`: removes, in place, what only serves training; the outputs stay the same.
"""

from collections.abc import Iterable
from importlib import import_module
from types import ModuleType

from torch import Tensor

from jetimg.common.errors import DataError
from models.networks.build import Network
from models.networks.config import Compression
from models.networks.masks import MaskSSD
from models.networks.trigger import TriggerSSD


def apply(network: Network, chosen: Compression) -> Network:
    """Makes a quantized network of a full-precision one, in place.

    Args:
        network: as `models.networks.build.build` makes it; its weights are kept as the start.
        chosen: kind and layers; nothing is changed for the kind "none".

    Raises:
        DataError: a network that has numbers of few bits by itself, or one with masks.
    """
    if chosen.kind != "none":
        if isinstance(network, TriggerSSD):
            raise DataError(f"architecture trigger has eight-bit numbers already: {chosen.kind} is for the others")
        if isinstance(network, MaskSSD):
            raise DataError(f"architecture mask has no {chosen.kind} version: its masks are of full precision")
        _module(chosen.kind).apply(network, chosen)
    return network


def calibrate(network: Network, chosen: Compression, images: Iterable[Tensor]) -> None:
    """Sets the ranges of a quantized network's numbers to what these images need, where its kind has ranges.

    Args:
        network: that `apply` changed.
        chosen: kind and layers.
        images: batches, normalised, (images, channels, n_eta, n_phi).
    """
    if chosen.kind != "none" and (found := getattr(_module(chosen.kind), "calibrate", None)):
        found(network, images)


def fold_for_inference(network: Network, chosen: Compression) -> Network:
    """Removes what only serves the training of a quantized network, in place; its outputs stay the same."""
    if chosen.kind != "none":
        _module(chosen.kind).fold_for_inference(network)
    return network


def _module(kind: str) -> ModuleType:
    return import_module(f"{__name__}.{kind}")
