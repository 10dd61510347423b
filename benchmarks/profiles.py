"""Where the time goes in convert, shard and load, and what the floor of each is.

    python -m benchmarks.profiles --output profiles.json [--events 2000]

cProfile with processor time; own times of functions, summed by what they do. The profiler slows Python down, not
compiled code: shares, not seconds, are to be read, and Python's share is somewhat too large.
"""

import argparse
import cProfile
import json
import pstats
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deflate
import numpy as np
import torch

from benchmarks import inputs, machine
from benchmarks.measure import processor_ms
from detector import load
from detector.common.atomic import write_text
from jetimg.dataset import plan as planning
from jetimg.dataset import shard
from jetimg.dataset.plan import Sharding
from jetimg.event_file.store import Reader
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from jetimg.loader.torch_dataset import JetImages, dense

# What is found in "file: function" first gives the kind.
KINDS = {
    "inflate baskets (zlib)": ("zlib.decompress",),
    "compress (libdeflate)": ("zlib_compress",),
    "byte shuffle": ("columns.py", "tobytes"),
    "uproot, awkward": ("uproot", "awkward", "threading.py", "queue.py", "_thread", "concurrent"),
    "images, boxes": ("raster.py", "channels.py", "truth.py", "baseline.py", "boxes.py", "delphes.py", "detector/"),
    "HDF5: open, read, inflate": ("h5py", "guard.py", "store.py", "weakref.py"),
    "hash": ("digest.py", "_hashlib"),
    "torch: fill and scatter": ("torch", "scatter_", "copy_"),
    "gather, take, concatenate": ("shard.py", "sparse.py", "dataset.py", "normalise.py", "numpy"),
}


def main() -> None:
    """Profiles and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="JSON file for the shares")
    parser.add_argument("--events", type=int, default=2000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), options.events)
    for name, part in found.items():
        print(name)
        for kind, value in part.items():
            print(f"    {kind:<34} {value:.4g}")
    write_text(options.output, json.dumps({"machine": machine.describe()} | found, indent=1) + "\n")


def measure(folder: Path, n_events: int) -> dict[str, dict[str, float]]:
    """Shares of each path, and the floors."""
    delphes, setup = inputs.delphes_file(folder, n_events), Setup(load(), ImageSettings())
    events = folder / "events.h5"

    def converting() -> None:
        convert(DelphesInputs([delphes], "real"), events, setup)

    converting()  # compiles
    found = {"convert": shares(converting)}
    files = inputs.event_files(events, folder / "many", 10)
    plan = planning.make(files, Sharding(events_per_shard=n_events, test_fraction=0), [], {})
    name = next(iter(plan.shards()))
    found["shard"] = shares(lambda: shard.make(plan, name, folder / name))
    images = JetImages([folder / name], 32, shuffle=True)
    memory = torch.empty(32, 3, *images.shape)
    found["load"] = shares(lambda: [dense(batch, "cpu", "channel", memory) for batch in images])
    found["floors"] = floors(folder / name, memory)
    return found


def shares(work: Callable[[], Any]) -> dict[str, float]:
    """The share of each kind of work in the processor time, largest first."""
    profile = cProfile.Profile(time.process_time)
    profile.runcall(work)
    own: dict[str, float] = {}
    for (file, _, function), (_, _, seconds, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        kind = kind_of(f"{file}: {function}")
        own[kind] = own.get(kind, 0.0) + seconds
    total = sum(own.values())
    return {kind: value / total for kind, value in sorted(own.items(), key=lambda item: -item[1])}


def kind_of(place: str) -> str:
    """What a function does; "other" for the rest of Python."""
    return next((kind for kind, parts in KINDS.items() if any(part in place for part in parts)), "other")


def floors(path: Path, memory: torch.Tensor) -> dict[str, float]:
    """One write of a dense image; deflate and inflate of a shard's values, MB of raw bytes a second."""
    with Reader(path) as reader:
        values = reader.read(tables=["ecal"]).tables["ecal"]["value"]
    values = values[: len(values) // 65536 * 65536].reshape(-1, 65536)
    raw = [np.ascontiguousarray(chunk.view(np.uint8).reshape(-1, 4).T).tobytes() for chunk in values]
    packed = [deflate.zlib_compress(chunk, 1) for chunk in raw]
    megabytes = sum(map(len, raw)) / 1e6
    return {
        "write of a dense image, ms": processor_ms(lambda: [memory.zero_() for _ in range(10)], 10 * len(memory)),
        "libdeflate level 1, values, MB/s": rate(lambda: [deflate.zlib_compress(chunk, 1) for chunk in raw], megabytes),
        "libdeflate inflate, values, MB/s": rate(
            lambda: [deflate.zlib_decompress(chunk, 4 * 65536) for chunk in packed], megabytes
        ),
    }


def rate(work: Callable[[], Any], amount: float) -> float:
    """Amount a second of processor time."""
    start = time.process_time()
    work()
    return amount / (time.process_time() - start)


if __name__ == "__main__":
    main()
