import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.compress.binary import BinaryInput, BinaryWeight, apply, binary, sign
from models.networks.build import build
from models.networks.config import Compression, Model

weights = st.builds(
    lambda seed, shape, size: size * torch.randn(shape, generator=torch.Generator().manual_seed(seed)),
    st.integers(0, 2**31),
    st.sampled_from([(1, 1, 1, 1), (4, 1, 3, 3), (8, 16, 1, 1), (3, 5, 3, 3)]),
    st.floats(1e-6, 1e3),
)


def squared_error(weight: torch.Tensor, quantized: torch.Tensor) -> torch.Tensor:
    return (weight - quantized).double().square().flatten(1).sum(dim=1)


@given(weights)
def test_each_channel_has_two_values_at_most(weight) -> None:
    for before, after in zip(weight, binary(weight), strict=True):
        scale = after.abs().max().item()
        assert set(after.unique().tolist()) <= {-scale, scale}
        assert (before * after > 0).all()


@given(weights)
def test_no_other_scale_has_a_smaller_squared_error(weight) -> None:
    quantized = binary(weight)
    best = squared_error(weight, quantized)
    for factor in torch.linspace(0, 2, 81).tolist():
        assert (best <= squared_error(weight, factor * quantized) * (1 + 1e-5)).all()


def test_a_channel_of_zeros_stays_one() -> None:
    assert torch.equal(binary(torch.zeros(2, 3)), torch.zeros(2, 3))


@pytest.mark.parametrize("architecture", ["fast", "pfjet", "ssd7"])
def test_features_have_both_signs(architecture: str) -> None:
    """Behind a ReLU all signs would be 1, and a network of such layers would see nothing."""
    torch.manual_seed(1)
    network = build(Model(architecture=architecture, image_shape=(64, 64), box_size=(46.0, 46.0), class_names=("b",)))
    apply(network, Compression(kind="binary"))
    shares: dict[str, float] = {}
    for name, module in network.named_modules():
        if isinstance(module, BinaryInput):
            module.register_forward_hook(
                lambda _, __, signs, name=name: shares.update({name: (signs > 0).float().mean().item()})
            )
    with torch.no_grad():
        network(torch.randn(2, 3, 64, 64))
    assert len(shares) > 4
    assert all(0.01 < share < 0.99 for share in shares.values()), shares


def test_a_sign_is_never_zero() -> None:
    assert sign(torch.tensor([-2.0, -0.0, 0.0, 3.0])).tolist() == [-1, 1, 1, 1]


@given(weights)
def test_gradients_of_weights_pass_as_they_are(weight) -> None:
    weight.requires_grad_()
    quantized = BinaryWeight()(weight)
    assert torch.equal(quantized, binary(weight))
    gradient = torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    quantized.backward(gradient)
    assert torch.equal(weight.grad, gradient)


def test_gradients_of_inputs_pass_between_minus_one_and_one() -> None:
    x = torch.tensor([-1.5, -1.0, -0.3, 0.0, 0.7, 1.0, 1.5], requires_grad=True)
    layer = BinaryInput()
    signs = layer(x)
    assert signs.tolist() == [-1, -1, -1, 1, 1, 1, 1]
    signs.sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 1, 1, 0]
    assert torch.equal(layer.eval()(x), signs)
