"""Circuits of trigger networks, emulated by g++, against PyTorch: every bit of every output, on real events."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from typer.testing import CliRunner

from detector import load
from jetimg.common.errors import DataError, MachineFault
from jetimg.dataset import manifest, plan, shard
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from jetimg.loader.torch_dataset import JetImages, dense
from models.cli import app
from models.data.data_set import DataSet
from models.export import hls_estimate, hls_project
from models.networks.build import build
from models.networks.config import Config, Model
from models.networks.trigger import TriggerSSD
from models.trained import checkpoint

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is missing: it compiles hls4ml's project")
SMALL = Model(architecture="trigger", channels=(4, 4))


@pytest.fixture(scope="module")
def dataset(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two real events of tt.root, for training."""
    folder = tmp_path_factory.mktemp("real")
    convert(DelphesInputs([data / "tt.root"], "tt"), folder / "tt.h5", Setup(load(), ImageSettings()))
    planned = plan.make([folder / "tt.h5"], plan.Sharding(validation_fraction=0, test_fraction=0), [], {})
    for name in planned.shards():
        shard.make(planned, name, folder / "dataset" / name)
    manifest.make(planned, folder / "dataset")
    return folder / "dataset"


def network(model: Model) -> TriggerSSD:
    """One whose features fill their range, and leave it now and then."""
    torch.manual_seed(5)
    made = build(model)
    assert isinstance(made, TriggerSSD)
    for name, parameter in made.circuit.named_parameters():
        torch.nn.init.normal_(parameter, std=0.5 if name.endswith("weight") else 1.0)
    return made.eval()


def saved(path: Path, dataset: Path) -> Path:
    config = Config(model=DataSet.of(dataset).describe(SMALL))
    checkpoint.save(path, config, network(config.model))
    return path


@needs_compiler
def test_the_emulated_project_is_pytorch_bit_for_bit_on_real_events(dataset, tmp_path) -> None:
    pytest.importorskip("hls4ml", reason='hls4ml is missing: pip install "jetimg[hls4ml]"')
    path, output = saved(tmp_path / "network.pt", dataset), tmp_path / "made" / "trigger"
    call = ["export", str(path), "--format", "hls4ml", "-o", str(output), "--images", str(dataset)]
    result = CliRunner().invoke(app, [*call, "--checked", "2"])
    assert result.exit_code == 0, result.output
    report = json.loads((output / "report.json").read_text())
    # Two events, 42 x (45 + 2 * 3) cells, five logits and five times eta, phi, pt.
    assert report["images"] == 2
    assert report["equal"] == report["outputs"] == 2 * 42 * 51 * 20
    assert f"{report['equal']} of {report['outputs']} emulated outputs" in result.output
    assert report["host"]["image"]["shape"] == [85, 102, 3]
    assert [one["reuse"] for one in report["estimate"]["layers"]] == [1, 4, 4, 4]
    assert sorted(file.name for file in output.parent.iterdir()) == ["trigger"]
    settings = yaml.load((output / "project" / "hls4ml_config.yml").read_text(), yaml.BaseLoader)
    assert settings["OutputDir"] == str(output / "project")
    assert not list(output.rglob("*.so"))
    _features_fill_their_range(path, dataset)


def _features_fill_their_range(path: Path, dataset: Path) -> None:
    """What was compared has the last number of the range too, and many others."""
    found, config = checkpoint.load(path, for_inference=True)
    assert isinstance(found, TriggerSSD)
    events = dense(JetImages(DataSet.of(dataset).train, 2).read(0, 2), "cpu", config.model.normalisation)
    with torch.inference_mode():
        features = found.circuit.layers(found.circuit.image(found.prepared(events.pixels)))
    assert len(features.unique()) > 100
    assert features.max() == 255 / 16


@needs_compiler
@pytest.mark.shared
def test_a_hundred_real_events(shared, tmp_path) -> None:
    pytest.importorskip("hls4ml", reason='hls4ml is missing: pip install "jetimg[hls4ml]"')
    files = sorted(shared.glob("tt*.root"))[:2] + sorted(shared.glob("hh*.root"))[:2]
    convert(DelphesInputs(files, "mixed"), tmp_path / "events.h5", Setup(load(), ImageSettings()))
    events = JetImages([tmp_path / "events.h5"], 100)
    assert events.n_events == 100
    model = SMALL.model_copy(update={"class_names": ("b", "t"), "image_shape": events.shape, "box_size": (46.0, 46.0)})
    made = network(model)
    with torch.inference_mode():
        cells = made.prepared(dense(events.read(0, 100), "cpu", model.normalisation).pixels)
    _, graph = hls_project.convert(made.circuit, tuple(cells.shape[1:]), tmp_path / "project", hls_project.Target())
    equal, count = hls_project.emulate(graph, made.circuit, cells)
    assert equal == count == 100 * 42 * 51 * 8


def test_what_hls4ml_does_not_take_is_said_at_once(dataset, tmp_path, monkeypatch) -> None:
    known = DataSet.of(dataset).describe(Model(architecture="pfjet", channels=(2,) * 11))
    checkpoint.save(tmp_path / "other.pt", Config(model=known), build(known))
    with pytest.raises(DataError, match="hls4ml takes networks of `architecture: trigger`; this one is pfjet, whose"):
        hls_project.export(tmp_path / "other.pt", tmp_path / "out", hls_project.Target())
    pytest.importorskip("hls4ml", reason='hls4ml is missing: pip install "jetimg[hls4ml]"')
    path = saved(tmp_path / "network.pt", dataset)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    monkeypatch.setattr(shutil, "which", lambda name: name)
    with pytest.raises(DataError, match="not an export for hls4ml"):
        hls_project.export(path, tmp_path / "mine", hls_project.Target())
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MachineFault, match=r"g\+\+ is not on PATH"):
        hls_project.export(path, tmp_path / "out", hls_project.Target())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine", "network.pt", "other.pt"]


@needs_compiler
def test_another_number_is_found_and_nothing_is_left(dataset, tmp_path, monkeypatch) -> None:
    pytest.importorskip("hls4ml", reason='hls4ml is missing: pip install "jetimg[hls4ml]"')
    path, compared = saved(tmp_path / "network.pt", dataset), []

    class OneOff:
        """A project that is compiled and computes one number wrongly."""

        def compile(self) -> None: ...

        def predict(self, images):
            expected = [part.permute(0, 2, 3, 1).numpy().copy() for part in compared[0]]
            expected[1].flat[7] += 2**-11
            return expected

        def get_layers(self):
            return []

    def convert_wrongly(circuit, shape, folder, target):
        found, graph = true(circuit, shape, folder, target)
        circuit.register_forward_hook(lambda module, given, result: compared.append(result))
        graph.write()
        return found, OneOff()

    true = hls_project.convert
    monkeypatch.setattr(hls_project, "convert", convert_wrongly)
    with pytest.raises(DataError, match="out: not written: 1 of 128520 emulated outputs are not PyTorch's"):
        hls_project.export(path, tmp_path / "out", hls_project.Target())
    assert [file.name for file in tmp_path.iterdir()] == ["network.pt"]


def test_the_estimate_by_hand() -> None:
    layer = hls_estimate.Layer("one", 10, 20, inputs=2, outputs=4, kernel=3, reuse=4, parallel=False)
    beside = hls_estimate.Layer("two", 5, 10, inputs=4, outputs=1, kernel=3, reuse=1, parallel=True)
    assert (layer.multipliers, layer.cycles, beside.multipliers, beside.cycles) == (18, 800, 36, 50)
    assert layer.memory_bits == 2 * 20 * 2 * 8 + 72 * 8 + 4 * 16
    found = hls_estimate.estimate([layer, beside], clock_ns=5.0)
    # The slower layer's 800 cycles; before its first output two of its ten rows.
    assert (found["interval_us"], found["latency_us"], found["images_per_second"]) == (4.0, 4.8, 250_000)
    assert found["multipliers"] == 54
    assert "An estimate by formulas, not a synthesis" in hls_estimate.markdown(found)
