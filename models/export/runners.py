"""The ways in which a detector can be computed here: one function for each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor

from models.export.onnx_detector import OnnxDetector
from models.export.whole_onnx import WholeOnnx, is_whole
from models.networks.build import Network
from models.networks.config import Model
from models.trained import checkpoint

# ONNX Runtime's names for processors and GPUs, and ours.
PROVIDERS = {
    "CPUExecutionProvider": "ONNX Runtime",
    "CUDAExecutionProvider": "ONNX Runtime CUDA",
    "TensorrtExecutionProvider": "TensorRT",
}


@dataclass(frozen=True)
class Runner:
    """One model, computed in one way.

    Attributes:
        name: the model's, and how it is computed.
        path: the file, or the URL of a server.
        backend: how it is computed.
        model: its configuration.
        run: computes images, float32 (images, channels, n_eta, n_phi), and returns when that is done.
    """

    name: str
    path: Path | str
    backend: str
    model: Model
    run: Callable[[Tensor], object]


def runners(name: str, path: Path, threads: int, compiled: bool) -> list[Runner]:
    """All ways to compute the model in a file.

    Args:
        name: what to call it.
        path: an .onnx file or a checkpoint.
        threads: of the processor.
        compiled: a checkpoint by torch.compile too; on a GPU always.

    Raises:
        DataError: neither a checkpoint nor an ONNX file that `models export` wrote.
    """
    if path.suffix.lower() == ".onnx":
        found = []
        for provider, backend in PROVIDERS.items():
            if provider in onnxruntime.get_available_providers():
                detector = _opened(path, provider, threads)
                found.append(Runner(f"{name}, {backend}", path, backend, detector.model, detector))
        return found
    torch.set_num_threads(threads)
    network, config = checkpoint.load(path, for_inference=True)
    ways = [("PyTorch", _on_processor(network))]
    if compiled:
        ways.append(("torch.compile", _on_processor(torch.compile(network))))  # type: ignore[arg-type]
    if torch.cuda.is_available():
        there = checkpoint.load(path, "cuda", for_inference=True)[0]
        ways += [("PyTorch CUDA", _on_gpu(there)), ("torch.compile CUDA", _on_gpu(torch.compile(there)))]  # type: ignore[arg-type]
    return [Runner(f"{name}, {backend}", path, backend, config.model, run) for backend, run in ways]


def _opened(path: Path, provider: str, threads: int) -> OnnxDetector | WholeOnnx:
    """A file of either format."""
    if is_whole(path):
        return WholeOnnx.open(path, provider, threads)
    return OnnxDetector.open(path, provider=provider, threads=threads)


def _on_processor(network: Network) -> Callable[[Tensor], object]:
    def run(images: Tensor) -> object:
        with torch.inference_mode():
            return network(images)

    return run


def _on_gpu(network: Network) -> Callable[[Tensor], object]:
    def run(images: Tensor) -> object:
        with torch.inference_mode():
            result = network(images.to("cuda"))
            torch.cuda.synchronize()
            return result

    return run
