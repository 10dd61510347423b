"""Whole detectors in model repositories: the jets of PyTorch, and behind a real server for a real client."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from jetimg.common.errors import DataError, MachineFault
from models.cli import app
from models.export import sample_images, serve, triton
from models.export.onnx_detector import OnnxDetector
from models.export.whole import Thresholds, kept_in_order, normalised
from models.export.whole_onnx import WholeOnnx
from models.networks.box_ops import nms
from models.networks.build import build
from models.networks.config import Config, Model
from models.networks.postprocess import detect
from models.trained import checkpoint

MLSERVER = shutil.which(os.environ.get("JETIMG_MLSERVER", "mlserver"))
FEW = Thresholds(topk_candidates=12, max_detections=20)
# Of a server that starts on a busy machine, s.
PATIENCE = 180
MODELS = {
    "trigger": Model(architecture="trigger", channels=(4, 4), class_names=("t", "V"), image_shape=(50, 64)),
    "pfjet": Model(
        architecture="pfjet",
        channels=(4,) * 10 + (8,),
        class_names=("t", "V"),
        image_shape=(48, 64),
        normalisation="channel",
    ),
}


def saved(path: Path, architecture: str) -> Path:
    torch.manual_seed(2)
    model = MODELS[architecture].model_copy(update={"box_size": (12.0, 12.0)})
    network = build(model).train()
    for _ in range(3):
        network(torch.rand(4, 3, *model.image_shape))
    checkpoint.save(path, Config(model=model), network)
    return path


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of a network with a jet of each class for a default box, and one with one jet."""
    folder = tmp_path_factory.mktemp("served")
    for name in MODELS:
        triton.export(saved(folder / f"{name}.pt", name), folder / "repository", name=name, chosen=FEW)
    return folder / "repository"


@pytest.mark.parametrize("name", list(MODELS))
def test_the_graph_finds_the_jets_of_pytorch_from_gev(repository, name) -> None:
    whole = WholeOnnx.open(repository / name / triton.MODEL)
    network, config = checkpoint.load(repository.parent / f"{name}.pt", for_inference=True)
    raw = sample_images.made_up(2, config.model.model_copy(update={"normalisation": "raw"}), seed=8)
    seen = sample_images.made_up(2, config.model, seed=8)
    found = whole(raw.pixels)
    with torch.inference_mode():
        prediction = network(seen.pixels)
    chosen = {"topk_candidates": FEW.topk_candidates, "max_detections": FEW.max_detections}
    expected = detect(prediction, network.default_boxes, seen.scale, n_phi=64, **chosen)
    for image, jets in enumerate(expected):
        n = len(jets.score)
        assert n > 0
        assert (found["class_id"][image] >= 0).sum() == n
        assert np.allclose(found["score"][image, :n], jets.score, atol=1e-4)
        assert not found["score"][image, n:].any()


@pytest.mark.parametrize("normalisation", ["channel", "image", "max", "log", "raw"])
def test_images_are_normalised_as_when_training(normalisation) -> None:
    model = MODELS["pfjet"].model_copy(update={"normalisation": normalisation})
    raw = sample_images.made_up(2, model.model_copy(update={"normalisation": "raw"}))
    expected = sample_images.made_up(2, model)
    pixels, scale = normalised(raw.pixels, normalisation)
    assert torch.allclose(pixels, expected.pixels, rtol=1e-3, atol=1e-4)
    assert torch.allclose(scale, expected.scale)


def test_suppression_in_steps_is_suppression_also_across_the_seam() -> None:
    random = torch.Generator().manual_seed(1)
    low = torch.rand(3, 2, 40, 2, generator=random) * torch.tensor([20.0, 64.0])
    box = torch.cat([low, low + 12], dim=-1)
    score = torch.rand(3, 2, 40, generator=random).sort(dim=-1, descending=True).values
    kept = kept_in_order(box, 0.3, 64)
    assert torch.equal(kept, nms(box, score, 0.3, 64))
    assert 0 < kept.sum() < kept.numel()
    pair = torch.tensor([[0.0, 60.0, 12.0, 72.0], [0.0, -3.0, 12.0, 9.0]])
    assert kept_in_order(pair, 0.3, 64).tolist() == [True, False]


def test_the_description_for_triton_is_what_the_file_has(repository) -> None:
    text = (repository / "trigger" / triton.CONFIG).read_text()
    assert 'name: "trigger"\nplatform: "onnxruntime_onnx"' in text
    session = WholeOnnx.open(repository / "trigger" / triton.MODEL).session
    kinds = {"tensor(float)": "TYPE_FP32", "tensor(int64)": "TYPE_INT64"}
    for one in (*session.get_inputs(), *session.get_outputs()):
        dims = ", ".join(map(str, one.shape[1:]))
        assert f'name: "{one.name}", data_type: {kinds[one.type]}, dims: [ {dims} ]' in text
    with pytest.raises(DataError, match="of format jetimg-whole-detector 1; this needs jetimg-detector 2"):
        OnnxDetector.open(repository / "trigger" / triton.MODEL)


def test_what_cannot_be_served_is_said(repository, tmp_path, monkeypatch) -> None:
    with pytest.raises(DataError, match="not a name of a model"):
        triton.export(repository.parent / "trigger.pt", tmp_path, name="../other")
    with pytest.raises(DataError, match="no model repository and no checkpoint"):
        serve.found(tmp_path)
    shutil.copytree(repository, tmp_path / "damaged")
    path = tmp_path / "damaged" / "pfjet" / triton.MODEL
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"t", "V"', b'"b", "V"', 1))
    with pytest.raises(DataError, match="damaged or changed"):
        serve.found(tmp_path / "damaged")
    with pytest.raises(MachineFault, match=r"nothing-such: not there\. MLServer has an environment of its own"):
        serve.serve(repository, 8080, mlserver="nothing-such")


@pytest.fixture(scope="module")
def url(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running server."""
    http = pytest.importorskip("tritonclient.http", reason='tritonclient is missing: pip install "jetimg[serving]"')
    if MLSERVER is None:
        pytest.skip("mlserver is missing: an environment of its own, named by JETIMG_MLSERVER (docs/serving.md)")
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "models", "serve", str(repository), "--port", str(port), "--mlserver", MLSERVER]
    log = tmp_path_factory.mktemp("log") / "server.log"
    with log.open("wb") as words:
        process = subprocess.Popen(command, stdout=words, stderr=words)
    try:
        client = http.InferenceServerClient(f"127.0.0.1:{port}")
        assert _ready(client, process), log.read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()


def _ready(client, process: "subprocess.Popen[bytes]") -> bool:
    for _ in range(PATIENCE * 4):
        try:
            if client.is_server_ready():
                return True
        except OSError:
            pass
        try:
            process.wait(0.25)
        except subprocess.TimeoutExpired:
            continue
        return False
    return False


def test_a_client_gets_the_jets_of_the_file_and_its_latency(repository, url, tmp_path) -> None:
    from models.export.remote import RemoteDetector

    remote = RemoteDetector(f"{url}/v2/models/trigger")
    assert (remote.model.input_channels, remote.model.image_shape) == (3, (50, 64))
    images = sample_images.made_up(2, remote.model).pixels
    found, expected = remote(images), WholeOnnx.open(repository / "trigger" / triton.MODEL)(images)
    for name, values in expected.items():
        assert np.allclose(found[name], values, rtol=1e-5, atol=1e-6), name
    call = ["benchmark", str(repository / "trigger" / triton.MODEL), "--remote", f"{url}/v2/models/trigger"]
    result = CliRunner().invoke(app, [*call, "-o", str(tmp_path), "--batch-sizes", "1", "--seconds", "0"])
    assert result.exit_code == 0, result.output
    assert "trigger, remote (JSON), batches of 1: median" in result.output
    assert "model.onnx, ONNX Runtime, batches of 1: median" in result.output
    with pytest.raises(MachineFault, match="nothing"):
        RemoteDetector(f"{url}/v2/models/nothing")
    with pytest.raises(DataError, match="not http://HOST:PORT"):
        RemoteDetector("ftp://somewhere")
