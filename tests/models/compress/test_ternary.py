import torch
from hypothesis import given
from hypothesis import strategies as st

from models.compress.ternary import THRESHOLD, Ternary, ternary

weights = st.builds(
    lambda seed, shape, size: size * torch.randn(shape, generator=torch.Generator().manual_seed(seed)),
    st.integers(0, 2**31),
    st.sampled_from([(1, 1, 1, 1), (4, 1, 3, 3), (8, 16, 1, 1), (3, 5, 3, 3)]),
    st.floats(1e-6, 1e3),
)


def squared_error(weight: torch.Tensor, quantized: torch.Tensor) -> torch.Tensor:
    return (weight - quantized).double().square().flatten(1).sum(dim=1)


@given(weights)
def test_each_channel_has_three_values_at_most(weight) -> None:
    for before, after in zip(weight, ternary(weight), strict=True):
        scale = after.abs().max()
        assert set(after.unique().tolist()) <= {-scale.item(), 0.0, scale.item()}
        assert scale > 0
        assert torch.equal(after == 0, before.abs() <= THRESHOLD * before.abs().mean())
        assert (before * after >= 0).all()


@given(weights)
def test_no_other_scale_has_a_smaller_squared_error(weight) -> None:
    quantized = ternary(weight)
    best = squared_error(weight, quantized)
    for factor in torch.linspace(0, 2, 81).tolist():
        assert (best <= squared_error(weight, factor * quantized) * (1 + 1e-5)).all()


def test_a_channel_worked_by_hand() -> None:
    # Mean 0.25, threshold 0.175; above it 0.2, 0.4 and 0.5, whose mean is 1.1 / 3.
    weight = torch.tensor([[0.1, -0.2, 0.4, -0.05, -0.5]])
    scale = 1.1 / 3
    torch.testing.assert_close(ternary(weight), torch.tensor([[0, -scale, scale, 0, -scale]]))


def test_a_channel_of_zeros_stays_one() -> None:
    assert torch.equal(ternary(torch.zeros(2, 3, 3, 3)), torch.zeros(2, 3, 3, 3))


@given(weights)
def test_values_are_exact_and_gradients_pass_as_they_are(weight) -> None:
    weight.requires_grad_()
    quantized = Ternary()(weight)
    assert torch.equal(quantized, ternary(weight))
    gradient = torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    quantized.backward(gradient)
    assert torch.equal(weight.grad, gradient)
