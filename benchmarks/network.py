"""The networks' latency is `jetimg models benchmark`'s to measure; its file is taken over as it is."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, command


def latency(folder: Path, networks: Sequence[str] | None) -> dict[str, Any]:
    """What `jetimg models benchmark` writes for batches of one; or, under "skipped", why it was not run.

    Args:
        folder: for files.
        networks: NAME=PATH of each network.
    """
    if not networks:
        return {"skipped": "no networks given: --network NAME=PATH..."}
    if subprocess.run(command("models", "benchmark", "--help"), cwd=ROOT, capture_output=True, check=False).returncode:
        return {"skipped": "this checkout has no `jetimg models benchmark`"}
    given = command("models", "benchmark", *networks, "--batch-sizes", 1, "--output", folder / "network")
    subprocess.run(given, cwd=ROOT, check=True, stdout=sys.stderr)
    found: dict[str, Any] = json.loads((folder / "network" / "latency.json").read_text())
    return found
