import json

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from models import compress
from models.cli import app
from models.networks.build import build, parameters
from models.networks.config import Compression, Config, Model
from models.networks.layers import Convolution
from models.trained import checkpoint
from models.trained.cost import describe, macs
from tests.helpers.jets import CMS
from tests.helpers.networks import published

TINY = published(
    channels=(2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4), class_names=("t", "V"), image_shape=(48, 64), box_size=(12, 12)
)
PUBLISHED = published(class_names=("t", "V", "H"), attention=False, **CMS)


def saved(path, model: Model, kind: str = "none", keep: tuple[str, ...] = ("first", "heads")):
    chosen = Compression(kind=kind, keep=keep)
    checkpoint.save(path, Config(model=model, compression=chosen), compress.apply(build(model), chosen))
    return path


def test_multiplications_of_a_layer_worked_by_hand() -> None:
    class Layers(nn.Sequential):
        """Two layers."""

    layers = Layers(Convolution(3, 8, 3, circular=True), Convolution(8, 8, 3, circular=False, groups=8))
    # 20 cells; 8 outputs of 3 x 9 weights, then 8 of 9.
    assert macs(layers, published(image_shape=(4, 5))) == {"": 20 * 8 * 36, "0": 20 * 8 * 27, "1": 20 * 8 * 9}


@pytest.mark.parametrize(
    "model", [TINY.model_copy(update={"attention": True}), published(architecture="ssd7", class_names=("t",), **CMS)]
)
def test_every_multiplication_belongs_to_a_kind_of_layer(tmp_path, model: Model) -> None:
    found = describe(saved(tmp_path / "full.pt", model))
    assert found.all_macs == macs(build(model).for_inference(), model)[""] > 0


def test_the_full_network_at_inference(tmp_path) -> None:
    found = describe(saved(tmp_path / "full.pt", PUBLISHED))
    assert found.parameters == 1_044_224
    assert found.size == 4 * 1_044_224
    cells, c = [171 * 181] * 3 + [86 * 91] * 3 + [44 * 46] * 2, (32, 64, 128, 128, 256, 512, 512, 512, 512)
    assert found.macs == {
        "convolution": 340 * 360 * 27 * 32,
        "depthwise": sum(n * 9 * c[k] for k, n in enumerate(cells)),
        "pointwise": sum(n * c[k] * c[k + 1] for k, n in enumerate(cells)),
        "heads": 44 * 46 * 9 * 512 * (2 + 4 + 1),
    }
    assert found.all_macs == 5_534_148_128
    assert (found.zeros, found.quantized, found.weight_bits, found.input_bits) == (0, 0, 32, 32)


def test_the_published_pruned_network_has_the_published_number_of_parameters() -> None:
    # The channels in the authors' repository, AdrianAlan/PF-Jet-SSD, net-config-last.yml.
    pruned = PUBLISHED.model_copy(update={"channels": (29, 55, 88, 85, *[128] * 7)})
    assert parameters(build(pruned).for_inference()) == 111_225


@pytest.mark.parametrize(("kind", "bits", "inputs"), [("ternary", 2, 32), ("binary", 1, 1)])
def test_quantized_networks_are_counted_as_full_ones_but_for_their_bits(tmp_path, kind, bits, inputs) -> None:
    full, found = describe(saved(tmp_path / "full.pt", TINY)), describe(saved(tmp_path / "q.pt", TINY, kind))
    assert (found.parameters, found.macs) == (full.parameters, full.macs)
    assert (found.kind, found.weight_bits, found.input_bits) == (kind, bits, inputs)
    pairs = list(zip(TINY.channels[:8], TINY.channels[1:9], strict=True))
    weights = sum(9 * i + i * o for i, o in pairs)
    scales = sum(i + o for i, o in pairs)
    assert found.quantized == weights / full.parameters
    assert found.size == -(-(32 * (full.parameters - weights + scales) + bits * weights) // 8)


def test_zeros_are_those_of_the_quantized_weights(tmp_path) -> None:
    path = tmp_path / "t.pt"
    saved(path, TINY, "ternary", keep=())
    network, _ = checkpoint.load(path)
    convolutions = [module for module in network.for_inference().modules() if isinstance(module, nn.Conv2d)]
    zeros = sum(int((module.weight == 0).sum()) for module in convolutions)
    assert 0 < zeros < sum(module.weight.numel() for module in convolutions)
    assert describe(path).zeros == zeros / sum(module.weight.numel() for module in convolutions)
    assert describe(saved(tmp_path / "b.pt", TINY, "binary")).zeros == 0


def test_the_command(tmp_path) -> None:
    paths = [str(saved(tmp_path / f"{kind}.pt", TINY, kind)) for kind in ("none", "ternary")]
    result = CliRunner().invoke(app, ["describe", *paths, "--json"])
    assert result.exit_code == 0, result.output
    one, two = json.loads(result.output)
    assert (one["kind"], two["kind"], two["parameters"]) == ("none", "ternary", one["parameters"])
    assert one["all_macs"] == sum(one["macs"].values())
    result = CliRunner().invoke(app, ["describe", *paths])
    assert result.exit_code == 0, result.output
    assert "ternary" in result.output
    torch.save({}, tmp_path / "no.pt")
    assert CliRunner().invoke(app, ["describe", str(tmp_path / "no.pt")]).exit_code == 1


def test_the_trigger_network_has_weights_of_eight_bits_and_biases_of_sixteen(tmp_path) -> None:
    model = Model(architecture="trigger", class_names=tuple("btHVq"), **CMS)
    found = describe(saved(tmp_path / "trigger.pt", model))
    biases = 16 + 16 + 32 + 32 + 5 + 15
    assert (found.weight_bits, found.input_bits) == (8, 8)
    assert found.quantized == (22_436 - biases) / 22_436
    assert found.size == 22_436 + biases
    behind_the_pooling = 16 * 16 + 16 * 32 + 32 * 32 + 32 * 5 + 32 * 15
    assert found.all_macs == 9 * (85 * 110 * 3 * 16 + 42 * 55 * behind_the_pooling)
