import json
from pathlib import Path

import onnx
import pytest
import torch
from typer.testing import CliRunner

from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from models import compress
from models.cli import app
from models.export import onnx_writer, sample_images
from models.export.onnx_detector import OnnxDetector
from models.networks.build import build
from models.networks.config import Compression, Config
from models.networks.postprocess import Detections
from models.trained import checkpoint
from tests.helpers.networks import published

NETWORKS = {
    "pfjet": published(channels=(4,) * 10 + (8,), class_names=("t", "V"), image_shape=(48, 64), box_size=(12, 12)),
    "ssd7": published(
        architecture="ssd7", channels=(4,) * 7, class_names=("t", "V"), image_shape=(96, 128), box_size=(12, 12)
    ),
}


def saved(folder: Path, architecture: str, kind: str, circular: bool) -> Path:
    """A checkpoint of a network that has seen some images, so that its batch norms are not those of the start."""
    torch.manual_seed(1)
    model = NETWORKS[architecture].model_copy(update={"circular": circular})
    config = Config(model=model, compression=Compression(kind=kind))
    network = compress.apply(build(model), config.compression).train()
    for _ in range(10):
        network(torch.randn(4, 3, *model.image_shape))
    path = folder / "network.pt"
    checkpoint.save(path, config, network)
    return path


# Every architecture, kind and border at least once; an export takes seconds.
@pytest.mark.parametrize(
    ("architecture", "kind", "circular"),
    [("pfjet", "none", True), ("pfjet", "int8", False), ("ssd7", "int8", True)],
)
def test_a_file_alone_finds_the_jets_of_pytorch(tmp_path, architecture, kind, circular) -> None:
    path = saved(tmp_path, architecture, kind, circular)
    found = onnx_writer.export(path, tmp_path / "network.onnx")
    assert found.n_jets > 0
    detector = OnnxDetector.open(tmp_path / "network.onnx")
    network, config = checkpoint.load(path, for_inference=True)
    assert detector.model == config.model
    assert torch.equal(detector.default_boxes, network.default_boxes)
    tried = sample_images.made_up(2, config.model, seed=5)
    with torch.inference_mode():
        expected = network(tried.pixels)
    again = onnx_writer.agreement(expected, detector(tried.pixels), network.default_boxes, tried.scale, 128)
    assert again.jets <= (0.1 if kind == "int8" else 0.01)
    assert len(detector.detect(tried.pixels, tried.scale)) == 2
    model = onnx.load(tmp_path / "network.onnx")
    texts = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(texts["class_names"]) == ["t", "V"]
    assert texts["checkpoint_sha256"] == sha256(path)
    nodes = [node.op_type for node in model.graph.node]
    assert not {"BatchNormalization", "PRelu"} & set(nodes)
    assert ("QuantizeLinear" in nodes) == (kind == "int8")


def test_a_file_that_predicts_something_else_does_not_appear(tmp_path, monkeypatch) -> None:
    path = saved(tmp_path, "ssd7", "none", circular=False)
    true = OnnxDetector.__call__

    def wrong(self, pixels):
        prediction = true(self, pixels)
        return prediction._replace(offset=prediction.offset + 1)

    monkeypatch.setattr(OnnxDetector, "__call__", wrong)
    with pytest.raises(DataError, match="not written: its predictions differ"):
        onnx_writer.export(path, tmp_path / "network.onnx")
    assert [file.name for file in tmp_path.iterdir()] == ["network.pt"]


def jets(*rows: tuple[float, float, float]) -> Detections:
    """Jets at (phi_min, class, score)."""
    box = torch.tensor([[10.0, phi, 22.0, phi + 12] for phi, _, _ in rows]).reshape(-1, 4)
    class_id = torch.tensor([int(class_id) for _, class_id, _ in rows])
    score = torch.tensor([score for _, _, score in rows])
    return Detections(box, class_id, score, torch.ones(len(rows)))


def test_jets_are_the_same_but_for_ties() -> None:
    one = jets((120.0, 0, 0.9), (40.0, 1, 0.5), (80.0, 1, 0.02))

    def alone(*rows: tuple[float, float, float]) -> tuple[int, float]:
        number, score = onnx_writer.different(one, jets(*rows), 1e-3, 128)
        return number, round(score, 4)

    # The same place one turn on, and a score a little off; the weakest jet may be another one.
    assert alone((-8.0, 0, 0.9005), (40.0, 1, 0.49), (10.0, 1, 0.0199)) == (0, 0.01)
    # Another class, another place, and none at all.
    assert alone((120.0, 1, 0.9), (40.0, 1, 0.5), (80.0, 1, 0.02))[0] == 2
    assert alone((120.0, 0, 0.9), (60.0, 1, 0.5), (80.0, 1, 0.02))[0] == 2
    assert alone()[0] == 3
    # Of two boxes with the same score, either suppresses the other.
    assert alone((120.0, 0, 0.9), (44.0, 1, 0.5), (80.0, 1, 0.02))[0] == 0
    assert alone((120.0, 0, 0.9), (44.0, 1, 0.4), (80.0, 1, 0.02))[0] == 2


def test_what_cannot_be_exported_is_said(tmp_path) -> None:
    path = saved(tmp_path, "pfjet", "none", circular=False)
    with pytest.raises(DataError, match="nothing"):
        onnx_writer.export(path, tmp_path / "x.onnx", dataset=tmp_path / "nothing")
    (tmp_path / "broken.pt").write_bytes(path.read_bytes()[:1000])
    result = CliRunner().invoke(app, ["export", str(tmp_path / "broken.pt"), "-o", str(tmp_path / "x.onnx")])
    assert isinstance(result.exception, DataError)
    assert CliRunner().invoke(app, ["export", str(path), "-o", "x.onnx", "--format", "hls"]).exit_code == 2
    assert sorted(file.name for file in tmp_path.iterdir()) == ["broken.pt", "network.pt"]


def test_other_onnx_files_are_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="not a readable ONNX file"):
        OnnxDetector.open(tmp_path / "x.onnx")
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    with pytest.raises(DataError, match="not a readable ONNX file"):
        OnnxDetector.open(tmp_path / "x.onnx")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    identity = onnx.helper.make_node("Identity", ["x"], ["y"])
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    model = onnx.helper.make_model(
        onnx.helper.make_graph([identity], "g", [value], [result]), opset_imports=[onnx.helper.make_opsetid("", 19)]
    )
    onnx.save(model, tmp_path / "x.onnx")
    with pytest.raises(DataError, match="its metadata have no format"):
        OnnxDetector.open(tmp_path / "x.onnx")
