import copy

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from models import compress
from models.compress import int8
from models.compress.int8 import TrainedConvolution
from models.compress.integers import IntegerConvolution, IntegerPool, Rounded
from models.export.graph import rewritten
from models.networks.build import build
from models.networks.config import Compression, Model
from models.networks.default_boxes import Axis
from models.networks.layers import Block, Convolution, Pool
from tests.helpers.networks import published

MODELS = {
    "pfjet": published(channels=(4,) * 10 + (8,), class_names=("t", "V"), image_shape=(48, 64), box_size=(12, 12)),
    "ssd7": published(
        architecture="ssd7", channels=(4,) * 7, class_names=("t", "V"), image_shape=(96, 128), box_size=(12, 12)
    ),
}
floats = st.floats(-100, 100, width=32)


@given(st.lists(floats, min_size=1, max_size=20), st.floats(2**-10, 10, width=32), st.booleans())
def test_rounding_keeps_to_256_multiples_and_is_nowhere_off_by_more_than_half(values, scale, signed) -> None:
    rounded, x = Rounded(torch.tensor(scale), signed=signed), torch.tensor(values)
    result = rounded(x)
    low, high = (-128, 127) if signed else (0, 255)
    units = result / rounded.scale
    assert torch.equal(units.round(), units.round().clamp(low, high))
    torch.testing.assert_close(units, units.round(), atol=1e-4, rtol=0)
    inside = (x >= low * rounded.scale) & (x <= high * rounded.scale)
    assert ((result - x).abs()[inside] <= rounded.scale * 0.501 + 1e-4).all()
    torch.testing.assert_close(rounded(result), result)


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.floats(0.125, 20, width=32), st.booleans(), st.booleans())
def test_folded_numbers_are_those_of_training(seed, largest, positive, circular) -> None:
    torch.manual_seed(seed)
    layer = TrainedConvolution(Convolution(3, 4, 3, circular=circular), positive, largest).eval()
    norm = nn.BatchNorm2d(4).eval()
    # Scales below zero turn the weights' signs.
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    holder = nn.Module()
    holder.block = Block("convolution", convolution=layer, convolution_norm=norm)
    x = torch.randn(2, 3, 5, 6) * 5
    with torch.no_grad():
        expected = holder.block(x)
        int8.fold_for_inference(holder)
        rounded, integer = (holder.get_submodule(f"block.convolution.{name}") for name in ("rounding", "convolution"))
        assert isinstance(integer, IntegerConvolution)
        assert integer.units.abs().max() <= 63
        # The bias is rounded to a whole number of the products' unit.
        half_a_unit = float((integer.scale * rounded.scale).max()) / 2
        torch.testing.assert_close(holder.block(x), expected, atol=half_a_unit + 1e-4, rtol=1e-4)
        torch.testing.assert_close(integer.weight, integer.units * integer.scale[:, None, None, None])
    assert rounded.around == int(circular)


@given(st.integers(0, 2**31), st.booleans(), st.integers(4, 9))
def test_pooling_with_quarters_is_average_pooling(seed, circular, columns) -> None:
    torch.manual_seed(seed)
    pool = Pool("average", Axis(6), Axis(columns), edge=1, circular=circular)
    x = torch.randint(0, 256, (2, 3, 6, columns)) * 0.5
    torch.testing.assert_close(IntegerPool(pool, 3)(x), pool(x))


@pytest.mark.parametrize("architecture", ["pfjet", "ssd7"])
@pytest.mark.parametrize("keep", [(), ("first", "heads"), ("first", "heads", "large", "depthwise")])
def test_a_network_of_integers_learns_and_folds(architecture, keep) -> None:
    torch.manual_seed(0)
    chosen = Compression(kind="int8", keep=keep)
    network = compress.apply(build(MODELS[architecture]), chosen).train()
    images = torch.randn(2, 3, *MODELS[architecture].image_shape)
    for _ in range(3):
        sum(part.square().mean() for part in network(images)).backward()
    roundings = {name: p.grad for name, p in network.named_parameters() if "rounding" in name}
    assert roundings
    assert all(gradient is not None and gradient.isfinite().all() for gradient in roundings.values())
    again = compress.apply(build(MODELS[architecture]), chosen)
    again.load_state_dict(network.state_dict(), strict=True)
    network = network.eval().for_inference()
    folded = compress.fold_for_inference(copy.deepcopy(network), chosen)
    assert not [module for module in folded.modules() if isinstance(module, nn.PReLU | nn.ELU)]
    assert any(isinstance(module, IntegerConvolution) for module in folded.modules())
    with torch.no_grad():
        for one, two in zip(network(images), folded(images), strict=True):
            assert (one - two).abs().mean() <= 0.05 * one.std()


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize("architecture", ["pfjet", "ssd7"])
def test_other_operations_compute_the_same(architecture, circular) -> None:
    torch.manual_seed(0)
    model = MODELS[architecture].model_copy(update={"circular": circular})
    network = build(model).for_inference()
    for module in network.modules():
        if isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, -0.5, 1.5)
    images = torch.randn(2, 3, *model.image_shape)
    before = copy.deepcopy(network.state_dict())
    with torch.no_grad():
        for one, two in zip(network(images), rewritten(network)(images), strict=True):
            torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_relu_can_be_chosen() -> None:
    network = build(MODELS["pfjet"].model_copy(update={"activation": "relu"}))
    assert not [module for module in network.modules() if isinstance(module, nn.PReLU)]
    assert len([module for module in network.modules() if isinstance(module, nn.ReLU)]) == 21


def test_ranges_are_what_the_images_need() -> None:
    """The largest value that goes into each rounding is the largest that it can hold, and nothing else is."""
    torch.manual_seed(2)
    model = Model(channels=(4, 4, 8, 4, 8), class_names=("t", "V"), image_shape=(48, 64), box_size=(12, 12))
    network, chosen = build(model).eval(), Compression(kind="int8")
    images = 50 * torch.rand(2, 3, 48, 64) ** 20
    with torch.no_grad():
        expected = network(images)
    compress.apply(network, chosen)
    compress.calibrate(network, chosen, [images[:1], images[1:]])
    network.eval()
    with torch.no_grad():
        found = network(images)
        # A fresh residual block has norms of scale 0.
        folded = compress.fold_for_inference(copy.deepcopy(network), chosen)(images)
    for one, two, three in zip(expected, found, folded, strict=True):
        assert (one - two).abs().mean() < 0.05 * one.std()
        assert (two - three).abs().mean() < 0.05 * one.std()
    block = network.get_submodule("stages.3")
    assert block.entry is block.inner.convolution.input_rounding
