import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jetimg.common.errors import DataError
from models.networks.build import build, parameters
from models.networks.config import Model
from models.networks.fast import FastSSD
from models.training.fast_channels import costs, links, penalty, selection, without

CHANNELS = (4, 5, 6, 3, 4, 7)
SMALL = Model(channels=CHANNELS, class_names=("t", "V"), image_shape=(64, 64), box_size=(12, 12))
# Channels of the layers that can lose some.
PRUNABLE = (4, 5, 3, 4, 7)


def trained(seed: int) -> FastSSD:
    """A network in which no number is what a fresh one has."""
    torch.manual_seed(seed)
    network = build(SMALL)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                for values in (module.weight, module.bias, module.running_mean):
                    values.normal_()
                module.running_var.uniform_(0.5, 2)
    assert isinstance(network, FastSSD)
    return network.eval()


gone = st.tuples(*(st.sets(st.integers(0, n - 1), max_size=n - 1) for n in PRUNABLE))


@settings(max_examples=15, deadline=None)
@given(gone, st.integers(0, 1000), st.booleans())
def test_channels_that_are_silent_are_not_missed(gone, seed, constant) -> None:
    """Silent is zero; or, in the last layer, the same everywhere: heads see no zeros beyond the borders."""
    network, kept = trained(seed), []
    for (name, count), drop in zip(zip(links(network), PRUNABLE, strict=True), gone, strict=True):
        norm = network.get_submodule(name).norm
        with torch.no_grad():
            norm.weight[sorted(drop)] = 0
            if not (constant and name == "stages.5"):
                norm.bias[sorted(drop)] = 0
        kept.append(torch.tensor([k for k in range(count) if k not in drop]))
    smaller, found = without(network, SMALL, kept)
    first, second, *rest = (len(indices) for indices in kept)
    assert found.channels == (first, second, 6, *rest)
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        for one, two in zip(network(images), smaller(images), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)


def test_channels_of_small_scale_and_many_parameters_go_first() -> None:
    network = trained(1)
    before = parameters(network)
    kept = selection(network, SMALL, before - 200, 0.5)
    smaller, model = without(network, SMALL, kept)
    assert parameters(smaller) <= before - 200
    assert len(model.channels) == len(CHANNELS)
    for name, indices in zip(links(network), kept, strict=True):
        scale = network.get_submodule(name).norm.weight.abs()
        lost = torch.ones(len(scale), dtype=torch.bool)
        lost[indices] = False
        assert not lost.any() or scale[lost].max() <= scale[indices].min()
    with pytest.raises(DataError, match="take more steps"):
        selection(network, SMALL, 10, 0.5)


def test_the_penalty_weighs_scales_by_multiplications() -> None:
    network = trained(2)
    found = costs(SMALL)
    # A square of 4 x 4 pixels of 3 channels to 4 channels, on 16 x 16 cells; 3 x 3 to 5 channels on the same.
    assert found[:2] == [3 * 16 * 4 * 256, 4 * 9 * 5 * 256]
    expected = sum(
        cost * network.get_submodule(name).norm.weight.abs().sum()
        for cost, name in zip(found, links(network), strict=True)
    )
    assert penalty(network, found).item() == pytest.approx(expected.item(), rel=1e-5)
