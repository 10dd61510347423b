"""PF-Jet-SSD (arXiv:2202.04499): depthwise separable blocks, and heads on two maps.

Parameters at inference, with 3 classes and background: first block 3 * 32 * 9 + 3 * 32 = 960; a separable block from
i to o channels 12 i + i o + 3 o (two batch norms and two PReLU with one slope a channel), together 1,010,496; the
L2 norm 512; heads 512 * 9 * (2 + 4 + 1) without bias 32,256. The sum is 1,044,224, the published number, which leaves
out the three weights of the channel attention: with it the network has 1,044,227. Five classes add 9,216.
"""

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.networks.config import Model
from models.networks.default_boxes import Axis, on_map
from models.networks.layers import (
    Block,
    ChannelAttention,
    Convolution,
    DropBlock,
    Head,
    L2Norm,
    Pool,
    Prediction,
    joined,
)

# Blocks before each of the four poolings, and after the last.
STAGES = (1, 3, 3, 2, 2)
COORDINATES = 2


class PFJetSSD(nn.Module):
    """The detector. Its second map helps in training and is left out at inference (`for_inference`).

    Attributes:
        default_boxes: float32 (default boxes, 4), pixels.
        coordinates: offsets that it predicts: boxes have a fixed size.
    """

    default_boxes: Tensor
    coordinates = COORDINATES

    def __init__(self, config: Model) -> None:
        super().__init__()
        eta, phi = Axis(config.image_shape[0]), Axis(config.image_shape[1])
        blocks, maps = _blocks(config), []
        self.stages, self.pools = nn.ModuleList(), nn.ModuleList()
        for number, n_blocks in enumerate(STAGES):
            if number:
                pool = Pool("average", eta, phi, edge=1, circular=config.circular)
                eta, phi = pool.eta, pool.phi
                self.pools.append(pool)
            self.stages.append(nn.Sequential(*(blocks.pop(0) for _ in range(n_blocks))))
            maps.append(on_map(eta, phi, [config.box_size], config.image_shape[1]))
        outputs = config.all_channels[sum(STAGES[:-1]) - 1], config.all_channels[-1]
        self.necks = nn.ModuleList(_neck(channels, config.attention) for channels in outputs)
        self.heads = nn.ModuleList(
            Head(
                channels,
                1,
                len(config.class_names),
                COORDINATES,
                pt=True,
                bias=False,
                circular=config.circular,
                per_class=config.per_class,
            )
            for channels in outputs
        )
        self.default_boxes_of_map = [len(boxes) for boxes in maps[-2:]]
        self.register_buffer("default_boxes", torch.cat(maps[-2:]), persistent=False)
        self.apply(_initialised)

    def forward(self, x: Tensor) -> Prediction:
        """(images, channels, n_eta, n_phi) to predictions for `default_boxes`."""
        predictions = []
        for number, stage in enumerate(self.stages):
            x = stage(self.pools[number - 1](x) if number else x)
            index = number - len(STAGES) + 2
            if index >= 0:
                predictions.append(self.heads[index](self.necks[index](x)))
        return joined(predictions)

    def for_inference(self) -> "PFJetSSD":
        """Leaves out what only serves training: the last two blocks and the second map. Changes the network itself."""
        del self.stages[-1], self.pools[-1], self.necks[-1], self.heads[-1]
        self.default_boxes = self.default_boxes[: self.default_boxes_of_map[0]]
        return self.eval()


def _blocks(config: Model) -> list[nn.Module]:
    channels, circular = config.all_channels, config.circular
    first = Block(
        "convolution",
        convolution=Convolution(config.input_channels, channels[0], 3, circular=circular),
        convolution_norm=nn.BatchNorm2d(channels[0]),
        drop_block=DropBlock(config.drop_block),
        convolution_activation=_activation(channels[0], config),
    )
    return [first, *(_separable(*pair, config) for pair in pairwise(channels))]


def _separable(inputs: int, outputs: int, config: Model) -> Block:
    """A 3 x 3 convolution within each channel, then a 1 x 1 across them (MobileNet, arXiv:1704.04861)."""
    return Block(
        "pointwise",
        depthwise=Convolution(inputs, inputs, 3, circular=config.circular, groups=inputs),
        depthwise_norm=nn.BatchNorm2d(inputs),
        depthwise_activation=_activation(inputs, config),
        pointwise=Convolution(inputs, outputs, 1, circular=config.circular),
        pointwise_norm=nn.BatchNorm2d(outputs),
        pointwise_activation=_activation(outputs, config),
    )


def _activation(channels: int, config: Model) -> nn.Module:
    return nn.ReLU() if config.activation == "relu" else nn.PReLU(channels)


def _neck(channels: int, attention: bool) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict[str, nn.Module](length=L2Norm(channels), **({"attention": ChannelAttention()} if attention else {}))
    )


def _initialised(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
