"""Checkpoints that were written before layers had names, and before networks knew the width of a pixel.

tests/data holds two that commit 46c1666 wrote, with every 40th of its predictions for the images below.
"""

from pathlib import Path

import pytest
import torch

from models import compress
from models.networks.build import build
from models.trained import checkpoint
from models.trained.old_names import renamed


@pytest.mark.parametrize("name", ["pfjet_int8", "ssd7_binary"])
def test_an_old_checkpoint_predicts_what_it_did(data: Path, name: str) -> None:
    path = data / f"{name}.pt"
    content = torch.load(path, weights_only=True)
    assert any(part.isdecimal() for key in content["weights"] for part in key.split(".")[2:])
    network, config = checkpoint.load(path)
    assert config.model.eta_pitch == 0
    images = torch.sin(torch.arange(3 * config.model.image_shape[0] * config.model.image_shape[1]) * 0.7)
    with torch.no_grad():
        found = network(images.reshape(1, 3, *config.model.image_shape))
    for part, expected in zip(found, content["expected"], strict=True):
        torch.testing.assert_close(part[0, ::40], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["pfjet_int8", "ssd7_binary"])
def test_names_are_those_of_the_network_and_stay_so(data: Path, name: str) -> None:
    content, config = checkpoint.read(data / f"{name}.pt")
    network = compress.apply(build(config.model), config.compression)
    assert list(content["weights"]) == list(network.state_dict())
    assert list(renamed(content["weights"])) == list(content["weights"])


def test_a_place_that_no_layer_has_stays() -> None:
    for name in ("stages.0.0.9.weight", "layers.0", "necks.0.7.weight", "heads.0.offset.5.weight", "other.0.1.2"):
        assert list(renamed({name: torch.zeros(1)})) == [name]
