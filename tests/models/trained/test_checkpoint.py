"""Checkpoints and ONNX files hold what was written, or are refused with one line."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from jetimg.common.errors import DataError
from models.export import onnx_writer
from models.export.onnx_detector import OnnxDetector
from models.networks.build import build
from models.networks.config import Config
from models.trained import checkpoint
from models.trained.content_digest import content_digest
from tests.helpers.networks import published

MODEL = published(channels=(4,) * 10 + (8,), class_names=("t", "V"), image_shape=(48, 64), box_size=(12, 12))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("network") / "network.pt"
    checkpoint.save(path, Config(model=MODEL), build(MODEL), epoch=1)
    return path


def flips(content: bytes, n: int) -> list[bytes]:
    """The content with one bit flipped, n times."""
    rng, found = np.random.default_rng(8), []
    for place, bit in zip(rng.integers(0, len(content), n), rng.integers(0, 8, n), strict=True):
        changed = bytearray(content)
        changed[place] ^= 1 << int(bit)
        found.append(bytes(changed))
    return found


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("models.")]


def test_no_flipped_bit_of_a_checkpoint_loads_other_weights(saved: Path, tmp_path: Path) -> None:
    whole, _ = checkpoint.read(saved)
    path, refused = tmp_path / "flipped.pt", []
    for content in flips(saved.read_bytes(), 60):
        path.write_bytes(content)
        try:
            found, _ = checkpoint.read(path)
        except DataError as error:
            refused.append(str(error))
        else:
            assert content_digest(whole) == content_digest(found), "not padding, nor a time stamp"
    assert len(refused) > 30
    assert not [text for text in refused if "\n" in text or "weights_only" in text]


def test_other_weights_with_the_right_sums_of_zip_are_refused(saved: Path, tmp_path: Path) -> None:
    content = torch.load(saved, weights_only=True)
    next(iter(content["weights"].values())).view(-1)[0] += 1e-3
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(DataError, match="damaged: its content has another sha256"):
        checkpoint.load(tmp_path / "other.pt")
    del content["sha256"]
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(DataError, match="damaged: its content has another sha256"):
        checkpoint.load(tmp_path / "other.pt")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"config": None}, "its configuration"),
        ({"config": {"model": {"depth": 3}}}, "its configuration"),
        ({"weights": [1, 2]}, "its weights are not tensors by name"),
        ({"weights": {1: 2}}, "its weights are not tensors by name"),
        ({"weights": {"a": "b"}}, "weights do not fit its configuration"),
        ({"config": {}}, "its configuration is that of no network"),
    ],
)
def test_strange_content_is_one_line(saved: Path, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    checkpoint.write(tmp_path / "x.pt", torch.load(saved, weights_only=True) | changes)
    with pytest.raises(DataError, match=said) as found:
        checkpoint.load(tmp_path / "x.pt")
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_shape": [2**40, 2**20]}, "default boxes|no network"),
        ({"image_shape": [2**18, 2**18]}, "default boxes"),
        ({"channels": [2**20] * 11}, "weights do not fit its configuration"),
        ({"input_channels": 2**30}, "weights do not fit its configuration"),
    ],
)
def test_a_header_that_asks_for_more_memory_than_there_is_is_refused(saved: Path, tmp_path: Path, change, said) -> None:
    content = torch.load(saved, weights_only=True)
    content["config"]["model"] |= change
    checkpoint.write(tmp_path / "x.pt", content)
    with pytest.raises(DataError, match=said):
        checkpoint.load(tmp_path / "x.pt")


def test_a_later_version_is_told_from_another_file(saved: Path, tmp_path: Path) -> None:
    torch.save(torch.load(saved, weights_only=True) | {"version": 3}, tmp_path / "x.pt")
    with pytest.raises(
        DataError, match="version 3 of jetimg-checkpoint; this jetimg reads 2 or older: take a newer one"
    ):
        checkpoint.read(tmp_path / "x.pt")


@pytest.mark.parametrize("key", ["config", "weights", "epoch"])
def test_a_missing_key_is_named(saved: Path, tmp_path: Path, key: str) -> None:
    content = torch.load(saved, weights_only=True)
    del content[key]
    checkpoint.write(tmp_path / "x.pt", content)
    with pytest.raises(DataError, match=f"a checkpoint without `{key}`"):
        checkpoint.read(tmp_path / "x.pt", needed=("epoch",))


def test_a_file_that_would_run_code_is_refused_without_advice_to_run_it(tmp_path: Path) -> None:
    torch.save({"format": checkpoint.FORMAT, "weights": Path("x")}, tmp_path / "x.pt")
    with pytest.raises(DataError, match="it holds more than tensors, numbers and texts") as found:
        checkpoint.read(tmp_path / "x.pt")
    assert "weights_only" not in str(found.value)


def test_an_old_checkpoint_says_that_it_has_no_checksum(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoint._say_without_checksum.cache_clear()
    for _ in range(2):
        checkpoint.read(data / "pfjet_int8.pt")
    assert said(caplog) == [f"{data}/pfjet_int8.pt: an old checkpoint, without a checksum of its weights"]


def test_a_digest_tells_types_shapes_names_and_places() -> None:
    contents = [1, 1.0, True, "1", None, [1], [[1]], {"a": 1}, {"b": 1}, {1: "a"}, torch.ones(2), torch.ones(2, 1)]
    contents += [torch.ones(2, dtype=torch.float64), torch.ones(2, dtype=torch.bfloat16), [1, [2]], [[1], 2]]
    assert len({content_digest(content) for content in contents}) == len(contents)
    with pytest.raises(TypeError, match="holds no object"):
        content_digest(object())


@pytest.fixture(scope="module")
def exported(saved: Path) -> bytes:
    """The bytes of its ONNX file."""
    onnx_writer.export(saved, saved.with_suffix(".onnx"))
    return saved.with_suffix(".onnx").read_bytes()


def test_no_flipped_bit_of_an_onnx_file_passes(
    exported: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "flipped.onnx"
    path.write_bytes(exported)
    assert OnnxDetector.open(path).model == MODEL
    for content in flips(exported, 40):
        path.write_bytes(content)
        with pytest.raises(DataError) as found:
            OnnxDetector.open(path)
        assert "\n" not in str(found.value)
    assert said(caplog) == []


def test_an_onnx_file_of_before_says_that_it_has_no_checksum(
    exported: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "x.onnx"
    model = onnx.load_from_string(exported)
    texts = {entry.key: entry.value for entry in model.metadata_props}
    del texts["file_sha256"], model.metadata_props[:]
    onnx.helper.set_model_props(model, texts | {"format": "jetimg-detector"})
    onnx.save(model, path)
    assert OnnxDetector.open(path).model == MODEL
    assert said(caplog) == [f"{path}: an old file, without a checksum"]
