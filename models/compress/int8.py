"""Eight-bit integers: weights with a scale for each output channel, features with one for each map.

Training goes through brevitas: it rounds weights and features to the numbers that eight bits can hold, hands gradients
straight through, and learns the scales of features with the weights. Those of weights follow from the largest one.

Three things serve ONNX Runtime's integer kernels, see docs/results/models.md:
- Activations become ReLU. PReLU and ELU have no integer kernel, and a float one between two convolutions undoes more
  than integers save.
- Weights lie in -63..63. On processors with AVX2 alone, products of two neighbouring weights are added in 16 bits,
  where a larger weight could overflow and would be cut off without a word.
- Features are rounded behind the last activation before a pooling or a neck too, so that the convolution there ends in
  integers.
"""

import warnings
from collections import OrderedDict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    # brevitas names tensors as torch warns about, when it is imported.
    warnings.simplefilter("ignore")
    from brevitas import config
    from brevitas.nn import QuantConv2d, QuantIdentity
    from brevitas.quant import (
        Int8ActPerTensorFloatMinMaxInit,
        Int8WeightPerChannelFloat,
        Uint8ActPerTensorFloatMaxInit,
    )

from models.compress.integers import IntegerConvolution, Rounded
from models.compress.layers import chosen_convolutions
from models.networks.build import Network
from models.networks.config import Compression
from models.networks.fast import FastSSD, Residual
from models.networks.layers import Block, Convolution, L2Norm, wrapped

# Otherwise brevitas makes new parameters when weights are loaded, and an optimizer goes on with the old ones: a run
# that is resumed would no longer learn scales.
config.REINIT_ON_STATE_DICT_LOAD = False

WEIGHT_BITS = 7
# Where the range of features begins: this many standard deviations above the mean, as batch norm's shift and scale
# give them (Nagel et al., arXiv:1906.04721, section 4.2, takes six for ranges that are not learned).
DEVIATIONS = 4.0
# The range that it begins with where no batch norm tells.
RANGE = 8.0


class Weights(Int8WeightPerChannelFloat):  # type: ignore[misc]
    """Quantizer of weights: the largest of an output channel is 63 units."""

    bit_width = WEIGHT_BITS


class TrainedConvolution(QuantConv2d):  # type: ignore[misc]
    """A convolution that rounds its weights and what goes in; phi goes round as in the layer that it replaces."""

    def __init__(self, layer: Convolution, positive: bool, largest: float) -> None:
        """A convolution with the weights of a layer.

        Args:
            layer: of full precision.
            positive: whether all that goes in is at least zero.
            largest: where its range begins.
        """
        super().__init__(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            padding=layer.padding,
            stride=layer.stride,
            groups=layer.groups,
            bias=layer.bias is not None,
            weight_quant=Weights,
        )
        self.edge, self.circular = layer.edge, layer.circular
        self.input_rounding = _rounding(positive, largest)
        self.weight.data.copy_(layer.weight.data)
        if layer.bias is not None:
            self.bias.data.copy_(layer.bias.data)

    def forward(self, x: Tensor) -> Tensor:
        """As the layer that it replaces."""
        x = self.input_rounding(x)
        if self.circular:
            x = wrapped(x, self.edge)
        result: Tensor = super().forward(x)
        return result


def apply(network: Network, chosen: Compression) -> None:
    """Rounds weights and inputs of the chosen convolutions; all activations of the network become ReLU."""
    layers = chosen_convolutions(network, chosen)
    everything = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    _rectify(network)
    largest = RANGE
    for name, following in zip(everything, [*everything[1:], "heads.end"], strict=True):
        parent, layer = network.get_submodule(name.rpartition(".")[0]), network.get_submodule(name)
        if name in layers and isinstance(layer, Convolution):
            into = _reach(network.get_submodule(f"necks.{name.split('.')[1]}")) if _has_neck(network, name) else largest
            network.set_submodule(name, TrainedConvolution(layer, positive=name != everything[0], largest=into))
        if isinstance(parent, Block):
            largest = _reach_of_norm(network.get_submodule(f"{name}_norm"))
            if name in layers and _group(name) != _group(following) and not isinstance(network, FastSSD):
                both = OrderedDict[str, nn.Module](relu=nn.ReLU(), rounding=_rounding(True, largest))
                network.set_submodule(f"{name}_activation", nn.Sequential(both))
    for module in network.modules():
        if isinstance(module, Residual):
            _round_both_ways(module)


def _round_both_ways(block: Residual) -> None:
    """Both summands of a residual block as integers: what goes in is rounded once, and what is added to it."""
    inner, outer = (block.get_submodule(f"{name}.convolution") for name in ("inner", "outer"))
    if isinstance(inner, TrainedConvolution) and isinstance(outer, TrainedConvolution):
        block.entry = inner.input_rounding
        block.outer.set_submodule("convolution_activation", _rounding(False, _reach_of_norm(block.outer.norm)))


@torch.no_grad()
def calibrate(network: Network, images: Iterable[Tensor]) -> None:
    """Sets the range of everything that is rounded to the largest value that these images give.

    Batch norm tells less: most cells are empty, and hits lie many of its standard deviations away.

    Args:
        network: that `apply` changed.
        images: batches, normalised, (images, channels, n_eta, n_phi).
    """
    largest: dict[QuantIdentity, float] = {}

    def look(module: nn.Module, inputs: tuple[Tensor], _: Tensor) -> Tensor:
        """Hands on what went in, not rounded."""
        assert isinstance(module, QuantIdentity)
        largest[module] = max(largest.get(module, 0.0), float(inputs[0].abs().max()))
        return inputs[0]

    hooks = [module.register_forward_hook(look) for module in network.modules() if isinstance(module, QuantIdentity)]
    training = network.training
    network.eval()
    for batch in images:
        network(batch)
    network.train(training)
    for hook in hooks:
        hook.remove()
    for module, value in largest.items():
        if value > 0:
            module.act_quant.fused_activation_quant_proxy.tensor_quant.scaling_impl.value.fill_(value)


@torch.no_grad()
def fold_for_inference(network: Network) -> None:
    """Puts plain convolutions with rounded weights in the place of those that train, with batch norm inside."""
    for name, layer in list(network.named_modules()):
        if isinstance(layer, TrainedConvolution):
            within = isinstance(network.get_submodule(name.rpartition(".")[0]), Block)
            norm = network.get_submodule(f"{name}_norm") if within else None
            rounding = _rounded(layer.input_rounding, layer.edge if layer.circular else 0)
            both = OrderedDict[str, nn.Module](rounding=rounding, convolution=_integer(layer, norm))
            network.set_submodule(name, nn.Sequential(both))
            if within:
                network.set_submodule(f"{name}_norm", nn.Identity())
    for name, layer in list(network.named_modules()):
        if isinstance(layer, QuantIdentity):
            network.set_submodule(name, _rounded(layer))


def _rounding(positive: bool, largest: float) -> QuantIdentity:
    if positive:
        return QuantIdentity(act_quant=Uint8ActPerTensorFloatMaxInit, max_val=largest)
    return QuantIdentity(act_quant=Int8ActPerTensorFloatMinMaxInit, min_val=-largest, max_val=largest)


def _rounded(rounding: QuantIdentity, around: int = 0) -> Rounded:
    return Rounded(rounding.act_quant.scale(), signed=bool(rounding.act_quant.is_signed), around=around)


def _integer(layer: TrainedConvolution, norm: nn.Module | None) -> IntegerConvolution:
    """The convolution and the batch norm behind it as one: each channel's scale takes in the norm's."""
    rounded = layer.weight_quant(layer.weight)
    scale = rounded.scale.flatten()
    units = (rounded.value / rounded.scale).round()
    bias = torch.zeros_like(scale) if layer.bias is None else layer.bias
    if isinstance(norm, nn.BatchNorm2d):
        assert norm.running_var is not None
        assert norm.running_mean is not None
        factor = norm.weight / (norm.running_var + norm.eps).sqrt()
        # A channel that the norm silences has no weights, instead of a scale of 0, by which nothing can be divided.
        units = units * factor.sign()[:, None, None, None]
        scale = scale * torch.where(factor == 0, 1.0, factor.abs())
        bias = (bias - norm.running_mean) * factor + norm.bias
    # Integer kernels add the bias to sums of products of integers: as a whole number of the products' unit.
    unit = layer.input_rounding.act_quant.scale() * scale
    return IntegerConvolution(layer, units, scale, (bias / unit).round() * unit)


def _rectify(network: nn.Module) -> None:
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.PReLU | nn.ELU):
            network.set_submodule(name, nn.ReLU())


def _reach_of_norm(norm: nn.Module) -> float:
    """Where the range of features behind a batch norm begins."""
    assert isinstance(norm, nn.BatchNorm2d)
    return float((norm.bias + DEVIATIONS * norm.weight.abs()).detach().max().clamp(min=1e-3))


def _group(name: str) -> str:
    """Between two groups lies a pooling or a neck."""
    return ".".join(name.split(".")[:2])


def _has_neck(network: nn.Module, name: str) -> bool:
    return name.startswith("heads.") and hasattr(network, "necks")


def _reach(neck: nn.Module) -> float:
    """The range of what a neck puts out: no feature is longer than the learned length."""
    return max(float(module.weight.detach().abs().max()) for module in neck.modules() if isinstance(module, L2Norm))
