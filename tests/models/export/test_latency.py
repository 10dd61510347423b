import json

import pytest
from typer.testing import CliRunner

from jetimg.common.errors import DataError
from models.cli import app
from models.export import latency, onnx_writer
from models.networks.build import build
from models.networks.config import Config, Model
from models.trained import checkpoint
from tests.helpers.networks import published

SMALL = published(
    architecture="ssd7", channels=(2,) * 7, class_names=("t",), image_shape=(96, 128), box_size=(12, 12), circular=True
)


def save(path, model: Model = SMALL):
    checkpoint.save(path, Config(model=model), build(model))
    return path


def test_a_checkpoint_and_a_file_are_measured_side_by_side(tmp_path) -> None:
    path = save(tmp_path / "network.pt")
    onnx_writer.export(path, tmp_path / "network.onnx")
    call = ["benchmark", str(path), str(tmp_path / "network.onnx"), "-o", str(tmp_path / "latency")]
    result = CliRunner().invoke(app, [*call, "--batch-sizes", "2,1", "--seconds", "0", "--threads", "1"])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "latency" / "latency.json").read_text())
    assert [(one["backend"], one["batch_size"]) for one in found["results"] if "CUDA" not in one["backend"]] == [
        ("PyTorch", 1),
        ("ONNX Runtime", 1),
        ("PyTorch", 2),
        ("ONNX Runtime", 2),
    ]
    for one in found["results"]:
        assert one["batches"] == 5
        assert 0 < one["p10_ms"] <= one["median_ms"] <= one["p90_ms"] <= one["p99_ms"]
        assert one["images_per_second"] == pytest.approx(1e3 * one["batch_size"] / one["median_ms"], rel=0.01, abs=0.1)
    assert found["machine"]["threads"] == 1
    assert found["machine"]["processor"]
    assert "| network.onnx, ONNX Runtime | 2 |" in (tmp_path / "latency" / "latency.md").read_text()
    assert (tmp_path / "latency" / "latency.png").read_bytes()[:4] == b"\x89PNG"
    same = [*call[:1], str(tmp_path / "network.onnx"), *call[1:]]
    assert CliRunner().invoke(app, same).exit_code == 2, "two models of one name"
    for wrong in ("1,x", "0", ""):
        assert CliRunner().invoke(app, [*call, "--batch-sizes", wrong]).exit_code == 2


def test_a_batch_that_will_not_fit_is_logged_and_left_out(tmp_path, monkeypatch, caplog) -> None:
    caplog.set_level("INFO", "models")
    monkeypatch.setattr(latency.machine, "available_memory", lambda: 10**6)
    monkeypatch.setattr(latency.machine, "peak_memory", lambda: 10**9)
    results = latency.benchmark({"full": save(tmp_path / "network.pt")}, tmp_path / "latency", [1, 4], seconds=0)
    assert {result["batch_size"] for result in results} == {1}
    assert caplog.messages == ["batches of 4 are left out: they would take about 4.0 GB, and 0.0 GB are free"]


def test_memory_that_runs_out_leaves_one_model_out_and_other_errors_show(tmp_path, monkeypatch, caplog) -> None:
    caplog.set_level("INFO", "models")

    def runners(name, path, threads, compiled):
        def run(images):
            raise errors[name]

        return [latency.Runner(name, path, "made", SMALL, run)]

    errors = {"full": RuntimeError("DefaultCPUAllocator: can't allocate memory"), "broken": RuntimeError("a bug")}
    monkeypatch.setattr(latency, "runners", runners)
    with pytest.raises(DataError, match="no model could be measured"):
        latency.benchmark({"full": tmp_path / "full.pt"}, tmp_path / "a", [1], seconds=0)
    assert caplog.messages == ["full: batches of 1 are left out: they do not fit into memory"]
    with pytest.raises(RuntimeError, match="a bug"):
        latency.benchmark({"broken": tmp_path / "broken.pt"}, tmp_path / "b", [1], seconds=0)
    assert list(tmp_path.iterdir()) == []


def test_models_of_other_images_and_what_is_no_model_are_refused(tmp_path) -> None:
    one = save(tmp_path / "one.pt")
    two = save(tmp_path / "two.pt", SMALL.model_copy(update={"image_shape": (128, 128)}))
    with pytest.raises(DataError, match=r"takes images of \(3, 96, 128\)"):
        latency.benchmark({"one": one, "two": two}, tmp_path / "latency", [1])
    with pytest.raises(DataError, match="not a readable checkpoint"):
        latency.benchmark({"none": tmp_path / "none.pt"}, tmp_path / "latency", [1])
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        latency.benchmark({"one": one}, tmp_path / "file" / "latency", [1], seconds=0)
    assert not (tmp_path / "latency").exists()
