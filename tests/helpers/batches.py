"""Event files with random contents that keep all invariants."""

from pathlib import Path
from typing import Any

import numpy as np

from detector import load
from detector.geometry import boxes
from detector.geometry.grid import Grid
from jetimg.event_file import store
from jetimg.event_file.layout import CHANNELS
from jetimg.imaging.provenance import provenance
from jetimg.imaging.settings import ImageSettings

GRID = Grid.of(load())


def attributes(sample: str = "tt", split: str = "all") -> dict[str, Any]:
    kind = "events" if split == "all" else "shard"
    return provenance(load(), ImageSettings()) | {"kind": kind, "split": split, "sample_names": [sample]}


def random_batch(rng: np.random.Generator, n_events: int, most_hits: int = 40, first_entry: int = 0) -> store.Batch:
    tables: dict[str, store.Columns] = {}
    for channel in CHANNELS:
        counts = rng.integers(0, most_hits + 1, n_events)
        pixel = [np.sort(rng.choice(GRID.size, n, replace=False)) for n in counts]
        tables[channel] = {
            "indptr": np.concatenate([[0], np.cumsum(counts)]),
            "pixel": np.concatenate([np.empty(0, int), *pixel]).astype(np.uint32),
            "value": rng.exponential(3, counts.sum()).astype(np.float32) + np.float32(0.1),
        }
    tables["jets"] = _jets(rng, n_events) | {}
    tables["jets"]["pdg_id"] = np.full(len(tables["jets"]["pt"]), -5, np.int32)
    n_jets = len(tables["jets"]["pt"])
    tables["jets"]["parton_pt"] = rng.uniform(20, 900, n_jets).astype(np.float32)
    tables["jets"]["contained"] = rng.random(n_jets, np.float32)
    tables["jets"]["decay_pdg_id"] = rng.integers(-6, 25, n_jets).astype(np.int32)
    tables["jets"]["box"] = boxes.around(GRID, tables["jets"]["eta"], tables["jets"]["phi"], 0.4)
    tables["baseline"] = _jets(rng, n_events)
    tables["baseline"]["score"] = rng.random(len(tables["baseline"]["pt"]), np.float32)
    tables["events"] = {
        "sample": np.zeros(n_events, np.uint8),
        "file": np.zeros(n_events, np.uint32),
        "entry": np.arange(first_entry, first_entry + n_events, dtype=np.uint32),
        "weight": np.ones(n_events, np.float32),
        "met": rng.exponential(30, n_events).astype(np.float32),
        "met_phi": rng.uniform(-3, 3, n_events).astype(np.float32),
        "rho": rng.uniform(0, 40, n_events).astype(np.float32),
        "n_vertices": rng.poisson(50, n_events).astype(np.int32),
        "true_pileup": np.full(n_events, 50, np.float32),
        "digest": rng.integers(1, 2**63, n_events, dtype=np.uint64),
    }
    return store.Batch(tables)


def _jets(rng: np.random.Generator, n_events: int) -> store.Columns:
    counts = rng.integers(0, 5, n_events)
    n = int(counts.sum())
    return {
        "indptr": np.concatenate([[0], np.cumsum(counts)]),
        "class_id": rng.integers(0, 5, n).astype(np.uint8),
        "pt": _falling(rng.uniform(20, 900, n).astype(np.float32), counts),
        "eta": rng.uniform(-2.9, 2.9, n).astype(np.float32),
        "phi": rng.uniform(-np.pi, np.pi, n).astype(np.float32),
        "mass": rng.uniform(0, 200, n).astype(np.float32),
    }


def _falling(pt: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """By descending pt within each event."""
    event = np.repeat(np.arange(len(counts)), counts)
    return pt[np.lexsort((-pt, event))]


def write(
    path: Path, *batches: store.Batch, sample: str = "tt", digest: str = "ab" * 32, name: str = "some.root"
) -> Path:
    """An event file of one input."""
    with store.create(path, attributes(sample)) as writer:
        for batch in batches:
            writer.append(batch)
        writer.files.append(store.InputFile(name, digest, sum(map(len, batches))))
    return path


def assert_equal(found: store.Batch, expected: store.Batch) -> None:
    assert found.tables.keys() == expected.tables.keys()
    for table, columns in expected.tables.items():
        assert found.tables[table].keys() == columns.keys()
        for name, rows in columns.items():
            np.testing.assert_array_equal(found.tables[table][name], rows, err_msg=f"{table}/{name}")
