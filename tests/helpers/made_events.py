"""Made-up events for tests of the loader and the models: few hits, boxes everywhere, the seam included."""

from pathlib import Path
from typing import Any

import numpy as np

from detector import load
from jetimg.common.checksums import sha256
from jetimg.dataset import manifest
from jetimg.event_file import store
from jetimg.event_file.layout import CHANNELS
from jetimg.imaging.provenance import provenance
from jetimg.imaging.settings import ImageSettings
from jetimg.loader.sparse import SparseBatch

N_ETA, N_PHI, BOX = 340, 360, 46
CLASSES = ["b", "t", "H", "V", "q"]


def _jagged(counts: np.ndarray) -> np.ndarray:
    return np.concatenate(([0], np.cumsum(counts)))


def events(n: int, seed: int, most_hits: int = 40, most_jets: int = 4) -> store.Batch:
    """Events with 0 to most_hits hits a channel and 0 to most_jets jets; entry numbers count from 0."""
    random = np.random.default_rng(seed)
    tables: dict[str, dict[str, np.ndarray]] = {}
    for name in CHANNELS:
        drawn = random.integers(0, most_hits + 1, n)
        pixels = [np.unique(random.integers(0, N_ETA * N_PHI, count)) for count in drawn]
        counts = np.array([len(pixel) for pixel in pixels], np.int64)
        pixel = np.concatenate([*pixels, np.empty(0)]).astype(np.uint32)
        value = random.exponential(5, len(pixel)).astype(np.float32) + np.float32(0.1)
        tables[name] = {"indptr": _jagged(counts), "pixel": pixel, "value": value}
    counts = random.integers(0, most_jets + 1, n)
    tables["jets"] = {"indptr": _jagged(counts)} | jets(random, int(counts.sum()))
    empty = {name: np.empty(0, column.dtype) for name, column in store.TABLES["baseline"].items()}
    tables["baseline"] = {"indptr": np.zeros(n + 1, np.int64)} | empty
    tables["events"] = {
        "sample": np.zeros(n, np.uint8),
        "file": np.zeros(n, np.uint32),
        "entry": np.arange(n, dtype=np.uint32),
        "weight": np.ones(n, np.float32),
    }
    return store.Batch(tables)


def jets(random: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Columns of n jets; boxes on eighths of a pixel, so that float32 holds them exactly wherever they move."""
    eta_min = random.integers(-BOX // 2 * 8, (N_ETA - BOX // 2) * 8, n) / 8
    phi_min = random.integers(0, N_PHI * 8, n) / 8
    return {
        "class_id": random.integers(0, len(CLASSES), n).astype(np.uint8),
        "pdg_id": np.full(n, 5, np.int32),
        "pt": random.uniform(20, 2000, n).astype(np.float32),
        "eta": np.zeros(n, np.float32),
        "phi": np.zeros(n, np.float32),
        "mass": np.zeros(n, np.float32),
        "box": np.stack([eta_min, phi_min, eta_min + BOX, phi_min + BOX], axis=1).astype(np.float32),
    }


def write(path: Path, batch: store.Batch, **attributes: Any) -> Path:
    """An event file with these events."""
    own = {"kind": "shard", "split": "train", "sample_names": ["made"]}
    with store.create(path, provenance(load(), ImageSettings()) | own | attributes) as writer:
        writer.files.append(store.InputFile("made", "", len(batch)))
        writer.append(batch)
    return path


def sparse(n: int, seed: int, **most: int) -> SparseBatch:
    """The same events as a sparse batch."""
    return SparseBatch.of(events(n, seed, **most), np.arange(n), (N_ETA, N_PHI))


def dataset(folder: Path) -> Path:
    """A data set of four training and two validation events; one without jets, some at the seam."""
    shards = []
    for split, n, seed in (("train", 4, 1), ("validation", 2, 2)):
        path = write(folder / f"{split}-00000.h5", events(n, seed), split=split)
        shards.append(
            manifest.Shard(name=path.name, split=split, sha256=sha256(path), n_events=n, bytes=path.stat().st_size)
        )
    contents = manifest.Manifest(
        class_names=CLASSES,
        samples={"made": {"test": False}},
        config={"box_radius": 0.4},
        sharding={},
        detector="made",
        detector_sha256="",
        software={},
        inputs=[],
        shards=shards,
    )
    (folder / manifest.NAME).write_text(contents.model_dump_json())
    return folder
