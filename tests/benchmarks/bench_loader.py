"""Milliseconds an image from HDF5 to a dense float32 tensor: ours, and a plain reader of the reference's layout.

    python tests/benchmarks/bench_loader.py [--events 4200] [--rounds 5]

Both read the same real Delphes events, repeated: ours from one shard, the other event by event from variable-length
columns with h5py, as the published code does. One core, batches of 32, best of some rounds because other programs
may run; wall and processor time.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import torch

from detector import load
from jetimg import store
from jetimg.channels import Setup
from jetimg.convert import Inputs, convert
from jetimg.dataset import JetImages, dense
from jetimg.provenance import provenance
from jetimg.settings import Images

SHARED = Path(__file__).resolve().parents[3] / "shared" / "delphes"
SAMPLES = ("bb", "tt", "hh", "WW", "qq", "tth")
BATCH = 32
REFERENCE = (("EFlowTrack", "PT"), ("EFlowPhoton", "ET"), ("EFlowNeutralHadron", "ET"))


def make_shard(folder: Path, n_events: int) -> Path:
    """A shard of real events, repeated in random order."""
    parts = []
    for sample in SAMPLES:
        path = folder / f"{sample}.h5"
        convert(Inputs([SHARED / f"{sample}_{k}.root" for k in (0, 1)], sample), path, Setup(load(), Images()))
        with store.Reader(path) as reader:
            parts.append(reader.read())
            rows = reader.files
    events, random = store.concatenate(parts), np.random.default_rng(0)
    attributes = provenance(load(), Images()) | {"kind": "shard", "split": "train", "sample_names": list(SAMPLES)}
    with store.create(folder / "shard.h5", attributes) as writer:
        writer.files += rows
        while writer.n_events < n_events:
            writer.append(events.take(random.permutation(len(events))))
    return folder / "shard.h5"


def ours(path: Path, normalisation: str, shuffle: bool) -> Iterator[int]:
    images, memory = JetImages([path], BATCH, shuffle=shuffle), torch.empty(BATCH, 3, 340, 360)
    for batch in images:
        yield len(dense(batch, "cpu", normalisation, memory).pixels)  # type: ignore[arg-type]


def plain(paths: list[Path], normalisation: str) -> Iterator[int]:
    """One event after the other from variable-length columns, stacked to batches."""
    batch = []
    for path in paths:
        with h5py.File(path) as file:
            columns = [[file[f"{name}_{column}"] for column in ("Eta", "Phi", value)] for name, value in REFERENCE]
            for event in range(len(file["labels"])):
                image = torch.zeros(3, 340, 360)
                for channel, (eta, phi, value) in enumerate(columns):
                    place = torch.from_numpy(np.asarray(eta[event], np.int64) * 360 + np.asarray(phi[event], np.int64))
                    image[channel].view(-1)[place] = torch.from_numpy(np.asarray(value[event], np.float32))
                if normalisation == "channel":
                    image = (image - image.mean((1, 2), keepdim=True)) / image.std((1, 2), keepdim=True)
                batch.append(image)
                if len(batch) == BATCH:
                    yield len(torch.stack(batch))
                    batch = []


def one_write(n_batches: int) -> Iterator[int]:
    """The floor: writing as many dense images once."""
    memory = torch.empty(BATCH, 3, 340, 360)
    for _ in range(n_batches):
        yield len(memory.zero_())


def measure(work: Callable[[], Iterator[int]], rounds: int) -> tuple[float, float]:
    """Least wall and processor time of an image in milliseconds."""
    times = []
    for _ in range(rounds):
        wall, processor = time.perf_counter(), time.process_time()
        n = sum(work())
        times.append(((time.perf_counter() - wall) / n * 1e3, (time.process_time() - processor) / n * 1e3))
    return min(t[0] for t in times), min(t[1] for t in times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=4200)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        shard = make_shard(Path(folder), arguments.events)
        references = [SHARED / "reference" / f"{sample}_{k}.h5" for sample in SAMPLES for k in (0, 1)]
        floor = measure(lambda: one_write(arguments.events // BATCH), arguments.rounds)
        print(f"{'floor':8} {'one write':17} wall {floor[0]:.3f} ms, processor {floor[1]:.3f} ms an image")
        for normalisation in ("raw", "channel"):
            slow = measure(lambda n=normalisation: plain(references, n), 3)  # type: ignore[misc]
            print(f"{normalisation:8} plain reader      wall {slow[0]:.3f} ms, processor {slow[1]:.3f} ms an image")
            for shuffle in (False, True):
                fast = measure(lambda n=normalisation, s=shuffle: ours(shard, n, s), arguments.rounds)  # type: ignore[misc]
                name = "ours, shuffled" if shuffle else "ours, in order"
                print(
                    f"{normalisation:8} {name:17} wall {fast[0]:.3f} ms, processor {fast[1]:.3f} ms an image; "
                    f"{slow[0] / fast[0]:.1f} times as fast"
                )


if __name__ == "__main__":
    main()
