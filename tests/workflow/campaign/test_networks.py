"""Names and settings of a campaign's networks."""

import pytest
import yaml

from models.networks.config import Config, Training
from models.trained import zoo
from tests.helpers.page_blocks import check
from workflow.campaign.config import parse
from workflow.campaign.errors import ConfigError
from workflow.campaign.networks import CampaignNetworks, labelled

SAMPLES = {"tt": {"files": ["a.root"]}, "tth": {"files": ["b.root"], "test": True}}
PFJET = {"training": {"epochs": 9, "batch_size": 4}, "smaller": {"ternary": {"epochs": 2}, "pruned": {}}}


@pytest.fixture
def networks() -> CampaignNetworks:
    config = parse({"samples": SAMPLES, "networks": {"pfjet": PFJET, "small": {"model": {"architecture": "ssd7"}}}})
    return CampaignNetworks(config.networks, "out")


def test_each_version_of_each_name_is_a_network(networks):
    every = [
        f"out/networks/{name}/network.pt" for name in ("pfjet/full", "pfjet/ternary", "pfjet/pruned", "small/full")
    ]
    assert networks.checkpoints() == every
    assert networks.checkpoints(("full",)) == [every[0], every[3]]
    assert networks.checkpoints(("binary",)) == []
    assert [name.replace(".onnx", ".pt") for name in networks.onnx_files()] == every
    assert labelled(every)[1] == "pfjet-ternary=out/networks/pfjet/ternary/network.pt"


def test_a_network_that_is_given_is_taken_as_it_is(tmp_path):
    """Of the zoo by its name, or a checkpoint by its file; it has no settings, and is not one of full precision."""
    given = {"fast": {"checkpoint": "fast"}, "mine": {"checkpoint": "run/network.pt"}}
    config = parse({"samples": SAMPLES, "networks": given | {"small": {"model": {"architecture": "ssd7"}}}})
    networks = CampaignNetworks(config.networks, "out")
    every = [f"out/networks/{name}/network.pt" for name in ("fast/given", "mine/given", "small/full")]
    assert networks.checkpoints() == every
    assert networks.checkpoints(("full",)) == every[2:]
    assert networks.seen() == ["out/networks/fast/given/detections.h5"]
    assert networks.given("fast") == str(zoo.names()["fast"])
    assert networks.given("mine") == "run/network.pt"
    assert list(networks.settings()) == ["small-full"]
    assert [name.partition("=")[0] for name in labelled(every)] == ["fast", "mine", "small-full"]
    again = parse({"samples": SAMPLES, "networks": config.model_dump(mode="json")["networks"]})
    assert again.networks == config.networks


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"checkpoint": "fats"}, "networks.net: checkpoint: no network fats in the zoo, which has fast"),
        ({"checkpoint": "fast", "training": {"epochs": 2}}, "no `training` beside it"),
        ({"checkpoint": "fast", "smaller": {"int8": {}}}, "no `smaller` beside it"),
    ],
)
def test_a_network_that_cannot_be_given_is_said_before_anything_runs(given, hint):
    with pytest.raises(ConfigError, match=hint):
        parse({"samples": SAMPLES, "networks": {"net": given}})


def test_a_smaller_version_differs_only_in_what_is_said(networks):
    full, ternary = (yaml.safe_load(networks.settings()[f"pfjet-{version}"]()) for version in ("full", "ternary"))
    assert full["training"]["epochs"] == 9
    assert ternary["training"] == full["training"] | {"epochs": 2}
    assert {key: ternary[key] for key in full if key != "training"} == {
        key: full[key] for key in full if key != "training"
    }
    # What `jetimg models` accepts.
    assert Config(**ternary).training.batch_size == 4


def test_pruning_has_settings_of_its_own(networks):
    config = parse({"samples": SAMPLES, "networks": {"net": {"smaller": {"pruned": {"epochs": 3, "seed": 4}}}}})
    chosen = config.networks["net"].settings("pruned")
    assert (chosen["pruning"]["epochs"], chosen["training"]["epochs"], chosen["training"]["seed"]) == (
        3,
        Training().epochs,
        4,
    )


@pytest.mark.parametrize(
    ("smaller", "hint"),
    [({"ternary": {"epoch": 2}}, "epoch"), ({"tiny": {}}, "tiny"), ({"int8": {"epochs": -1}}, "epochs")],
)
def test_what_cannot_be_trained_is_said_before_anything_runs(smaller, hint):
    with pytest.raises(ConfigError, match=hint):
        parse({"samples": SAMPLES, "networks": {"pfjet": {"smaller": smaller}}})


def test_composed_images_become_words_of_the_command():
    chosen = {"images": {"train": 50, "heldout": 5}, "objects": [3, 4], "background": "pileup", "rotate": False}
    words = parse({"samples": SAMPLES, "composed": chosen}).composed.options()
    assert words[:6] == ["--images", "train=50", "--images", "heldout=5", "--objects", "3:4"]
    assert words[-3:] == ["--no-rotate", "--background", "pileup"]
    check(f"jetimg compose-dataset data --output composed {' '.join(words)}")
    with pytest.raises(ConfigError, match="test"):
        parse({"samples": SAMPLES, "composed": {"images": {"test": 50}}})


def test_classifiers_become_words_of_the_command():
    config = parse({"samples": SAMPLES, "classifiers": {"topology": {"task": "process", "classes": ["tt", "qq"]}}})
    options = ["--task=process", "--classes=tt,qq", "--architecture=gru", "--architecture=resnet", "--epochs=20"]
    assert config.classifiers["topology"].options() == options
    with pytest.raises(ConfigError, match="mlp takes the shapes of single showers"):
        parse({"samples": SAMPLES, "classifiers": {"top": {"task": "top", "architectures": ["mlp"]}}})
    lists = {"samples": SAMPLES, "images": {"particles": 100}}
    chosen = {"task": "process", "architectures": ["lstm"], "input": "particles"}
    words = parse(lists | {"classifiers": {"topology": chosen}}).classifiers["topology"].options()
    assert words == ["--task=process", "--architecture=lstm", "--input=particles", "--epochs=20"]
    with pytest.raises(ConfigError, match=r"input particles needs images\.particles"):
        parse({"samples": SAMPLES, "classifiers": {"topology": chosen}})
    with pytest.raises(ConfigError, match="resnet sees the image"):
        parse(lists | {"classifiers": {"topology": chosen | {"architectures": ["lstm", "resnet"]}}})


def test_masks_are_measured_where_no_network_was_trained_and_are_not_exported():
    networks = {"objects": {"model": {"architecture": "mask"}}, "fast": {}}
    config = parse({"samples": SAMPLES, "networks": networks})
    named = CampaignNetworks(config.networks, "out")
    assert named.of_masks() == ["objects"]
    assert named.onnx_files() == ["out/networks/fast/full/network.onnx"]
    for images, split in (({"train": 9, "heldout": 1, "validation": 1}, "heldout"), ({"train": 9}, None)):
        assert parse({"samples": SAMPLES, "composed": {"images": images}}).composed.measured == split
    with pytest.raises(ConfigError, match="architecture mask has none"):
        parse({"samples": SAMPLES, "networks": {"objects": networks["objects"] | {"smaller": {"int8": {}}}}})
