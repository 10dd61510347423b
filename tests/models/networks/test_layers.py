"""Layers that know that phi goes round, and that drop features: values and gradients beside the plain way."""

import pytest
import torch

from models.networks.layers import DropBlock, wrapped


def plainly(x: torch.Tensor, before: int, after: int) -> torch.Tensor:
    columns = [number % x.shape[-1] for number in range(-before, x.shape[-1] + after)]
    return x[..., columns]


@pytest.mark.parametrize(("before", "after"), [(1, 1), (0, 1), (2, 0), (0, 0), (4, 3), (5, 5)])
def test_a_wrapped_map_and_its_gradient_are_those_of_its_columns_taken_one_by_one(before, after) -> None:
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    weight = torch.randn(2, 3, 4, 5 + before + after, dtype=torch.float64)
    with torch.no_grad():
        assert torch.equal(wrapped(x, before, after), plainly(x, before, after))
    gradients = []
    for function in (wrapped, plainly):
        leaf = x.clone().requires_grad_()
        padded = function(leaf, before, after)
        assert torch.equal(padded, plainly(x, before, after))
        (padded * weight).sum().backward()
        gradients.append(leaf.grad)
    assert torch.allclose(*gradients)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_dropped_features_are_zero_in_all_channels_and_have_no_gradient(layout) -> None:
    x = (torch.rand(2, 3, 20, 24) + 1).to(memory_format=layout).requires_grad_()
    out = DropBlock(0.2)(x)
    out.sum().backward()
    gone = out.detach() == 0
    assert torch.equal(gone, gone[:, :1].expand_as(gone))
    assert 0 < gone.float().mean() < 0.5
    scale = gone[:, 0].numel() / (~gone[:, 0]).sum()
    assert torch.allclose(out.detach(), torch.where(gone, 0.0, x.detach() * scale))
    assert torch.allclose(x.grad, torch.where(gone, 0.0, scale))
