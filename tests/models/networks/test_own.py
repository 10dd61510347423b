"""A network of the user's own: found, trained, evaluated, and run only where the user trusts its code."""

import sys
from pathlib import Path

import pytest
import torch

from jetimg.common.errors import DataError
from models.networks.build import build
from models.networks.config import Config, Model, read
from models.networks.trusted import VARIABLE
from models.trained import checkpoint
from models.training.train import train
from tests.helpers import made_events

NETWORK = '''
from torch import nn
from models import OwnNetwork, Prediction
from models.networks.default_boxes import Axis, on_map

class Tiny(OwnNetwork):
    """Two convolutions over cells of 8 x 8 pixels."""

    def __init__(self, config):
        super().__init__()
        self.classes = len(config.class_names)
        self.layers = nn.Sequential(
            nn.Conv2d(config.input_channels, 8, 8, stride=8), nn.ReLU(), nn.Conv2d(8, 4 * self.classes, 1)
        )
        eta, phi = (Axis(pixels // 8, 8.0, 4.0) for pixels in config.image_shape)
        self.register_buffer("default_boxes", on_map(eta, phi, [config.box_size], config.image_shape[1]))

    def forward(self, x):
        cells = self.layers(x).flatten(2).transpose(1, 2).unflatten(2, (self.classes, 4))
        return Prediction(cells[..., :2], cells[..., 2], cells[..., 3])

class Flat(Tiny):
    def forward(self, x):
        return Prediction(*(part[0] for part in super().forward(x)))

class Bare(Tiny):
    def forward(self, x):
        return super().forward(x)[0]

class NoNetwork:
    pass
'''
KNOWN = {"class_names": ("t", "V"), "image_shape": (48, 64), "box_size": (12.0, 12.0)}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that can be imported, and that nobody trusts yet."""
    (tmp_path / "my_networks.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_networks", raising=False)
    monkeypatch.setenv(VARIABLE, "")
    return "my_networks"


def test_a_network_of_ones_own_is_trained_and_loaded(module: str, tmp_path: Path) -> None:
    dataset = made_events.dataset(tmp_path)
    (tmp_path / "mine.yaml").write_text(f"model: {{architecture: '{module}:Tiny'}}\ntraining: {{epochs: 1}}\n")
    train(dataset, tmp_path / "run", read(tmp_path / "mine.yaml"), device="cpu")
    network, config = checkpoint.load(tmp_path / "run/network.pt", for_inference=True)
    assert config.model.architecture == "my_networks:Tiny"
    found = network(torch.zeros(2, 3, *config.model.image_shape))
    assert found.per_class
    assert found.scores.shape == (2, len(config.model.class_names), len(network.default_boxes))


def test_code_that_only_a_checkpoint_names_is_not_run(module: str, tmp_path: Path, monkeypatch) -> None:
    config = Config(model=Model(architecture=f"{module}:Tiny", **KNOWN))
    monkeypatch.setenv(VARIABLE, f"others, {module}")
    checkpoint.save(tmp_path / "own.pt", config, build(config.model))
    monkeypatch.delitem(sys.modules, module)
    monkeypatch.setenv(VARIABLE, "others")
    with pytest.raises(DataError, match=f"export {VARIABLE}=my_networks"):
        checkpoint.load(tmp_path / "own.pt")
    assert module not in sys.modules


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("my_networks:Missing", "no class Missing that is a models.OwnNetwork"),
        ("my_networks:NoNetwork", "no class NoNetwork that is a models.OwnNetwork"),
        ("no_such_module:Tiny", "is its folder in PYTHONPATH"),
        ("my_networks:Bare", "its forward gives a Tensor; expected a models.Prediction"),
        ("my_networks:Flat", r"its offset has shape \(48, 2, 2\); expected \(1, 48, 2, 2\)"),
    ],
)
def test_what_is_no_network_is_named(module: str, monkeypatch, name: str, words: str) -> None:
    monkeypatch.setenv(VARIABLE, "my_networks,no_such_module")
    with pytest.raises(DataError, match=words):
        build(Model(architecture=name, **KNOWN))


def test_a_misspelled_architecture_is_none_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "typo.yaml").write_text("model: {architecture: fsat}\n")
    with pytest.raises(DataError, match="fsat"):
        read(tmp_path / "typo.yaml")
