"""Event files with one object an event: a photon in ECAL, or a pion with a track and an HCAL tower; and backgrounds."""

from pathlib import Path

import numpy as np

from detector import load
from detector.geometry import boxes
from detector.geometry.grid import Grid
from jetimg.event_file import store
from jetimg.event_file.layout import CHANNELS, TABLES
from jetimg.imaging.provenance import provenance
from jetimg.imaging.settings import ImageSettings, JetClass

GRID = Grid.of(load())
SETTINGS = ImageSettings(
    source="tower",
    hcal="spread",
    tracks="calorimeter",
    truth="status",
    box_radius=0.1,
    classes={"pi": JetClass(pdg_ids=(211,), status=1), "egamma": JetClass(pdg_ids=(11, 22), status=1)},
    priority=("pi", "egamma"),
    tags={},
)


def events(n: int, seed: int, *, objects: bool = True) -> store.Batch:
    """Events with one object each, pions and photons in turn; or backgrounds of scattered soft hits."""
    random = np.random.default_rng(seed)
    row, column = random.integers(10, GRID.n_eta - 10, n), random.integers(0, GRID.n_phi, n)
    pt, pion = random.uniform(20, 50, n), np.arange(n) % 2 == 0
    hits: dict[str, list[dict[int, float]]] = {name: [{} for _ in range(n)] for name in CHANNELS}
    for event in range(n):
        if not objects:
            for name in CHANNELS:
                chosen = random.choice(GRID.size, 50, replace=False)
                hits[name][event] = dict(zip(chosen.tolist(), random.exponential(1, 50) + 0.1, strict=True))
            continue
        place = int(row[event]), int(column[event])
        if pion[event]:
            hits["tracker"][event] = _square(place, 0, pt[event])
        hits["hcal" if pion[event] else "ecal"][event] = _square(place, 2 if pion[event] else 1, pt[event])
    tables = {name: _channel(found) for name, found in hits.items()}
    tables["jets"] = _jets(row, column, pt, pion) if objects else _nothing("jets", n)
    tables["baseline"] = _nothing("baseline", n)
    whole = np.arange(n, dtype=np.uint32)
    tables["events"] = {"sample": np.zeros(n, np.uint8), "file": np.zeros(n, np.uint32), "entry": whole}
    tables["events"]["weight"] = np.ones(n, np.float32)
    return store.Batch(tables)


def _square(place: tuple[int, int], reach: int, energy: float) -> dict[int, float]:
    """The energy over a square of pixels, the most of it in the middle."""
    found = {}
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            share = np.exp(-(x**2 + y**2) / 2)
            found[(place[0] + y) * GRID.n_phi + (place[1] + x) % GRID.n_phi] = energy * share
    return found


def _channel(found: list[dict[int, float]]) -> store.Columns:
    flat = [pair for event in found for pair in sorted(event.items())]
    return {
        "indptr": np.cumsum([0, *map(len, found)]),
        "pixel": np.array([pixel for pixel, _ in flat], np.uint32),
        "value": np.array([value for _, value in flat], np.float32),
    }


def _jets(row: np.ndarray, column: np.ndarray, pt: np.ndarray, pion: np.ndarray) -> store.Columns:
    eta, phi = (angle.astype(np.float32) for angle in GRID.to_angles(row + 0.5, column + 0.5))
    return {
        "indptr": np.arange(len(row) + 1),
        "class_id": (~pion).astype(np.uint8),
        "pdg_id": np.where(pion, 211, 22).astype(np.int32),
        "pt": pt.astype(np.float32),
        "eta": eta,
        "phi": phi,
        "mass": np.zeros(len(row), np.float32),
        "box": boxes.around(GRID, eta, phi, 0.1),
    }


def _nothing(table: str, n: int) -> store.Columns:
    empty = {
        name: np.empty((0,) if column.width == 1 else (0, column.width), column.dtype)
        for name, column in TABLES[table].items()
    }
    return {"indptr": np.zeros(n + 1, np.int64)} | empty


def write(path: Path, batch: store.Batch, sample: str = "objects") -> Path:
    """An event file of these events."""
    own = {"kind": "events", "split": "all", "sample_names": [sample]}
    with store.create(path, provenance(load(), SETTINGS) | own) as writer:
        writer.files.append(store.InputFile(f"{sample}.root", sample.encode().hex().ljust(64, "0"), len(batch)))
        writer.append(batch)
    return path
