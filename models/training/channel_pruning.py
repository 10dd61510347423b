"""Channels of PF-Jet-SSD that are not needed: a penalty that finds them, and a network without them.

Network slimming (Liu et al., arXiv:1708.06519): while training, an L1 penalty draws the scales of batch norms to zero;
channels of small scale are then removed. As in arXiv:2202.04499 the penalty of a block grows with its multiplications,
so that costly blocks lose more. A channel here is one that a block puts out: it goes with its row of weights, batch
norm, PReLU slope, with the next block's filter for it, and with its places in neck and heads.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from jetimg.common.errors import DataError
from models.networks.build import build, parameters
from models.networks.config import Model
from models.networks.layers import Block
from models.networks.pfjet import STAGES, PFJetSSD
from models.trained.cost import macs

# Blocks at inference; those after them only serve training.
BLOCKS = sum(STAGES[:-1])


def costs(config: Model) -> list[int]:
    """Multiplications with addition of each block at inference, for one image.

    Raises:
        DataError: not PF-Jet-SSD.
    """
    if config.architecture != "pfjet":
        raise DataError(f"{config.architecture}: penalty and removal of channels are for pfjet only")
    counted = macs(build(config).for_inference(), config)
    return [counted[f"stages.{stage}.{block}"] for stage, n in enumerate(STAGES[:-1]) for block in range(n)]


def penalty(network: nn.Module, block_costs: Sequence[int]) -> Tensor:
    """The sum over blocks of their cost times the sum of their absolute scales; those of the outputs only."""
    scales = [norm.weight.abs().sum() for norm in _norms(network)[: len(block_costs)]]
    return torch.stack([cost * scale for cost, scale in zip(block_costs, scales, strict=True)]).sum()


def selection(network: PFJetSSD, config: Model, max_parameters: int, most: float) -> list[Tensor]:
    """The output channels of each block that stay, in their order.

    Those go first whose absolute scale is smallest for the parameters that go with the channel, in the whole network,
    until few enough parameters are left at inference. Blocks that only serve training keep the same share of channels
    as the last one before them.

    Args:
        network: of this configuration, with all blocks.
        config: of the network.
        max_parameters: at inference.
        most: the largest share of a block's channels that may go.

    Raises:
        DataError: there are more parameters left when all channels are gone that may go.
    """
    scales = [norm.weight.detach().abs().cpu() for norm in _norms(network)]
    worth = [scale / saved for scale, saved in zip(scales, _saved(config), strict=False)]
    blocks = torch.cat([torch.full((len(scale),), number) for number, scale in enumerate(worth)])
    order = blocks[torch.cat(worth).argsort(stable=True)]

    def left(removed: int) -> list[int]:
        gone = torch.bincount(order[:removed], minlength=BLOCKS).tolist()
        counts = [len(scale) - min(n, int(most * len(scale))) for n, scale in zip(gone, scales[:BLOCKS], strict=True)]
        share = counts[-1] / len(scales[BLOCKS - 1])
        return counts + [max(round(share * len(scale)), 1) for scale in scales[BLOCKS:]]

    low, high = 0, len(order)
    if (fewest := _parameters(config, left(high))) > max_parameters:
        raise DataError(f"{max_parameters} parameters: at least {fewest} are left in one step; take more steps")
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _parameters(config, left(middle)) <= max_parameters else (middle + 1, high)
    return [scale.topk(n).indices.sort().values for n, scale in zip(left(low), scales, strict=True)]


@torch.no_grad()
def without(network: PFJetSSD, config: Model, kept: Sequence[Tensor]) -> tuple[PFJetSSD, Model]:
    """A smaller network with these output channels of each block, and its configuration.

    A channel whose scale and shift are zero is not missed: what the next block makes of it is the same everywhere,
    and is taken into that block's batch norm. Only channel attention sees a change, where the removed channel stood
    between two others.

    Args:
        network: with all blocks.
        config: of the network.
        kept: ascending indices for each block.
    """
    state, smaller = network.eval().state_dict(), config.model_copy(update={"channels": tuple(map(len, kept))})
    inputs, before = torch.arange(config.input_channels), None
    for (name, block), outputs in zip(_blocks(network).items(), kept, strict=True):
        _select(state, name, block, inputs, outputs)
        if before is not None:
            state[f"{name}.pointwise_norm.running_mean"] -= _constant(before, block, inputs)[outputs]
        inputs, before = outputs, block
    for index, number in enumerate((BLOCKS - 1, len(kept) - 1)):
        state[f"necks.{index}.length.weight"] = state[f"necks.{index}.length.weight"][kept[number]]
        for name in state:
            if name.startswith(f"heads.{index}."):
                state[name] = state[name][:, kept[number]]
    result = build(smaller)
    assert isinstance(result, PFJetSSD)
    result.load_state_dict(state)
    return result.eval(), smaller


def _blocks(network: nn.Module) -> dict[str, Block]:
    """All blocks by name, in the order in which data pass them."""
    stages = enumerate(network.stages)  # type: ignore[arg-type]
    return {f"stages.{index}.{number}": block for index, stage in stages for number, block in enumerate(stage)}


def _norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    """The batch norm of each block's outputs."""
    return [block.norm for block in _blocks(network).values()]


def _select(state: dict[str, Tensor], name: str, block: Block, inputs: Tensor, outputs: Tensor) -> None:
    """Leaves these channels in the weights of a block."""
    for layer, module in block.named_children():
        if layer == block.mixing:
            state[f"{name}.{layer}.weight"] = state[f"{name}.{layer}.weight"][outputs][:, inputs]
            continue
        now = outputs if layer.startswith(f"{block.mixing}_") else inputs
        for key, _ in (*module.named_parameters(), *module.named_buffers()):
            if key != "num_batches_tracked":
                state[f"{name}.{layer}.{key}"] = state[f"{name}.{layer}.{key}"][now]


def _constant(before: Block, block: Block, inputs: Tensor) -> Tensor:
    """What the channels that are gone add to the outputs of a block's second convolution if their scale is zero."""
    values: Tensor = before.activation(before.norm.bias[None, :, None, None]).expand(1, -1, 3, 3)
    for name in ("depthwise", "depthwise_norm", "depthwise_activation"):
        values = block.get_submodule(name)(values)
    # The cell in the middle does not see what lies beyond the borders.
    within = values[0, :, 1, 1].clone()
    within[inputs] = 0
    mixing = block.get_submodule("pointwise")
    assert isinstance(mixing, nn.Conv2d)
    return mixing.weight[:, :, 0, 0] @ within


def _saved(config: Model) -> list[int]:
    """Parameters that go with one channel of each block at inference."""
    channels = list(config.all_channels)
    one_more = [[n + (index == block) for index, n in enumerate(channels)] for block in range(BLOCKS)]
    return [_parameters(config, more) - _parameters(config, channels) for more in one_more]


def _parameters(config: Model, channels: list[int]) -> int:
    # The number does not depend on the size of the image; a small one has fewer default boxes to make.
    smaller = {"channels": tuple(channels), "image_shape": (32, 32), "box_size": (4.0, 4.0)}
    return parameters(build(config.model_copy(update=smaller)).for_inference())
