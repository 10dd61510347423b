"""A network as an ONNX graph: the same function, in the operations that ONNX Runtime computes fastest.

Three things are written in another way than the network has them; docs/results/models.md gives what each saves:
- PReLU as two convolutions of one weight a channel: a x + (1 - a) max(x, 0). ONNX Runtime has no vectorised PReLU, and
  one between two convolutions makes it put the map into another order and back.
- The three convolutions of a head as one.
- Average pooling between integer convolutions as a convolution with weights of a quarter: exact, and in integers.
"""

import copy
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from jetimg.common.errors import DataError
from models.compress.integers import IntegerConvolution, IntegerPool, Rounded
from models.export.onnx_detector import INPUT
from models.networks.build import Network
from models.networks.layers import Block, Convolution, Head, Pool, Prediction
from models.networks.masks import MaskSSD
from models.networks.pfjet import PFJetSSD

# Of ONNX: the first in which padding goes round.
OPSET = 19


class Slopes(nn.Module):
    """PReLU with a slope for each channel, as convolutions within each channel."""

    def __init__(self, layer: nn.PReLU) -> None:
        super().__init__()
        slope = layer.weight.detach()[:, None, None, None]
        self.below, self.above = nn.Parameter(slope.clone()), nn.Parameter(1 - slope)

    def forward(self, x: Tensor) -> Tensor:
        """(images, channels, eta, phi) to the same."""
        channels = len(self.below)
        return F.conv2d(x, self.below, groups=channels) + F.conv2d(F.relu(x), self.above, groups=channels)


class JoinedHead(nn.Module):
    """A head whose convolutions are one."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        layers = [layer for layer in (head.offset, head.logits, head.log_pt) if layer is not None]
        first = layers[0]
        self.widths, self.head = [layer.out_channels for layer in layers], head
        self.layer = Convolution(
            first.in_channels,
            sum(self.widths),
            first.kernel_size[0],
            circular=first.circular,
            bias=any(layer.bias is not None for layer in layers),
        )
        self.layer.weight.data = torch.cat([layer.weight.detach() for layer in layers])
        if self.layer.bias is not None:
            biases = [
                layer.weight.new_zeros(len(layer.weight)) if layer.bias is None else layer.bias for layer in layers
            ]
            self.layer.bias.data = torch.cat([bias.detach() for bias in biases])

    def forward(self, x: Tensor) -> Prediction:
        """(images, channels, eta, phi) to predictions in the order of the default boxes."""
        return self.head.arranged(*self.layer(x).split(self.widths, dim=1))


def to_onnx(network: Network, channels: int, image_shape: tuple[int, int]) -> onnx.ModelProto:
    """The graph of a network for any number of images, with batch norm inside convolutions.

    Args:
        network: as `models.trained.checkpoint.load` gives it for inference; it is not changed.
        channels: of an image.
        image_shape: pixels along eta and phi.
    """
    return exported(network, (channels, *image_shape), INPUT, Prediction._fields)


def exported(module: nn.Module, shape: tuple[int, int, int], name: str, outputs: Sequence[str]) -> onnx.ModelProto:
    """The graph of anything that takes any number of images.

    Args:
        module: in evaluation mode.
        shape: of an image: channels, eta, phi.
        name: of the input.
        outputs: names.
    """
    with silence():
        program = torch.onnx.export(
            module,
            (torch.zeros(2, *shape),),
            input_names=[name],
            output_names=list(outputs),
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            verbose=False,
            dynamic_shapes=({0: torch.export.Dim("images")},),
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    return model


def rewritten(network: Network) -> Network:
    """A copy of a network that computes the same in other operations.

    Raises:
        DataError: a network with masks, for which the files have no outputs.
    """
    if isinstance(network, MaskSSD):
        raise DataError("networks of architecture mask are not exported: `jetimg models masks` alone finds masks")
    network = copy.deepcopy(network)
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.PReLU):
            network.set_submodule(name, Slopes(module))
        elif isinstance(module, Head) and all(type(part) is Convolution for part in module.children()):
            network.set_submodule(name, JoinedHead(module))
    if isinstance(network, PFJetSSD):
        for index, pool in enumerate(network.pools):
            before, after = list(network.stages[index].children())[-1], next(network.stages[index + 1].children())
            assert isinstance(before, Block)
            following = dict(after.named_modules()).get("depthwise.convolution")
            rounded = isinstance(getattr(before.activation, "rounding", None), Rounded)
            if rounded and isinstance(pool, Pool) and isinstance(following, IntegerConvolution):
                network.pools[index] = IntegerPool(pool, following.in_channels)
    return network


@contextmanager
def silence() -> Iterator[None]:
    """The exporter talks of operators that are not installed, and torch.export warns about itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
