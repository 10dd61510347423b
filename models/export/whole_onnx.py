"""A whole detector in a file, as ONNX Runtime computes it here: the same that a server has."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime
from torch import Tensor

from models.export.onnx_detector import FORMAT_WHOLE, opened
from models.export.whole import INPUT, WholeDetections
from models.networks.config import Config, Model


@dataclass
class WholeOnnx:
    """From GeV to jets.

    Attributes:
        session: of ONNX Runtime.
        model: its network's configuration.
    """

    session: onnxruntime.InferenceSession
    model: Model

    @classmethod
    def open(cls, path: Path, provider: str = "CPUExecutionProvider", threads: int = 0) -> "WholeOnnx":
        """Reads a file of `jetimg models export --format triton`.

        Raises:
            DataError: not there, damaged, or not one of ours.
            MachineFault: it cannot be read, for a reason that is not the file's.
        """
        session, texts = opened(path, FORMAT_WHOLE, provider, threads)
        return cls(session, Config.model_validate_json(texts["config"]).model)

    def __call__(self, images: Tensor) -> dict[str, Any]:
        """Jets in images, float32 (images, channels, n_eta, n_phi), GeV: arrays by the names of `WholeDetections`."""
        names = list(WholeDetections._fields)
        return dict(zip(names, self.session.run(names, {INPUT: images.numpy()}), strict=True))


def is_whole(path: Path) -> bool:
    """Whether a file says that it is one: its metadata are texts within it."""
    return path.is_file() and FORMAT_WHOLE.encode() in path.read_bytes()
