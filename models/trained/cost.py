"""What a network costs at inference: parameters, multiplications, zeros, bits."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.table import Column, Table
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from models.compress.layers import chosen_convolutions
from models.networks.build import Network, build, parameters
from models.networks.config import Config, Model
from models.networks.fixed_point import BIAS, FEATURE, WEIGHT
from models.networks.trigger import TriggerSSD
from models.trained import checkpoint

# Bits of a weight, and of what it is multiplied with; three values need two bits.
BITS = {"ternary": (2, 32), "int8": (8, 8), "binary": (1, 1)}
FULL = 32
NUMBERS = ("parameters", "MACs", "zeros", "bits (weight x input)", "quantized", "bytes")


@dataclass(frozen=True)
class Complexity:
    """What one network costs at inference.

    Attributes:
        checkpoint: the file.
        kind: of compression.
        parameters: as in the papers: weights, biases, batch norms' scales and shifts, slopes.
        macs: multiplications with addition for one image, by kind of layer; batch norm and activations, which can be
            folded into convolutions or are few, are not counted.
        zeros: share of the weights of convolutions that are zero.
        weight_bits, input_bits: of quantized convolutions' weights and inputs; 32 if there are none.
        quantized: share of the parameters that are stored with `weight_bits`.
        size: bytes of all parameters, with one scale of 32 bits for each channel of quantized weights; biases of the
            trigger network have 16 bits.
    """

    checkpoint: str
    kind: str
    parameters: int
    macs: dict[str, int]
    zeros: float
    weight_bits: int
    input_bits: int
    quantized: float
    size: int

    @property
    def all_macs(self) -> int:
        """Of all kinds of layers."""
        return sum(self.macs.values())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"all_macs": self.all_macs}


def describe(path: Path) -> Complexity:
    """What the network of a checkpoint costs.

    Raises:
        DataError: not a checkpoint.
    """
    network, config = checkpoint.load(path, for_inference=True)
    plain = build(config.model).for_inference()
    count, stored = parameters(plain), _stored(plain, config)
    return Complexity(
        checkpoint=str(path),
        kind=config.compression.kind,
        parameters=count,
        macs=_by_kind(plain, config.model),
        zeros=zeros(network),
        weight_bits=stored.weight_bits,
        input_bits=stored.input_bits,
        quantized=stored.weights / count,
        size=-(-(stored.weights * stored.weight_bits + (count - stored.weights) * stored.rest + stored.scales) // 8),
    )


def table(costs: Sequence[Complexity]) -> Table:
    """A table with a row for each network."""
    result = Table("checkpoint", "kind", *(Column(name, justify="right") for name in NUMBERS))
    for cost in costs:
        bits = f"{cost.weight_bits} x {cost.input_bits}"
        numbers = (f"{cost.parameters:,}", f"{cost.all_macs / 1e6:,.1f} M", f"{cost.zeros:.1%}", bits)
        result.add_row(cost.checkpoint, cost.kind, *numbers, f"{cost.quantized:.1%}", f"{cost.size:,}")
    return result


def macs(network: nn.Module, config: Model) -> dict[str, int]:
    """Multiplications with addition for one image, as PyTorch counts them: in convolutions and matrix products.

    By name of every module that has any: layers, blocks, and the whole network, whose name is "".
    """
    training = network.training
    # FLOPs count a multiplication and an addition as two.
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(1, config.input_channels, *config.image_shape))
    network.train(training)
    counted, root = counter.get_flop_counts(), type(network).__name__
    names = {name: f"{root}.{name}".removesuffix(".") for name, _ in network.named_modules()}
    return {name: sum(counted[known].values()) // 2 for name, known in names.items() if known in counted}


def zeros(network: nn.Module) -> float:
    """Share of the weights of two-dimensional convolutions that are zero."""
    weights = [module.weight for module in network.modules() if isinstance(module, nn.Conv2d)]
    return sum(int((weight == 0).sum()) for weight in weights) / sum(weight.numel() for weight in weights)


@dataclass(frozen=True)
class _Stored:
    """How a network is stored.

    Attributes:
        weights: how many of its parameters are quantized.
        weight_bits, input_bits: of each of them, and of what it is multiplied with.
        scales: bits of all scales.
        rest: bits of each of the other parameters.
    """

    weights: int = 0
    weight_bits: int = FULL
    input_bits: int = FULL
    scales: int = 0
    rest: int = FULL


def _stored(plain: Network, config: Config) -> _Stored:
    if isinstance(plain, TriggerSSD):  # of few bits by itself; the others are biases
        layers = [module for module in plain.modules() if isinstance(module, nn.Conv2d)]
        return _Stored(_n_weights(layers), WEIGHT.bits, FEATURE.bits, rest=BIAS.bits)
    if config.compression.kind == "none":
        return _Stored()
    layers = list(chosen_convolutions(plain, config.compression).values())
    scales = FULL * sum(layer.out_channels for layer in layers)
    return _Stored(_n_weights(layers), *BITS[config.compression.kind], scales=scales) if layers else _Stored()


def _n_weights(layers: Iterable[nn.Conv2d]) -> int:
    return sum(layer.weight.numel() for layer in layers)


def _by_kind(network: nn.Module, config: Model) -> dict[str, int]:
    sums, counted = Counter[str](), macs(network, config)
    for name, module in network.named_modules():
        # Convolutions that round their weights hold what rounds.
        if name in counted and (isinstance(module, nn.Conv2d) or not any(module.children())):
            sums[_kind(name, module)] += counted[name]
    return dict(sums)


def _kind(name: str, module: nn.Module) -> str:
    if name.startswith("heads."):
        return "heads"
    if not isinstance(module, nn.Conv2d):
        return "attention"
    if module.groups > 1:
        return "depthwise"
    return "pointwise" if module.kernel_size == (1, 1) else "convolution"
