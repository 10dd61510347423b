import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jetimg.common.errors import DataError
from models.networks.build import build, parameters
from models.networks.config import Model
from models.networks.pfjet import PFJetSSD
from models.training.channel_pruning import BLOCKS, _norms, costs, penalty, selection, without
from tests.helpers.networks import published

CHANNELS = (4, 5, 6, 4, 8, 7, 6, 9, 8, 10, 6)
SMALL = published(channels=CHANNELS, class_names=("t", "V"), image_shape=(48, 64), box_size=(12, 12))


def trained(model: Model, seed: int) -> PFJetSSD:
    """A network in which no number is what a fresh one has."""
    torch.manual_seed(seed)
    network = build(model)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                for values in (module.weight, module.bias, module.running_mean):
                    values.normal_()
                module.running_var.uniform_(0.5, 2)
            if isinstance(module, torch.nn.PReLU):
                module.weight.uniform_(-0.5, 0.5)
    return network.eval()


def silenced(network: PFJetSSD, gone: dict[int, set[int]]) -> list[torch.Tensor]:
    """Sets scales and shifts of these channels to zero; the others' indices."""
    kept = []
    for number, norm in enumerate(_norms(network)):
        drop = sorted(gone.get(number, ()))
        with torch.no_grad():
            norm.weight[drop], norm.bias[drop] = 0, 0
        kept.append(torch.tensor([k for k in range(norm.num_features) if k not in drop]))
    return kept


channels = st.fixed_dictionaries(
    {block: st.sets(st.integers(0, n - 1), max_size=n - 1) for block, n in enumerate(CHANNELS)}
)


@settings(max_examples=10)
@given(channels, st.integers(0, 1000), st.booleans())
def test_channels_that_are_silent_are_not_missed(gone, seed, circular) -> None:
    model = SMALL.model_copy(update={"attention": False, "circular": circular})
    network = trained(model, seed)
    kept = silenced(network, gone)
    smaller, found = without(network, model, kept)
    assert found.channels == tuple(len(indices) for indices in kept)
    images = torch.randn(2, 3, *model.image_shape)
    with torch.no_grad():
        for one, two in zip(network(images), smaller(images), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)


def test_with_attention_only_the_channels_before_it_are_missed() -> None:
    network = trained(SMALL, 1)
    before_others = silenced(network, {block: {0, 2} for block in range(BLOCKS - 1)})
    images = torch.randn(2, 3, *SMALL.image_shape)
    with torch.no_grad():
        expected = network(images)
        smaller, _ = without(network, SMALL, before_others)
        for one, two in zip(expected, smaller(images), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)
        # Here the neighbours of the removed channel become neighbours of each other.
        before_attention = silenced(network, {BLOCKS - 1: {3}})
        smaller, _ = without(network, SMALL, before_attention)
        assert not torch.allclose(network(images).logits, smaller(images).logits, rtol=1e-3, atol=1e-4)


def test_a_smaller_network_trains() -> None:
    smaller, model = without(trained(SMALL, 1), SMALL, [torch.arange(2)] * 11)
    prediction = smaller.train()(torch.randn(2, 3, *SMALL.image_shape))
    torch.cat([part.flatten() for part in prediction]).sum().backward()
    assert all(parameter.grad is not None for parameter in smaller.parameters())
    assert parameters(smaller) == parameters(build(model))


def test_channels_of_least_scale_for_their_parameters_go_first() -> None:
    network = build(SMALL)
    with torch.no_grad():
        for norm in _norms(network):
            norm.weight.uniform_(1, 1.1)
        for block, channel, scale in ((0, 1, 1e-6), (4, 3, -1e-6), (4, 7, 2e-6), (8, 0, 1e-6)):
            _norms(network)[block].weight[channel] = scale
    wanted = parameters(build(SMALL).for_inference()) - 1
    expected: dict[int, set[int]] = {}
    # With a channel of block 8 go 67 parameters, 54 of them in the heads; of block 0 47, of block 4 26.
    for block, gone in ((8, {0}), (0, {1}), (4, {3}), (4, {3, 7})):
        expected[block] = gone
        kept = selection(network, SMALL, wanted, 0.5)
        for number, (indices, n) in enumerate(zip(kept[:BLOCKS], CHANNELS, strict=False)):
            assert set(range(n)) - set(indices.tolist()) == expected.get(number, set())
        channels = tuple(len(indices) for indices in kept)
        wanted = parameters(build(SMALL.model_copy(update={"channels": channels})).for_inference()) - 1


def test_blocks_for_training_follow_the_last_one_before_them() -> None:
    network = build(SMALL)
    with torch.no_grad():
        _norms(network)[BLOCKS - 1].weight[:4] = 1e-9
    model = SMALL.model_copy(update={"channels": (*CHANNELS[: BLOCKS - 1], 4, *CHANNELS[BLOCKS:])})
    kept = selection(network, SMALL, parameters(build(model).for_inference()), 0.5)
    assert [len(indices) for indices in kept] == [*CHANNELS[: BLOCKS - 1], 4, 5, 3]


def test_a_block_keeps_its_share() -> None:
    network = build(SMALL)
    kept = selection(network, SMALL, fewest(0.5), 0.5)
    assert [len(indices) for indices in kept[:BLOCKS]] == [n - n // 2 for n in CHANNELS[:BLOCKS]]
    with pytest.raises(DataError, match=f"at least {fewest(0.5)} are left in one step; take more steps"):
        selection(network, SMALL, fewest(0.5) - 1, 0.5)


def fewest(most: float) -> int:
    channels = tuple(n - int(most * n) for n in CHANNELS)
    return parameters(build(SMALL.model_copy(update={"channels": channels})).for_inference())


def test_the_penalty_grows_with_the_multiplications_of_a_block() -> None:
    # 48 x 64, pooled with one cell of zeros at each border: 25 x 33, 13 x 17, 7 x 9.
    cells = [48 * 64] + [25 * 33] * 3 + [13 * 17] * 3 + [7 * 9] * 2
    by_hand = [cells[0] * 3 * 9 * CHANNELS[0]]
    by_hand += [cells[k] * CHANNELS[k - 1] * (9 + CHANNELS[k]) for k in range(1, BLOCKS)]
    assert costs(SMALL) == by_hand

    network = build(SMALL)
    norms = _norms(network)
    with torch.no_grad():
        for norm in norms:
            norm.weight.uniform_(-1, 1)
    value = penalty(network, by_hand)
    terms = [cost * norm.weight.abs().sum().item() for cost, norm in zip(by_hand, norms, strict=False)]
    assert value.item() == pytest.approx(sum(terms), rel=1e-5)
    value.backward()
    for cost, norm in zip(by_hand, norms, strict=False):
        assert torch.equal(norm.weight.grad, cost * norm.weight.sign())
    assert all(norm.weight.grad is None for norm in norms[BLOCKS:])
    with pytest.raises(DataError, match="ssd7: penalty and removal of channels are for pfjet only"):
        costs(published(architecture="ssd7", class_names=("t",)))
