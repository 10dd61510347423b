"""What a measurement was taken on."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT

LIBRARIES = ("numpy", "numba", "uproot", "awkward", "h5py", "deflate", "torch")

# Load of a machine that does nothing.
QUIET = 0.5

# Those that decide how fast vectorised code is.
FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "sha_ni", "asimd", "sve")


def describe() -> dict[str, Any]:
    """Processor, its features, cores, memory, load, versions and commit."""
    processor = _processor()
    flags = (processor.get("flags") or processor.get("Features") or "").split()
    return {
        "processor": processor.get("model name") or platform.processor() or platform.machine(),
        "features": [name for name in FEATURES if name in flags],
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "load": load(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "commit": commit(),
    }


def load() -> list[float]:
    """Load averages over 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def quiet(before: list[float]) -> str:
    """Whether the machine did nothing else before and during a run, in words: its own process makes a load of 1.

    Args:
        before: as `load` gave it when the run began.
    """
    during = load()
    if before[0] <= QUIET and during[0] <= 1 + QUIET:
        return f"the machine was quiet: load {before[0]:g} before, {during[0]:g} at the end"
    return f"the machine was NOT quiet: load {before[0]:g} before, {during[0]:g} at the end; ratios say more than times"


def commit() -> str:
    """The commit, with "+" if files differ from it; "unknown" without git."""
    try:
        head, changes = (
            subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
            for words in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changes else "")


def _processor() -> dict[str, str]:
    """The first processor of /proc/cpuinfo."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
