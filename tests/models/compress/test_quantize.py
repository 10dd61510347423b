"""Quantized networks begin with full-precision weights, train, go on, and are loaded again."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.loader.torch_dataset import JetImages, dense
from models import compress
from models.cli import app
from models.compress.layers import chosen_convolutions
from models.data.data_set import DataSet
from models.networks.build import build
from models.networks.config import Compression, Config, Model
from models.trained import checkpoint
from models.training.train import train
from tests.helpers import made_events
from tests.helpers.jets import CMS
from tests.helpers.networks import published, published_training

MODELS = {
    "pfjet": published(channels=(2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4)),
    "ssd7": published(architecture="ssd7", channels=(2, 2, 2, 4, 4, 4, 4)),
    "fast": Model(channels=(4, 4, 8, 4, 8)),
}
VALUES = {"ternary": 3, "binary": 2}
EVERYTHING = [(kind, architecture) for kind in VALUES for architecture in MODELS]


def config(kind: str = "none", **training) -> Config:
    chosen = {"epochs": 1, "batch_size": 4, **training}
    return Config(training=published_training(**chosen), compression=Compression(kind=kind))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    return made_events.dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def full(dataset, tmp_path_factory) -> dict[str, Path]:
    """A full-precision checkpoint of each architecture, with random weights."""
    folder, paths = tmp_path_factory.mktemp("full"), {}
    for name, model in MODELS.items():
        chosen = Config(model=DataSet.of(dataset).describe(model))
        torch.manual_seed(5)  # with most others all channels die in training
        paths[name] = folder / f"{name}.pt"
        checkpoint.save(paths[name], chosen, build(chosen.model))
    return paths


@pytest.mark.parametrize(
    ("kind", "architecture"), [("ternary", "ssd7"), ("binary", "pfjet"), ("int8", "pfjet"), ("int8", "fast")]
)
def test_a_quantized_network_trains_and_is_loaded(dataset, full, tmp_path, kind, architecture) -> None:
    train(dataset, tmp_path, config(kind, batch_size=2), start=full[architecture], device="cpu")
    check(tmp_path / "last.pt", kind, architecture, dataset)


@pytest.mark.parametrize(
    ("kind", "architecture"), [("ternary", "pfjet"), ("binary", "ssd7"), ("int8", "ssd7"), ("ternary", "fast")]
)
def test_a_run_that_was_stopped_reaches_the_same_weights(dataset, full, tmp_path, kind, architecture) -> None:
    start = full[architecture]
    train(dataset, tmp_path / "whole", config(kind, epochs=2), start=start, device="cpu")
    for epochs in (1, 2):
        train(dataset, tmp_path / "parts", config(kind, epochs=epochs), start=start, device="cpu")
    whole, parts = (checkpoint.read(tmp_path / name / "last.pt")[0] for name in ("whole", "parts"))
    assert whole["weights"].keys() == parts["weights"].keys()
    assert all(torch.equal(whole["weights"][name], parts["weights"][name]) for name in whole["weights"])
    assert whole["start_sha256"] == sha256(start)
    check(tmp_path / "parts" / "last.pt", kind, architecture, dataset)


@pytest.mark.parametrize("architecture", ["pfjet", "fast"])
def test_a_run_with_a_teacher_says_how_far_it_is_from_it(dataset, full, tmp_path, architecture) -> None:
    start = full[architecture]
    for weight in (0.0, 2.0):
        train(dataset, tmp_path / str(weight), config("ternary", distillation=weight), start=start, device="cpu")
    alone, taught = (history(tmp_path / name) for name in ("0.0", "2.0"))
    assert "imitation" not in alone["train"]
    assert taught["train"]["imitation"] > 0
    parts = [value for name, value in taught["train"].items() if name != "total"]
    assert taught["train"]["total"] == pytest.approx(sum(parts), rel=1e-5)
    # Of validation events, the truth alone counts: runs with and without a teacher are compared by it.
    assert "imitation" not in taught["validation"]
    weights = [checkpoint.read(tmp_path / name / "last.pt")[0]["weights"] for name in ("0.0", "2.0")]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_teacher_is_any_network_that_looks_at_the_same_places(dataset, full, tmp_path) -> None:
    chosen = config(distillation=1.0).model_copy(update={"model": Model(channels=(4, 4, 4, 4, 4))})
    train(dataset, tmp_path / "run", chosen, teacher=full["fast"], device="cpu")
    assert history(tmp_path / "run")["train"]["imitation"] > 0
    assert checkpoint.read(tmp_path / "run" / "last.pt")[0]["teacher_sha256"] == sha256(full["fast"])
    with pytest.raises(DataError, match="a run with another teacher"):
        train(dataset, tmp_path / "run", chosen, teacher=tmp_path / "run" / "network.pt", device="cpu")
    with pytest.raises(DataError, match="other default boxes or scores"):
        train(dataset, tmp_path / "other", chosen, teacher=full["ssd7"], device="cpu")
    with pytest.raises(DataError, match="no network to learn from"):
        train(dataset, tmp_path / "none", chosen, device="cpu")
    with pytest.raises(DataError, match="a teacher, but"):
        train(dataset, tmp_path / "none", config(), teacher=full["fast"], device="cpu")


def history(run: Path) -> dict:
    return json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])


def check(path: Path, kind: str, architecture: str, dataset: Path) -> None:
    """The network is loaded, and gives the same at inference, where its convolutions are plain."""
    network, found = checkpoint.load(path)
    assert (found.compression.kind, found.model.channels) == (kind, MODELS[architecture].channels)
    folded, _ = checkpoint.load(path, for_inference=True)
    images, _ = dense(JetImages.of_dataset(dataset).read(0, 2), normalisation=found.model.normalisation)
    with torch.no_grad():
        before, after = network(images), folded(images)
    for one, two in zip(before, after, strict=True):
        one = one[:, : two.shape[1]]
        assert one.std() > 0.01
        # With integers, biases are rounded to whole numbers of the products' unit, and some features with them.
        assert (one - two).abs().mean() <= 0.05 * one.std() if kind == "int8" else torch.equal(one, two)
    assert not any("parametrizations" in name for name in folded.state_dict())


@pytest.mark.parametrize(("kind", "architecture"), EVERYTHING)
def test_first_layer_and_heads_stay_at_full_precision(kind, architecture) -> None:
    channels = (8,) * len(MODELS[architecture].channels)
    model = MODELS[architecture].model_copy(update=CMS | {"class_names": ("t", "V"), "channels": channels})
    chosen = Compression(kind=kind)
    network = build(model)
    plain = {name: module.weight.clone() for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    quantized = set(chosen_convolutions(network, chosen))
    compress.fold_for_inference(compress.apply(network, chosen), chosen)
    first = next(iter(plain))
    assert set(plain) - quantized == {first, *(name for name in plain if name.startswith("heads."))}
    for name, before in plain.items():
        module = network.get_submodule(name)
        after = module.weight if name not in quantized or kind == "ternary" else module.convolution.weight
        if name in quantized:
            assert all(len(channel.unique()) <= VALUES[kind] for channel in after)
        else:
            assert torch.equal(after, before)


def test_what_is_kept_can_be_chosen() -> None:
    network = build(MODELS["pfjet"].model_copy(update=CMS | {"class_names": ("t",)}))
    everything = chosen_convolutions(network, Compression(kind="ternary", keep=()))
    assert len(everything) == 1 + 2 * 10 + 2 * 3
    kept = chosen_convolutions(network, Compression(kind="ternary", keep=("first", "heads", "depthwise")))
    assert all(layer.kernel_size == (1, 1) for layer in kept.values())
    assert len(kept) == 10


def test_a_run_begins_with_the_weights_of_its_start(dataset, full, tmp_path) -> None:
    # Steps too small to change a weight.
    train(dataset, tmp_path, config("ternary", learning_rate=1e-30), start=full["ssd7"], device="cpu")
    begun = checkpoint.read(full["ssd7"])[0]["weights"]
    found = checkpoint.read(tmp_path / "last.pt")[0]["weights"]
    for name, weight in begun.items():
        if "running" not in name and "num_batches" not in name:
            stem, _, leaf = name.rpartition(".")
            now = found[name] if name in found else found[f"{stem}.parametrizations.{leaf}.original"]
            torch.testing.assert_close(now, weight)


def test_what_does_not_fit_is_refused(dataset, full, tmp_path) -> None:
    def begin(start: Path, output: Path = tmp_path / "run", kind: str = "ternary") -> None:
        train(dataset, output, config(kind), start=start, device="cpu")

    begin(full["ssd7"])
    with pytest.raises(DataError, match="ternary already; begin with one of full precision"):
        begin(tmp_path / "run" / "last.pt", tmp_path / "twice")
    with pytest.raises(DataError, match="a run of another configuration"):
        begin(full["pfjet"])
    content, stored = checkpoint.read(full["ssd7"])
    content["weights"]["layers.0.convolution.weight"] += 1
    checkpoint.write(tmp_path / "other.pt", content)
    with pytest.raises(DataError, match="a run that began with other weights"):
        begin(tmp_path / "other.pt")
    del content["weights"]["layers.0.convolution.weight"]
    checkpoint.write(tmp_path / "less.pt", content)
    with pytest.raises(DataError, match="weights do not fit"):
        begin(tmp_path / "less.pt", tmp_path / "twice")
    classes = stored.model.model_copy(update={"class_names": ("b", "q")})
    checkpoint.save(tmp_path / "two.pt", Config(model=classes), build(classes))
    with pytest.raises(DataError, match=r"two\.pt: made for class_names b, q; the data set has b, t, H, V, q"):
        begin(tmp_path / "two.pt", tmp_path / "twice")
    assert not (tmp_path / "twice").exists()


def test_the_command(dataset, full, tmp_path) -> None:
    call = ["quantize", str(dataset), str(full["ssd7"]), "-o", str(tmp_path), "--epochs", "1", "--device", "cpu"]
    result = CliRunner().invoke(app, [*call, "--batch-size", "4", "--kind", "binary"])
    assert result.exit_code == 0, result.output
    assert checkpoint.read(tmp_path / "best.pt")[1].compression.kind == "binary"
    result = CliRunner().invoke(app, [*call, "--kind", "quaternary"])
    assert result.exit_code == 2
    assert "ternary, int8, binary" in result.output
