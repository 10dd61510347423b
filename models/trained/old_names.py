"""Names of weights in checkpoints that are older than the names of layers: those had the layers' indices.

`stages.1.0.3.weight` is now `stages.1.0.pointwise.weight`. What has a name already stays as it is.
"""

from collections.abc import Mapping

from torch import Tensor

FIRST_BLOCK = ("convolution", "convolution_norm", "drop_block", "convolution_activation")
SEPARABLE_BLOCK = (
    "depthwise",
    "depthwise_norm",
    "depthwise_activation",
    "pointwise",
    "pointwise_norm",
    "pointwise_activation",
)
LAYER = ("convolution", "convolution_norm", "convolution_activation")
NECK = ("length", "attention")
# What quantization puts in the place of a layer: a pair.
ACTIVATION, CONVOLUTION = ("relu", "rounding"), ("sign", "convolution")


def renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights by the names that the layers have now."""
    return {_renamed(name): values for name, values in weights.items()}


def _renamed(name: str) -> str:
    parts = name.split(".")
    # Networks are lists of stages of blocks, of layers, of necks, of heads; what follows was once an index.
    group, depth = parts[0], 3 if parts[0] == "stages" else 2
    if group in ("stages", "layers", "necks"):
        _name(parts, depth, _layers(group, parts))
    if group in ("stages", "layers", "heads"):
        activation = any(part.endswith("_activation") for part in parts[depth : depth + 1])
        _name(parts, depth + 1, ACTIVATION if activation else CONVOLUTION)
    return ".".join(parts)


def _name(parts: list[str], depth: int, names: tuple[str, ...]) -> None:
    """Replaces an index by a name. An index that is unknown stays, and loading says that it does not fit."""
    if len(parts) > depth and parts[depth].isdecimal() and int(parts[depth]) < len(names):
        parts[depth] = names[int(parts[depth])]


def _layers(group: str, parts: list[str]) -> tuple[str, ...]:
    if group == "stages":
        return FIRST_BLOCK if parts[1:3] == ["0", "0"] else SEPARABLE_BLOCK
    return LAYER if group == "layers" else NECK
