"""Parquet: data/SPLIT/SAMPLE-00000.parquet, a row an event; with its README.md the folder is a Hugging Face data set.

Hits are lists `tracker_pixel` (row * n_phi + column), `tracker_value` (GeV), and so on; jets lists `jet_class` (index),
`jet_name`, `jet_box` (x_min, y_min, x_max, y_max in pixels), `jet_pt`, `jet_eta`, `jet_phi`, `jet_mass`.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jetimg.event_file.layout import CHANNELS
from jetimg.event_file.store import Batch
from jetimg.export.part import EVENT_COLUMNS, Part, Progress, jet_columns

# Some 200 MB; the hub asks for less than 500.
EVENTS_A_FILE = 20_000


def write(part: Part, folder: Path, progress: Progress) -> None:
    """One split, each sample in files of its own.

    Args:
        part: the events.
        folder: where `data` goes.
        progress: told of events.
    """
    with ExitStack() as stack:
        samples: dict[str, _Sample] = {}
        for first, names, batch in part.batches():
            for index, name in enumerate(names):
                chosen = np.flatnonzero(batch.tables["events"]["sample"] == index)
                if len(chosen):
                    if name not in samples:
                        samples[name] = _Sample(folder / "data" / part.split, name)
                        stack.callback(samples[name].close)
                    samples[name].append(_table(part, batch.take(chosen), first + chosen, name), len(chosen))
            progress(len(batch))


@dataclass
class _Sample:
    """The files of one sample: a new one when the last is full."""

    folder: Path
    name: str
    files: int = 0
    n_events: int = 0
    writer: Any = field(default=None)

    def append(self, table: Any, n_events: int) -> None:
        import pyarrow.parquet

        if self.writer is None or self.n_events >= EVENTS_A_FILE:
            self.close()
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{self.name}-{self.files:05d}.parquet"
            self.writer = pyarrow.parquet.ParquetWriter(path, table.schema, compression="zstd")
            self.files, self.n_events = self.files + 1, 0
        self.writer.write_table(table)
        self.n_events += n_events

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


def _table(part: Part, batch: Batch, event: np.ndarray[Any, Any], sample: str) -> Any:
    """Events as a table of Arrow."""
    import pyarrow

    def lists(indptr: np.ndarray[Any, Any], column: Any) -> Any:
        return pyarrow.LargeListArray.from_arrays(indptr, column).cast(pyarrow.list_(column.type))

    columns = {"event": pyarrow.array(event), "sample": pyarrow.array([sample] * len(batch))}
    columns |= {name: pyarrow.array(batch.tables["events"][name]) for name in EVENT_COLUMNS}
    for channel in CHANNELS:
        hits = batch.tables[channel]
        for name in ("pixel", "value"):
            columns[f"{channel}_{name}"] = lists(hits["indptr"], pyarrow.array(hits[name]))
    jets = jet_columns(part, batch)
    names = pyarrow.array(np.array(part.files.class_names)[jets["class_id"]].tolist(), pyarrow.string())
    flat = pyarrow.array(jets["box"].ravel())
    columns["jet_class"] = lists(jets["indptr"], pyarrow.array(jets["class_id"].astype(np.int64)))
    columns["jet_name"] = lists(jets["indptr"], names)
    columns["jet_box"] = lists(jets["indptr"], pyarrow.FixedSizeListArray.from_arrays(flat, 4))
    for name in ("number", "pt", "eta", "phi", "mass"):
        columns[f"jet_{name}"] = lists(jets["indptr"], pyarrow.array(jets[name]))
    return pyarrow.table(columns)
