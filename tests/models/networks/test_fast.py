"""The fast network: its size by hand, its default boxes, phi that goes round, images that squares do not fill."""

import math

import pytest
import torch

from models.networks.build import build, parameters
from models.networks.config import Model
from models.networks.fast import Residual
from tests.helpers.jets import CMS

SMALL = Model(channels=(4, 4, 8, 6, 8), class_names=("t", "V"), image_shape=(48, 64), box_size=(12, 12))


def test_the_parameters_by_hand() -> None:
    network = build(Model(class_names=("b", "t", "H", "V", "q"), **CMS))
    stem = 3 * 32 * 16 + 64 + 32 * 32 * 9 + 64 + 32 * 48 * 9 + 96
    blocks = 7 * (48 * 48 * 9 + 96)
    head = (48 + 1) * 5 * (1 + 2 + 1)
    assert parameters(network) == stem + blocks + head == 171_604


def test_a_default_box_lies_on_each_cell_of_8_x_8_pixels() -> None:
    boxes = build(Model(class_names=("t",), **CMS)).default_boxes.view(43, 45, 4)
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    assert torch.equal(centre[:, 0, 0], 2 + 8 * torch.arange(43.0))
    assert torch.equal(centre[0, :, 1] % 360, 2 + 8 * torch.arange(45.0))
    assert torch.equal(boxes[..., 2:] - boxes[..., :2], torch.full((43, 45, 2), 46.0))


def test_a_hit_reaches_the_cell_of_its_own_pixel_most() -> None:
    """With weights of one everywhere, what a hit adds is largest in the cell whose centre is nearest."""
    network = build(SMALL.model_copy(update={"channels": (2, 2, 2, 2, 2)})).eval()
    for name, parameter in network.named_parameters():
        parameter.data.fill_(1.0 if parameter.dim() > 1 or "norm.weight" in name else 0.0)
    image = torch.zeros(1, 3, 48, 64)
    image[0, 0, 26, 42] = 1e-6
    with torch.no_grad():
        logits = network(image).logits[0, :, 0].view(6, 8)
    assert divmod(int(logits.argmax()), 8) == (3, 5)


@pytest.mark.parametrize("shape", [(48, 64), (45, 62), (340, 360)])
def test_predictions_belong_to_default_boxes(shape) -> None:
    network = build(SMALL.model_copy(update={"image_shape": shape}))
    found = network(torch.randn(2, 3, *shape))
    n = len(network.default_boxes)
    assert [tuple(part.shape) for part in found] == [(2, n, 2, 2), (2, n, 2), (2, n, 2)]
    assert found.per_class
    assert found.scores.shape == (2, 2, n)
    assert n == math.prod(math.ceil(math.ceil(pixels / 4) / 2) for pixels in shape)


@pytest.mark.parametrize("circular", [True, False])
def test_turning_the_image_by_a_cell_turns_the_predictions(circular) -> None:
    torch.manual_seed(3)
    network = build(SMALL.model_copy(update={"circular": circular})).eval()
    for module in network.modules():
        if isinstance(module, Residual):
            torch.nn.init.ones_(module.outer.norm.weight)
    image = torch.rand(1, 3, 48, 64)
    with torch.no_grad():
        here, there = network(image), network(image.roll(8, dims=3))
    turned = here.logits.view(1, 6, 8, 2).roll(1, dims=2).view(1, -1, 2)
    assert torch.allclose(turned, there.logits, atol=1e-5) == circular


def test_a_network_begins_with_nearly_no_jets() -> None:
    network = build(SMALL).eval()
    with torch.no_grad():
        scores = network(torch.zeros(1, 3, 48, 64)).scores
    assert torch.allclose(scores, torch.full_like(scores, 0.01), atol=1e-3)


@pytest.mark.parametrize("architecture", ["pfjet", "ssd7"])
def test_other_networks_may_have_a_probability_for_each_class_too(architecture) -> None:
    channels = {"pfjet": (4,) * 11, "ssd7": (4,) * 7}[architecture]
    size = {"pfjet": (48, 64), "ssd7": (96, 128)}[architecture]
    chosen = {"architecture": architecture, "channels": channels, "image_shape": size, "scores": "sigmoid"}
    network = build(SMALL.model_copy(update=chosen)).eval()
    with torch.no_grad():
        found = network(torch.zeros(1, 3, *size))
    assert found.logits.shape == (1, len(network.default_boxes), 2)
    assert found.offset.shape == (1, len(network.default_boxes), 2, network.coordinates)
    assert torch.allclose(found.scores.mean(), torch.tensor(0.01), atol=5e-3)


def test_settings_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        Model(channels=(1, 2, 3))
    with pytest.raises(ValueError, match="scores is sigmoid"):
        Model(scores="softmax")
    assert not Model(architecture="pfjet").per_class
    assert Model(architecture="pfjet", scores="sigmoid").per_class
