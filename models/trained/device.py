"""Where networks compute."""

import torch

from detector.common.errors import CallError

DEVICES = ("auto", "cpu", "cuda")


def chosen(device: str) -> str:
    """`cpu` or `cuda`; of `auto`, a GPU if there is one.

    Raises:
        CallError: no such device, or none here.
    """
    if device not in DEVICES:
        raise CallError(f"device {device}: auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        why = "this PyTorch was built without CUDA" if torch.version.cuda is None else "PyTorch finds no GPU"
        raise CallError(f"device cuda: {why}; choose cpu or auto (CUDA builds: docs/installation.md)")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device
