"""A model repository for Triton and other servers of the KServe v2 protocol: from GeV to jets in one graph."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from jetimg.common.atomic import replace_folder
from jetimg.common.checksums import safe_name, sha256
from jetimg.common.errors import DataError
from models.export import graph, sample_images
from models.export.onnx_detector import FORMAT_WHOLE, describe, sealed
from models.export.onnx_writer import CHECKED, FLOATS, INTEGERS, Agreement, different
from models.export.whole import INPUT, Thresholds, WholeDetections, WholeDetector
from models.networks.build import Network
from models.networks.config import Config, Model
from models.networks.postprocess import Detections, detect
from models.trained import checkpoint

NAME, CONFIG, MODEL = "jetimg", "config.pbtxt", Path("1") / "model.onnx"
MAX_BATCH = 64
TYPES = {"box": "TYPE_FP32", "class_id": "TYPE_INT64", "score": "TYPE_FP32", "pt": "TYPE_FP32"}


def export(
    path: Path,
    output: Path,
    *,
    name: str = NAME,
    dataset: Path | None = None,
    chosen: Thresholds | None = None,
) -> Agreement:
    """Writes the network of a checkpoint into a model repository, as OUTPUT/NAME.

    It takes `image`, float32 (images, channels, n_eta, n_phi) in GeV, and gives `box`, `class_id`, `score` and `pt` as
    `models.export.whole.WholeDetections` has them.

    Args:
        path: the checkpoint.
        output: the repository; other models in it stay.
        name: of the model; one of this name is replaced.
        dataset: whose first images the file is checked with; made-up ones if None.
        chosen: what is kept.

    Raises:
        DataError: not a checkpoint, a name that is none, a data set of other images, or jets that are not PyTorch's.
    """
    network, config = checkpoint.load(path, for_inference=True)
    chosen, target = chosen or Thresholds(), output / name
    if not safe_name(name):
        raise DataError(f"{name}: not a name of a model: letters, digits, - and _")
    if target.exists() and not (target / CONFIG).is_file():
        raise DataError(f"{target}: there, and not a model of a repository: choose another folder")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=output) as folder:
        partial = Path(folder) / name
        (partial / MODEL).parent.mkdir(parents=True)
        made = to_onnx(network, config, chosen, path)
        (partial / MODEL).write_bytes(sealed(made.SerializeToString()))
        (partial / CONFIG).write_text(settings(name, config.model, chosen))
        found = _checked(network, config, partial / MODEL, dataset, chosen)
        replace_folder(partial, target)
    return found


def to_onnx(network: Network, config: Config, chosen: Thresholds, path: Path) -> onnx.ModelProto:
    """The graph, for any number of images.

    Args:
        network: for inference.
        config: of its checkpoint.
        chosen: what is kept.
        path: the checkpoint.
    """
    model = config.model
    whole = WholeDetector(graph.rewritten(network), model, chosen).eval()
    shape = (model.input_channels, *model.image_shape)
    made = graph.exported(whole, shape, INPUT, WholeDetections._fields)
    settings_of_images = checkpoint.read(path)[0].get("images")
    describe(made, config, network.default_boxes, sha256(path), settings_of_images, form=FORMAT_WHOLE)
    return made


def settings(name: str, model: Model, chosen: Thresholds) -> str:
    """Triton's description of the model (config.pbtxt)."""
    places = min(chosen.max_detections, len(model.class_names) * chosen.topk_candidates)
    shape = (model.input_channels, *model.image_shape)
    outputs = ",\n".join(
        f'  {{ name: "{key}", data_type: {kind}, dims: [ {places}{", 4" if key == "box" else ""} ] }}'
        for key, kind in TYPES.items()
    )
    return (
        f'name: "{name}"\nplatform: "onnxruntime_onnx"\nmax_batch_size: {MAX_BATCH}\n'
        f'input [\n  {{ name: "{INPUT}", data_type: TYPE_FP32, dims: [ {", ".join(map(str, shape))} ] }}\n]\n'
        f"output [\n{outputs}\n]\n"
    )


def _checked(network: Network, config: Config, path: Path, dataset: Path | None, chosen: Thresholds) -> Agreement:
    """Compares the jets of a file with PyTorch's.

    Raises:
        DataError: they differ by more than the tolerance.
    """
    model, n = config.model, max(CHECKED)
    in_gev = model.model_copy(update={"normalisation": "raw"})
    images, seen = (
        sample_images.of_dataset(dataset, n, one) if dataset else sample_images.made_up(n, one)
        for one in (in_gev, model)
    )
    allowed = INTEGERS if config.compression.kind == "int8" else FLOATS
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    unpaired, score, n_jets = 0, 0.0, 0
    for start in range(n):
        part = slice(start, start + 1)
        with torch.inference_mode():
            prediction = network(seen.pixels[part])
        (expected,) = detect(
            prediction,
            network.default_boxes,
            seen.scale[part],
            n_phi=model.image_shape[1],
            score_threshold=chosen.score,
            nms_threshold=chosen.nms,
            topk_candidates=chosen.topk_candidates,
            max_detections=chosen.max_detections,
        )
        values = session.run(list(WholeDetections._fields), {INPUT: images.pixels[part].numpy()})
        number, difference = different(expected, _of_image(values), allowed.score, model.image_shape[1])
        unpaired, score, n_jets = unpaired + number, max(score, difference), n_jets + len(expected.score)
    share = unpaired / max(2 * n_jets, 1)
    if share > allowed.jets or score > allowed.score:
        raise DataError(
            f"{path.parent.parent.name}: not written: {share:.1%} of its jets are not PyTorch's, "
            f"scores differ by {score:.3g}"
        )
    return Agreement(0.0, score, share, n_jets)


def _of_image(values: list[np.ndarray]) -> Detections:
    """The jets of the first image, without the empty places."""
    there = values[1][0] >= 0
    return Detections(*(torch.from_numpy(np.ascontiguousarray(part[0][there])) for part in values))
