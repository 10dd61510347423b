"""What times were measured on: processor, its integer instructions, libraries."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# As Linux names them: what decides about the speed of integers.
FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
LIBRARIES = ("torch", "onnxruntime", "onnxruntime-gpu", "onnx", "numpy")


def describe() -> dict[str, Any]:
    """Processor, features, cores, load, GPU and versions of the machine that this runs on."""
    import torch

    lines = _lines(Path("/proc/cpuinfo"))
    flags = set((lines.get("flags") or lines.get("Features") or "").split())
    return {
        "processor": lines.get("model name") or platform.processor() or platform.machine(),
        "features": [name for name in FEATURES if name in flags],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        **{name: found for name in LIBRARIES if (found := _version(name))},
    }


def available_memory() -> int | None:
    """Bytes that can be used without swapping; None where the system does not tell."""
    text = _lines(Path("/proc/meminfo")).get("MemAvailable")
    return int(text.split()[0]) * 1024 if text else None


def peak_memory() -> int:
    """The most bytes that this process has held."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _lines(path: Path) -> dict[str, str]:
    """The first value of each key in a file of keys and values."""
    found: dict[str, str] = {}
    try:
        for line in path.read_text().splitlines():
            key, _, value = line.partition(":")
            found.setdefault(key.strip(), value.strip())
    except OSError:
        return {}
    return found


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
