"""One event out of an event file, with what is needed to look at it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.geometry.grid import Grid
from jetimg.event_file.layout import CHANNELS
from jetimg.event_file.store import Columns, Reader


@dataclass(frozen=True)
class Event:
    """One event.

    Attributes:
        sample: name of its physics sample.
        source: name of the file that it came from.
        entry: its entry in that file's tree.
        split: the split that it stands in.
        class_names: by class_id.
        grid: of the image.
        channels: tracker, ecal, hcal: (flat pixels, values in GeV).
        jets, baseline: columns of the tables of these names, see `jetimg.event_file.layout`.
    """

    sample: str
    source: str
    entry: int
    split: str
    class_names: tuple[str, ...]
    grid: Grid
    channels: dict[str, tuple[NDArray[np.uint32], NDArray[np.float32]]]
    jets: Columns
    baseline: Columns

    def total(self) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
        """The sum of the channels: flat pixels, ascending, and values in GeV."""
        pixel, index = np.unique(np.concatenate([hits[0] for hits in self.channels.values()]), return_inverse=True)
        weights = np.concatenate([hits[1] for hits in self.channels.values()])
        return pixel, np.bincount(index, weights=weights, minlength=len(pixel)).astype(np.float64)


def read_event(path: Path, number: int) -> Event:
    """Reads one event of an event file or shard.

    Raises:
        DataError: not a complete event file.
        ValueError: the file has no event of this number.
    """
    with Reader(path) as reader:
        if not 0 <= number < reader.n_events:
            valid = f"it has events 0 to {reader.n_events - 1}" if reader.n_events else "it has no events"
            raise ValueError(f"{path}: no event {number}: {valid}")
        tables = reader.read(number, number + 1).tables
        attributes, files = reader.attributes, reader.files
    row = {name: int(tables["events"][name][0]) for name in ("sample", "file", "entry")}
    n_eta, n_phi = attributes["image_shape"]
    return Event(
        sample=attributes["sample_names"][row["sample"]],
        source=Path(files[row["file"]].name).name,
        entry=row["entry"],
        split=attributes["split"],
        class_names=tuple(attributes["class_names"]),
        grid=Grid(attributes["eta_pitch"], n_eta, n_phi),
        channels={name: (tables[name]["pixel"], tables[name]["value"]) for name in CHANNELS},
        jets=tables["jets"],
        baseline=tables["baseline"],
    )
