import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from models.networks.config import Compression, Config, Training
from models.training import optimization
from tests.helpers.networks import published_training


def test_the_learning_rate_rises_and_falls() -> None:
    chosen = Training(epochs=4, warm_up=0.1)
    found = [optimization.factor(step, chosen, 10) for step in range(41)]
    assert found[:4] == [0.25, 0.5, 0.75, 1.0]
    assert found[4] == 1.0
    assert found[22] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.5)))
    assert found[40] == pytest.approx(0.0)
    assert all(one >= two for one, two in pairwise(found[4:]))


def test_the_learning_rate_falls_after_whole_epochs() -> None:
    chosen = published_training(milestones=(1, 3), gamma=0.5)
    assert [optimization.factor(step, chosen, 2) for step in range(8)] == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_only_weights_of_convolutions_decay() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.PReLU(2))
    decaying, others = optimization.optimizer(network, Training(weight_decay=0.1)).param_groups
    assert [tuple(parameter.shape) for parameter in decaying["params"]] == [(2, 1, 3, 3)]
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert sum(parameter.numel() for parameter in others["params"]) == 2 + 2 + 2 + 2


def test_averaged_weights_follow_those_of_training() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = optimization.averaged(network, 0.5)
    assert average is not None
    expected = None
    for step, value in enumerate([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]):
        network.weight.data.fill_(value)
        average.update_parameters(network)
        share = min(0.5, (1 + step) / (10 + step))
        expected = value if expected is None else share * expected + (1 - share) * value
    assert average.module.weight.item() == pytest.approx(expected)
    assert optimization.averaged(network, 0.0) is None


def test_numbers_of_16_bits_are_only_where_they_hold_what_is_computed(monkeypatch) -> None:
    monkeypatch.setattr(optimization, "_has_bfloat16", lambda: True)
    processor = torch.device("cpu")
    assert optimization.autocast(processor, Config()) is torch.bfloat16
    assert optimization.autocast(processor, Config(training=Training(precision="float32"))) is None
    assert optimization.autocast(processor, Config(compression=Compression(kind="int8"))) is None
    monkeypatch.setattr(optimization, "_has_bfloat16", lambda: False)
    assert optimization.autocast(processor, Config()) is None


def test_torch_still_tells_what_the_processor_can() -> None:
    """`_has_bfloat16` asks functions of torch that are not public: where they go, training would be slow."""
    assert hasattr(torch.cpu, "_is_avx512_bf16_supported")
    assert isinstance(optimization._has_bfloat16(), bool)
