"""A network opened for use, from a checkpoint or an ONNX file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from pydantic import ValidationError

from detector.common.errors import CallError
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.imaging.settings import ImageSettings
from jetimg.loader.torch_dataset import DenseImages
from models.export.onnx_detector import OnnxDetector
from models.networks.config import Model
from models.networks.postprocess import Detections, detect
from models.trained import checkpoint
from models.trained import device as devices

# Options of `models.networks.postprocess.detect`.
Thresholds = Mapping[str, Any]
Run = Callable[[DenseImages, Thresholds], list[Detections]]


@dataclass(frozen=True)
class Network:
    """A network and how to run it.

    Attributes:
        path: its file.
        sha256: of the file.
        model: its configuration.
        device: where images are to be.
        image_settings: those of the images that it was trained on; None where its file does not say.
        run: normalised images to the jets in each.
    """

    path: Path
    sha256: str
    model: Model
    device: str
    image_settings: ImageSettings | None
    run: Run

    @property
    def measures_pt(self) -> bool:
        """Whether its pt mean something."""
        return self.model.measures_pt


def load(path: Path, device: str = "auto", threads: int = 0) -> Network:
    """Opens a network.

    Args:
        path: a checkpoint, or an ONNX file that `jetimg models export` wrote.
        device: cpu, cuda, or auto for a GPU if there is one.
        threads: of the processor; 0 for the libraries' own choice.

    Raises:
        DataError: not a network of ours, or damaged.
        CallError: no such device here.
    """
    if threads:
        torch.set_num_threads(threads)
    return _onnx(path, device, threads) if path.suffix.lower() == ".onnx" else _checkpoint(path, device)


def _checkpoint(path: Path, device: str) -> Network:
    where = devices.chosen(device)
    content, _ = checkpoint.read(path)
    network, config = checkpoint.load(path, where, for_inference=True)

    def run(images: DenseImages, thresholds: Thresholds) -> list[Detections]:
        with torch.inference_mode():
            found = network(images.pixels)
            n_phi = config.model.image_shape[1]
            return detect(found, network.default_boxes, images.scale, n_phi=n_phi, **thresholds)

    return Network(path, sha256(path), config.model, where, _settings(content.get("images"), path), run)


def _onnx(path: Path, device: str, threads: int) -> Network:
    """ONNX Runtime takes images from the processor's memory and moves them itself."""
    there = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device == "cuda" and not there:
        raise CallError(
            "device cuda: this ONNX Runtime has no CUDA (onnxruntime-gpu has); cpu or auto, or a checkpoint"
        )
    provider = "CUDAExecutionProvider" if there and device != "cpu" else "CPUExecutionProvider"
    opened = OnnxDetector.open(path, provider=provider, threads=threads)

    def run(images: DenseImages, thresholds: Thresholds) -> list[Detections]:
        return opened.detect(images.pixels, images.scale, **thresholds)

    return Network(path, sha256(path), opened.model, "cpu", _settings(opened.images, path), run)


def _settings(content: Any, path: Path) -> ImageSettings | None:
    if content is None:
        return None
    try:
        return ImageSettings.model_validate(content)
    except ValidationError as error:
        raise DataError(f"{path}: image settings that this version does not know: {error}") from error
