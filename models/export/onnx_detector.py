"""A detector in an ONNX file: the graph, and in its metadata all that is needed to find jets with it."""

import hashlib
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor

from jetimg.common.errors import DataError
from jetimg.common.machine_faults import raise_if_machine_fault
from models.networks.config import Config, Model
from models.networks.layers import Prediction
from models.networks.postprocess import Detections, detect

logger = logging.getLogger(__name__)

INPUT = "image"
FORMAT = "jetimg-detector 2"
# With normalisation, decoding and suppression inside: `models.export.whole`.
FORMAT_WHOLE = "jetimg-whole-detector 1"
# Files of this format have no checksum.
OLD_FORMAT = "jetimg-detector"
CHECKSUM, NOT_YET = "file_sha256", "0" * 64
# In the file's metadata, each a text; eta_pitch, phi_pitch and images too, which older files lack.
KEYS = ("format", "class_names", "normalisation", "box_size", "image_shape", "priors", "checkpoint_sha256", "config")


def describe(
    model: onnx.ModelProto,
    config: Config,
    default_boxes: Tensor,
    sha256: str,
    images: Mapping[str, Any] | None = None,
    form: str = FORMAT,
) -> None:
    """Puts into a graph's metadata what a user of the file alone needs.

    Args:
        model: the graph, changed in place.
        config: of the checkpoint.
        default_boxes: (default boxes, 4), pixels.
        sha256: of the checkpoint.
        images: settings of the images that the network was trained on, if the checkpoint has them.
        form: FORMAT or FORMAT_WHOLE.
    """
    chosen = config.model
    texts = {
        "format": form,
        "class_names": json.dumps(chosen.class_names),
        "normalisation": chosen.normalisation,
        "box_size": json.dumps(chosen.box_size),
        "image_shape": json.dumps(chosen.image_shape),
        "eta_pitch": json.dumps(chosen.eta_pitch),
        "phi_pitch": json.dumps(2 * math.pi / chosen.image_shape[1]),
        "priors": json.dumps(default_boxes.tolist()),
        "checkpoint_sha256": sha256,
        "config": config.model_dump_json(),
        CHECKSUM: NOT_YET,
    }
    if images is not None:
        texts["images"] = json.dumps(images)
    onnx.helper.set_model_props(model, texts)


def sealed(content: bytes) -> bytes:
    """A file's bytes with the checksum of all others among them.

    Args:
        content: with NOT_YET in its place, once.
    """
    before, after = content.split(NOT_YET.encode())
    return before + hashlib.sha256(content).hexdigest().encode() + after


def _check_bytes(path: Path, content: bytes, texts: Mapping[str, str], form: str) -> None:
    """Holds a file against its checksum; an old file that has none is named.

    Raises:
        DataError: other bytes than were written.
    """
    if form != texts["format"] in (FORMAT, FORMAT_WHOLE):
        raise DataError(f"{path}: of format {texts['format']}; this needs {form}: export it with another --format")
    expected = texts.get(CHECKSUM, "")
    if texts["format"] == OLD_FORMAT and not expected:
        _say_without_checksum(path)
        return
    found = hashlib.sha256(content.replace(expected.encode(), NOT_YET.encode()) if expected else b"").hexdigest()
    if texts["format"] != form or found != expected:
        raise DataError(f"{path}: damaged or changed: another sha256 than was written; export it again")


@cache
def _say_without_checksum(path: Path) -> None:
    logger.warning("%s: an old file, without a checksum", path)


def opened(
    path: Path, form: str, provider: str = "CPUExecutionProvider", threads: int = 0
) -> tuple[onnxruntime.InferenceSession, dict[str, str]]:
    """A file that `models export` wrote, and its metadata.

    Args:
        path: the file.
        form: FORMAT or FORMAT_WHOLE.
        provider: of ONNX Runtime.
        threads: for one image after the other; 0 lets ONNX Runtime choose.

    Raises:
        DataError: not there, not an ONNX file, damaged, not one of ours, or of another format.
        MachineFault: it cannot be read, for a reason that is not the file's.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that wait would otherwise keep a core busy, and slow down the model that is measured next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        content = path.read_bytes()
        session = onnxruntime.InferenceSession(content, options, providers=[provider])
    # ONNX Runtime raises classes of its own without a common one.
    except Exception as error:
        raise_if_machine_fault(error, path)
        raise DataError(f"{path}: not a readable ONNX file: {' '.join(str(error).split())[:300]}") from error
    texts = session.get_modelmeta().custom_metadata_map
    if missing := [key for key in KEYS if key not in texts]:
        raise DataError(f"{path}: its metadata have no {missing[0]}; write it by `jetimg models export`")
    _check_bytes(path, content, texts, form)
    return session, texts


@dataclass
class OnnxDetector:
    """A detector that ONNX Runtime computes.

    Attributes:
        session: of ONNX Runtime.
        model: its network's configuration.
        default_boxes: float32 (default boxes, 4).
        images: settings of the images that it was trained on; None in older files.
    """

    session: onnxruntime.InferenceSession
    model: Model
    default_boxes: Tensor
    images: dict[str, Any] | None = None

    @classmethod
    def open(cls, path: Path, *, provider: str = "CPUExecutionProvider", threads: int = 0) -> "OnnxDetector":
        """Reads a file that `models export` wrote.

        Args:
            path: the file.
            provider: of ONNX Runtime.
            threads: for one image after the other; 0 lets ONNX Runtime choose.

        Raises:
            DataError: not there, not an ONNX file, damaged, or not one of ours.
            MachineFault: it cannot be read, for a reason that is not the file's.
        """
        session, texts = opened(path, FORMAT, provider, threads)
        try:
            config = Config.model_validate_json(texts["config"])
            default_boxes = torch.tensor(json.loads(texts["priors"]))
            images = json.loads(texts.get("images", "null"))
        except ValueError as error:
            raise DataError(f"{path}: metadata that are not ours: {' '.join(str(error).split())[:300]}") from error
        return cls(session, config.model, default_boxes, images)

    def __call__(self, images: Tensor) -> Prediction:
        """Predictions for images, float32 (images, channels, n_eta, n_phi), normalised.

        Raises:
            DataError: images of another shape than those that the network was made for.
        """
        if (shape := tuple(images.shape[1:])) != (wanted := (self.model.input_channels, *self.model.image_shape)):
            one, two = (" x ".join(map(str, numbers)) for numbers in (wanted, shape))
            raise DataError(f"a network for images of {one} (channels, eta, phi), given {two}")
        found: list[Any] = self.session.run(list(Prediction._fields), {INPUT: images.numpy()})
        return Prediction(*(torch.from_numpy(np.ascontiguousarray(part)) for part in found))

    def detect(self, images: Tensor, scale: Tensor, **chosen: float) -> list[Detections]:
        """Jets in images; see `models.networks.postprocess.detect`."""
        return detect(self(images), self.default_boxes, scale, n_phi=self.model.image_shape[1], **chosen)
