"""NumPy's npz: files SPLIT-00000.npz of some thousand events each, flat columns with `indptr`.

Rows of event i are indptr[i] to indptr[i + 1]: of `tracker_*`, `ecal_*`, `hcal_*`, with pixel = row * n_phi + column
and value in GeV; and of `jet_*`, with box = x_min, y_min, x_max, y_max in pixels.
"""

from pathlib import Path
from typing import Any

import numpy as np

from jetimg.event_file.layout import CHANNELS
from jetimg.event_file.store import Batch
from jetimg.export.part import EVENT_COLUMNS, Part, Progress, jet_columns


def write(part: Part, folder: Path, progress: Progress) -> None:
    """One split.

    Args:
        part: the events.
        folder: where the files go.
        progress: told of events.
    """
    for number, (first, samples, batch) in enumerate(part.batches()):
        np.savez_compressed(
            folder / f"{part.split}-{number:05d}.npz",
            event=first + np.arange(len(batch)),
            **_columns(part, samples, batch),
        )
        progress(len(batch))


def _columns(part: Part, samples: list[str], batch: Batch) -> dict[str, Any]:
    found: dict[str, Any] = {f"jet_{name}": column for name, column in jet_columns(part, batch).items()}
    for channel in CHANNELS:
        found |= {f"{channel}_{name}": column for name, column in batch.tables[channel].items()}
    events = batch.tables["events"]
    found |= {name: events[name] for name in EVENT_COLUMNS}
    return found | {
        "sample": np.array(samples, np.str_)[events["sample"]],
        "class_names": np.array(part.files.class_names, np.str_),
        "image_shape": np.array(part.geometry.image_shape),
        "eta_pitch": np.array(part.geometry.eta_pitch),
    }
