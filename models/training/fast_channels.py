"""Channels of the fast network that are not needed; as `channel_pruning`, which says how they are found.

Channels go from the stem, from inside the residual blocks and from the last layer. Those of the trunk stay: all blocks
add to them.
"""

from bisect import bisect_left
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from jetimg.common.errors import DataError
from models.networks.build import build, parameters
from models.networks.config import Model
from models.networks.fast import FastSSD
from models.networks.layers import Block, Head
from models.trained.cost import macs

# Where the trunk's width stands in `Model.channels`.
TRUNK = 2


def costs(config: Model) -> list[int]:
    """Multiplications with addition of each layer whose channels can go, for one image."""
    network = build(config).for_inference()
    counted = macs(network, config)
    return [counted[name] for name in links(network)]


def penalty(network: nn.Module, block_costs: Sequence[int]) -> Tensor:
    """The sum over layers of their cost times the sum of their absolute batch norm scales."""
    scales = [_block(network, name).norm.weight.abs().sum() for name in links(network)]
    return torch.stack([cost * scale for cost, scale in zip(block_costs, scales, strict=True)]).sum()


def links(network: nn.Module) -> dict[str, str]:
    """The layers whose channels can go, by name, each with what takes its channels in."""
    stages = network.get_submodule("stages")
    assert isinstance(stages, nn.Sequential)
    last = len(stages) - 1
    inside = {f"stages.{number}.inner": f"stages.{number}.outer" for number in range(TRUNK + 1, last)}
    return {"stages.0": "stages.1", "stages.1": "stages.2"} | inside | {f"stages.{last}": "heads.0"}


def selection(network: FastSSD, config: Model, max_parameters: int, most: float) -> list[Tensor]:
    """The channels that stay of each layer of `links`, in their order.

    Those go first whose absolute scale is smallest for the parameters that go with the channel, until few enough
    parameters are left.

    Args:
        network: of this configuration.
        config: of the network.
        max_parameters: at inference.
        most: the largest share of a layer's channels that may go.

    Raises:
        DataError: there are more parameters left when all channels are gone that may go.
    """
    scales = [_block(network, name).norm.weight.detach().abs().cpu() for name in links(network)]
    saved = _saved(config, [len(scale) for scale in scales])
    layers = torch.cat([torch.full((len(scale),), number) for number, scale in enumerate(scales)])
    order = layers[torch.cat([scale / n for scale, n in zip(scales, saved, strict=True)]).argsort(stable=True)]

    def left(removed: int) -> list[int]:
        gone = torch.bincount(order[:removed], minlength=len(scales)).tolist()
        return [len(scale) - min(n, int(most * len(scale))) for n, scale in zip(gone, scales, strict=True)]

    if (fewest := _parameters(config, left(len(order)))) > max_parameters:
        raise DataError(f"{max_parameters} parameters: at least {fewest} are left in one step; take more steps")
    removed = bisect_left(range(len(order)), True, key=lambda n: _parameters(config, left(n)) <= max_parameters)
    return [scale.topk(n).indices.sort().values for n, scale in zip(left(removed), scales, strict=True)]


@torch.no_grad()
def without(network: FastSSD, config: Model, kept: Sequence[Tensor]) -> tuple[FastSSD, Model]:
    """A smaller network with these channels of each layer, and its configuration.

    What a channel adds that is the same everywhere, because its scale is zero, is taken into what follows. At the
    borders in eta, where convolutions see zeros, that is not exact.

    Args:
        network: to be pruned.
        config: of the network.
        kept: ascending indices for each layer of `links`.
    """
    state = {name: values.clone() for name, values in network.eval().state_dict().items()}
    for (name, following), channels in zip(links(network).items(), kept, strict=True):
        block = _block(network, name)
        gone = torch.ones(block.norm.num_features, dtype=torch.bool)
        gone[channels] = False
        constant = block.activation(block.norm.bias) * gone
        for layer in ("convolution", "convolution_norm"):
            for key, values in block.get_submodule(layer).state_dict().items():
                if values.dim():
                    state[f"{name}.{layer}.{key}"] = state[f"{name}.{layer}.{key}"][channels]
        _take_in(state, network, following, channels, constant)
    smaller = _with(config, [len(channels) for channels in kept])
    result = build(smaller)
    assert isinstance(result, FastSSD)
    result.load_state_dict(state)
    return result.eval(), smaller


def _take_in(state: dict[str, Tensor], network: nn.Module, name: str, channels: Tensor, constant: Tensor) -> None:
    """Leaves these channels in the weights of the layer that takes them in, and adds what the others were."""
    layer = network.get_submodule(name)
    if isinstance(layer, Head):
        for part, convolution in layer.named_children():
            assert isinstance(convolution, nn.Conv2d)
            key = f"{name}.{part}"
            state[f"{key}.bias"] += convolution.weight.sum(dim=(2, 3)) @ constant
            state[f"{key}.weight"] = state[f"{key}.weight"][:, channels]
        return
    key = f"{name}.convolution"
    state[f"{key}_norm.running_mean"] -= state[f"{key}.weight"].sum(dim=(2, 3)) @ constant
    state[f"{key}.weight"] = state[f"{key}.weight"][:, channels]


def _block(network: nn.Module, name: str) -> Block:
    block = network.get_submodule(name)
    assert isinstance(block, Block)
    return block


def _with(config: Model, counts: Sequence[int]) -> Model:
    first, second, *rest = counts
    return config.model_copy(update={"channels": (first, second, config.all_channels[TRUNK], *rest)})


def _saved(config: Model, counts: list[int]) -> list[int]:
    """Parameters that go with one channel of each layer."""
    now = _parameters(config, counts)
    fewer = [[n - (index == layer) for index, n in enumerate(counts)] for layer in range(len(counts))]
    return [now - _parameters(config, less) for less in fewer]


def _parameters(config: Model, counts: list[int]) -> int:
    # The number does not depend on the size of the image; a small one has fewer default boxes to make.
    small = config.model_copy(update={"image_shape": (32, 32), "box_size": (4.0, 4.0)})
    return parameters(build(_with(small, counts)))
